// skein-blocks: the farm's samples of a stretch of time as one block, without scraping them. What
// it leaves is a data folder that every server that knows Prometheus' blocks can open.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "bench/load/farm/catalog.h"
#include "bench/load/farm/number.h"
#include "bench/load/farm/population.h"
#include "model/xor_chunk.h"
#include "tsdb/block/writer.h"

namespace {

using bench::FarmOptions;

constexpr size_t kChunkSamples = 120;
constexpr int64_t kStepMsMax = 3'600'000;

struct Series {
    std::vector<std::pair<std::string, std::string>> labels;  // sorted
    uint32_t target;
    bench::Slot slot;
};

// Gathers the targets' series with the labels a scrape would have given them.
class Gatherer final : public bench::SeriesSink {
  public:
    void begin_target(uint32_t target) { target_ = target; }

    void family(std::string_view name, std::string_view, std::string_view) override {
        name_ = name;
    }

    void series(std::string_view suffix,
                std::string_view labels,
                std::string_view le,
                const bench::Slot& slot) override {
        Series series{{}, target_, slot};
        series.labels = {{"__name__", name_ + std::string(suffix)},
                         {"cluster", "prod-eu-1"},
                         {"instance", bench::instance_of(target_)},
                         {"job", std::string(bench::job_of(bench::kind_of(target_)))}};
        if (!le.empty()) {
            series.labels.emplace_back("le", le);
        }
        while (!labels.empty()) {  // a="b",c="d"; the farm's values need no escapes
            const size_t equals = labels.find('=');
            const size_t end = labels.find('"', equals + 2);
            series.labels.emplace_back(labels.substr(0, equals),
                                       labels.substr(equals + 2, end - equals - 2));
            labels.remove_prefix(std::min(labels.size(), end + 2));
        }
        std::ranges::sort(series.labels);
        all_.push_back(std::move(series));
    }

    [[nodiscard]] std::vector<Series>& all() { return all_; }

  private:
    uint32_t target_ = 0;
    std::string name_;
    std::vector<Series> all_;
};

// The chunks of one series after another.
class ChunkMaker {
  public:
    explicit ChunkMaker(const FarmOptions& options) : options_(options) {}

    // The chunks hold until the next call.
    const std::vector<tsdb::block::ChunkInput>& make(const Series& series) {
        chunks_.clear();
        used_ = 0;
        for (int64_t t = options_.start_ms; t <= options_.end_ms;) {
            const int64_t end =
                std::min(options_.end_ms, t + (int64_t{kChunkSamples} - 1) * options_.step_ms);
            add_chunk(series, t, end);
            t = end + options_.step_ms;
        }
        return chunks_;
    }

  private:
    void add_chunk(const Series& series, int64_t begin, int64_t end) {
        if (buffers_.size() == used_) {
            buffers_.emplace_back();
        }
        std::vector<uint8_t>& buffer = buffers_[used_++];
        buffer.assign(model::kXorFirstSampleBytesMax + kChunkSamples * model::kXorSampleBytesMax,
                      0);
        model::XorState state;
        int64_t last = begin;
        for (int64_t t = begin; t <= end; t += options_.step_ms) {
            char text[bench::kNumberMax];
            const char* text_end =
                write_value(text, series.slot, bench::moment_of(options_, series.target, t));
            double value = 0;
            std::from_chars(text, text_end, value);
            const bool fits = model::xor_append(
                state, buffer.data(), 0, buffer.size(), t, std::bit_cast<uint64_t>(value));
            SKEIN_CHECK(fits, "the buffer has room for a whole chunk");
            last = t;
        }
        model::xor_finish(buffer.data(), state.count);
        chunks_.push_back({.encoding = model::Encoding::kXor,
                           .bytes = {buffer.data(), state.bytes()},
                           .min_t = begin,
                           .max_t = last});
    }

    const FarmOptions& options_;
    size_t used_ = 0;
    std::vector<std::vector<uint8_t>> buffers_;
    std::vector<tsdb::block::ChunkInput> chunks_;
};

using Numbers = std::map<std::string, uint32_t, std::less<>>;

base::Result<Numbers> write_symbols(const std::vector<Series>& all,
                                    tsdb::block::BlockWriter& writer) {
    Numbers numbers;
    for (const Series& series : all) {
        for (const auto& [name, value] : series.labels) {
            numbers.try_emplace(name, 0);
            numbers.try_emplace(value, 0);
        }
    }
    uint32_t next = 1;
    for (auto& [text, number] : numbers) {
        TRY(writer.add_symbol(text));
        number = next++;
    }
    return numbers;
}

base::Result<uint64_t> write_block(const FarmOptions& options, const std::string& folder) {
    Gatherer gatherer;
    for (uint32_t target = 0; target < options.targets; ++target) {
        gatherer.begin_target(target);
        describe_target(options.seed, target, options.series, gatherer);
    }
    std::ranges::sort(gatherer.all(), {}, &Series::labels);

    const auto files = base::make_posix_files();
    TRY(files->make_folders(folder));
    base::SystemRandom random;
    const auto ulid = tsdb::block::Ulid::make(options.end_ms, random);
    TRY(const auto writer, tsdb::block::BlockWriter::create(*files, folder, ulid, {}));
    TRY(const Numbers numbers, write_symbols(gatherer.all(), *writer));
    ChunkMaker maker(options);
    std::vector<model::LabelSymbols> labels;
    for (const Series& series : gatherer.all()) {
        labels.clear();
        for (const auto& [name, value] : series.labels) {
            labels.push_back({numbers.find(name)->second, numbers.find(value)->second});
        }
        TRY(writer->add_series(labels, maker.make(series)));
    }
    tsdb::block::BlockMeta meta;
    meta.min_t = options.start_ms;
    meta.max_t = options.end_ms + 1;
    TRY(const auto written, writer->publish(meta));
    return written ? written->stats.samples : 0;
}

}  // namespace

int main(int argc, char** argv) {
    FarmOptions options;
    std::string folder;
    CLI::App app{"The farm's samples as a block, without scraping them."};
    app.add_option("FOLDER", folder, "Data folder that gets the block.")->required();
    app.add_option("--targets", options.targets)->check(CLI::Range(1U, bench::kTargetsMax));
    app.add_option("--series", options.series, "Per target.")
        ->check(CLI::Range(1U, bench::kSeriesMax));
    app.add_option("--seed", options.seed);
    app.add_option("--restart-hours", options.restart_hours, "Counters begin anew; 0: never.");
    app.add_option("--start-ms", options.start_ms, "Of the first samples, Unix time.")->required();
    app.add_option("--end-ms", options.end_ms, "Of the last ones, inclusive.")->required();
    app.add_option("--step-ms", options.step_ms)->check(CLI::Range(int64_t{1}, kStepMsMax));
    CLI11_PARSE(app, argc, argv);
    const auto samples = write_block(options, folder);
    if (!samples) {
        std::fprintf(stderr, "skein-blocks: %s\n", samples.error().message().c_str());
        return 1;
    }
    std::printf("%llu\n", static_cast<unsigned long long>(samples.value()));
    return 0;
}
