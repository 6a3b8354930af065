// Blocks for tests: series of floats given as plain values, written with BlockWriter.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "model/xor_chunk.h"
#include "tsdb/block/writer.h"

namespace block_test {

struct Sample {
    int64_t t = 0;
    double v = 0;

    bool operator==(const Sample&) const = default;
};

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Series {
    Labels labels;                            // by name
    std::vector<std::vector<Sample>> chunks;  // by time
};

inline std::vector<uint8_t> xor_chunk(const std::vector<Sample>& samples) {
    std::vector<uint8_t> bytes(model::kXorFirstSampleBytesMax +
                               samples.size() * model::kXorSampleBytesMax);
    model::XorState state;
    for (const Sample& sample : samples) {
        SKEIN_CHECK(model::xor_append(
            state, bytes.data(), 0, bytes.size(), sample.t, std::bit_cast<uint64_t>(sample.v)));
    }
    model::xor_finish(bytes.data(), state.count);
    bytes.resize(state.bytes());
    return bytes;
}

// Symbol numbers by text, as BlockWriter gives them.
inline std::vector<std::string> symbols_of(const std::vector<Series>& series) {
    std::set<std::string> symbols{""};
    for (const Series& one : series) {
        for (const auto& [name, value] : one.labels) {
            symbols.insert(name);
            symbols.insert(value);
        }
    }
    return {symbols.begin(), symbols.end()};
}

inline std::vector<model::LabelSymbols> numbers_of(const Labels& labels,
                                                   const std::vector<std::string>& symbols) {
    const auto number = [&](const std::string& text) {
        const auto at = std::lower_bound(symbols.begin(), symbols.end(), text);
        return static_cast<uint32_t>(at - symbols.begin());
    };
    std::vector<model::LabelSymbols> numbers;
    for (const auto& [name, value] : labels) {
        numbers.push_back({number(name), number(value)});
    }
    return numbers;
}

inline base::Status add_series(tsdb::block::BlockWriter& writer,
                               const Series& series,
                               const std::vector<std::string>& symbols) {
    std::vector<std::vector<uint8_t>> payloads;
    std::vector<tsdb::block::ChunkInput> inputs;
    for (const auto& samples : series.chunks) {
        payloads.push_back(xor_chunk(samples));
    }
    for (size_t i = 0; i < payloads.size(); ++i) {
        inputs.push_back({model::Encoding::kXor,
                          payloads[i],
                          series.chunks[i].front().t,
                          series.chunks[i].back().t});
    }
    return writer.add_series(numbers_of(series.labels, symbols), inputs);
}

// Writes and publishes a block of the series, which are sorted.
inline base::Result<std::optional<tsdb::block::BlockMeta>> write_block(
    base::Files& files,
    const base::Path& data_folder,
    const tsdb::block::Ulid& ulid,
    const std::vector<Series>& series,
    const tsdb::block::BlockWriter::Options& options = {}) {
    TRY(auto writer, tsdb::block::BlockWriter::create(files, data_folder, ulid, options));
    const std::vector<std::string> symbols = symbols_of(series);
    for (const std::string& symbol : symbols) {
        TRY(writer->add_symbol(symbol));
    }
    tsdb::block::BlockMeta meta;
    meta.min_t = INT64_MAX;
    for (const Series& one : series) {
        TRY(add_series(*writer, one, symbols));
        meta.min_t = std::min(meta.min_t, one.chunks.front().front().t);
        meta.max_t = std::max(meta.max_t, one.chunks.back().back().t + 1);
    }
    return writer->publish(meta);
}

inline constexpr int64_t kStart = 1'700'000'000'000;
inline constexpr int64_t kInterval = 15'000;

inline std::vector<Sample> some_samples(int64_t from, size_t count, double first) {
    std::vector<Sample> samples;
    for (size_t i = 0; i < count; ++i) {
        samples.push_back(
            {from + static_cast<int64_t>(i) * kInterval, first + static_cast<double>(i % 7) / 4});
    }
    return samples;
}

// Series of all kinds, sorted: none to many labels, one to many chunks, long and odd values.
inline std::vector<Series> varied_series() {
    std::vector<Series> series;
    const auto add = [&](Labels labels, size_t chunks, size_t samples) {
        Series one{std::move(labels), {}};
        int64_t t = kStart;
        for (size_t i = 0; i < chunks; ++i) {
            one.chunks.push_back(some_samples(t, samples, static_cast<double>(series.size())));
            t = one.chunks.back().back().t + kInterval;
        }
        series.push_back(std::move(one));
    };
    for (size_t i = 0; i < 50; ++i) {
        const std::string number = std::to_string(100 + i);
        add({{"__name__", "requests_total"},
             {"code", i % 3 == 0 ? "200" : "500"},
             {"instance", "host-" + number},
             {"job", i < 25 ? "shop" : "till"}},
            1 + i % 5,
            1 + i * 3 % 120);
    }
    add({{"__name__", "same"}}, 1, 1);
    add({{"__name__", "same"}, {"job", "same"}}, 1, 2);
    add({{"__name__", "same"}, {"job", "same"}, {"same", "same"}}, 3, 120);
    add({{"__name__", "text"}, {"long", std::string(1000, 'x')}}, 2, 10);
    add({{"__name__", "text"}, {"long", "\u00e9\u4e16\""}}, 2, 10);
    add({{"__name__", "text"}, {"z", "last"}}, 2, 10);
    add({{"job", "without a name"}}, 2, 10);
    std::ranges::sort(series, {}, &Series::labels);
    return series;
}

}  // namespace block_test
