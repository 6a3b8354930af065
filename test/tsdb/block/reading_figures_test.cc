// Figures, printed: nanoseconds of processor time per series matched, read and merged. Hidden; run
// tsdb_block_test "[.figures]" of an optimised build.
#include <cstdio>
#include <ctime>
#include <string>

#include <catch2/catch.hpp>

#include "model/merge.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/block/figure_labels.h"
#include "tsdb/block/block.h"

namespace {

using model::Matcher;
using model::MatchType;
using tsdb::block::Block;

constexpr size_t kInstances = 1000;
constexpr size_t kNames = 1000;
constexpr double kNsPerSecond = 1e9;

// Writes a million series of two chunks; returns the block's folder.
std::string write_million(base::Files& files, const std::string& folder) {
    base::SeededRandom random(1);
    const auto ulid = tsdb::block::Ulid::make(1, random);
    std::vector<block_test::Series> shape;
    for (size_t i = 0; i < kInstances; ++i) {
        shape.push_back({block_test::labels_of(i, i), {}});
    }
    const auto symbols = block_test::symbols_of(shape);
    auto writer = tsdb::block::BlockWriter::create(files, folder, ulid, {}).value();
    for (const std::string& symbol : symbols) {
        REQUIRE(writer->add_symbol(symbol).has_value());
    }
    constexpr int64_t kLength = 119 * block_test::kInterval;
    constexpr int64_t kSecond = kLength + block_test::kInterval;
    const auto first = block_test::xor_chunk(block_test::some_samples(0, 120, 1));
    const auto second = block_test::xor_chunk(block_test::some_samples(kSecond, 120, 1));
    const std::vector<tsdb::block::ChunkInput> chunks = {
        {model::Encoding::kXor, first, 0, kLength},
        {model::Encoding::kXor, second, kSecond, kSecond + kLength}};
    for (size_t name = 0; name < kNames; ++name) {
        const auto of_name = block_test::numbers_of(block_test::labels_of(name, 0), symbols);
        static std::vector<std::vector<model::LabelSymbols>> of_instance(kInstances);
        for (size_t i = 0; i < kInstances; ++i) {
            auto& labels = of_instance[i];
            if (labels.empty()) {
                labels = block_test::numbers_of(block_test::labels_of(0, i), symbols);
            }
            labels[0] = of_name[0];
            labels[3] = of_name[3];
            REQUIRE(writer->add_series(labels, chunks).has_value());
        }
    }
    tsdb::block::BlockMeta meta;
    meta.max_t = kSecond + kLength + 1;
    REQUIRE(writer->publish(meta).has_value());
    return folder + "/" + ulid.text();
}

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / kNsPerSecond;
}

// Prints how much processor time `work`, which returns a number of series, takes
// for each.
template <class Work>
void measure(const char* what, Work&& work) {
    const double began = cpu_seconds();
    const size_t series = work();
    const double seconds = cpu_seconds() - began;
    std::printf("%-44s %8zu series %8.1f ns/series %8.2f ms\n",
                what,
                series,
                seconds * kNsPerSecond / static_cast<double>(std::max<size_t>(series, 1)),
                seconds * 1000);
}

size_t count(model::SeriesSet& set) {
    size_t series = 0;
    model::SeriesBatch batch;
    while (set.next(batch).value()) {
        series += batch.series.size();
    }
    return series;
}

Matcher matcher(MatchType type, const char* name, const char* value) {
    return Matcher::create(type, name, value).value();
}

}  // namespace

TEST_CASE("figures of reading a block", "[.figures]") {
    const auto files = base::make_posix_files();
    const test_support::TempFolder folder;
    const std::string path = write_million(*files, folder.path());
    std::shared_ptr<const Block> block;
    measure("open", [&] {
        block = Block::open(*files, path).value();
        return kNames * kInstances;
    });
    const auto match = [&](const char* what, std::vector<Matcher> matchers) {
        measure(what, [&] { return block->index().match(matchers, {}).value().size(); });
    };
    match("match everything", {});
    match("match job=", {Matcher::equal("job", "checkout")});
    match("match __name__=, job=",
          {Matcher::equal("__name__", "http_request_metric_0500"),
           Matcher::equal("job", "checkout")});
    match("match __name__=, instance=~",
          {Matcher::equal("__name__", "http_request_metric_0500"),
           matcher(MatchType::kRegex, "instance", "10.0.12.01.*")});
    match("match instance=~ (100 of 1000 values)",
          {matcher(MatchType::kRegex, "instance", "10.0.12.01.*")});
    match("match job=, instance!~ (100 of 1000 values)",
          {Matcher::equal("job", "checkout"), matcher(MatchType::kNotRegex, "instance", ".*01..")});
    match(
        "match pod=, node=",
        {Matcher::equal("pod", "checkout-7f9c6d5b8-0007"), Matcher::equal("node", "10.0.12.0007")});

    const auto querier = [&](uint32_t source) {
        return make_querier(block, model::kMinTime, model::kMaxTime, source);
    };
    const auto select = [&](const char* what, model::Querier& from, bool skip_chunks) {
        measure(what, [&] {
            model::SelectHints hints;
            hints.skip_chunks = skip_chunks;
            return count(*from.select(hints, {}, {}).value());
        });
    };
    select("labels of all, pages cold", *querier(1), true);
    select("labels of all", *querier(1), true);
    select("labels and chunks of all, pages cold", *querier(1), false);
    select("labels and chunks of all", *querier(1), false);
    for (const uint32_t sources : {2U, 8U}) {
        std::vector<std::unique_ptr<model::Querier>> queriers;
        for (uint32_t i = 0; i < sources; ++i) {
            queriers.push_back(querier(i));
        }
        const auto merged = model::merge_queriers(std::move(queriers));
        select(sources == 2 ? "two sources of the same merged" : "eight sources of the same merged",
               *merged,
               false);
    }
    measure("label values of one matcher", [&] {
        const std::vector<Matcher> one = {Matcher::equal("instance", "10.0.12.0007")};
        return querier(1)->label_values("__name__", {}, one, {}).value().size();
    });
    measure("label names of one matcher", [&] {
        const std::vector<Matcher> one = {Matcher::equal("instance", "10.0.12.0007")};
        return querier(1)->label_names({}, one, {}).value().size();
    });
}
