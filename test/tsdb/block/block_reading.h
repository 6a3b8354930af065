// Series sets read to their end, as maps.
#pragma once

#include <map>
#include <optional>

#include <catch2/catch.hpp>

#include "model/storage.h"
#include "test/tsdb/block/block_builder.h"

namespace block_test {

using Content = std::map<model::Labels, Samples>;

inline model::Labels labels_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::vector<model::LabelView> views;
    for (const auto& label : series.labels) {
        views.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    return model::Labels::from_sorted(views);
}

// The samples of XOR chunks that do not overlap.
inline Samples samples_of(const model::SeriesView& series) {
    Samples samples;
    for (const auto& chunk : series.chunks) {
        REQUIRE(chunk.encoding == model::Encoding::kXor);
        const Samples part = decode(chunk.bytes);
        REQUIRE_FALSE(part.empty());
        REQUIRE(part.front().first == chunk.min_t);
        REQUIRE(part.back().first == chunk.max_t);
        REQUIRE((samples.empty() || samples.back().first < chunk.min_t));
        samples.insert(samples.end(), part.begin(), part.end());
    }
    return samples;
}

// Nothing when the set fails.
inline std::optional<Content> try_read_all(model::SeriesSet& set) {
    Content content;
    model::SeriesBatch batch;
    for (;;) {
        const auto more = set.next(batch);
        if (!more.has_value()) {
            return std::nullopt;
        }
        if (!more.value()) {
            return content;
        }
        for (const auto& series : batch.series) {
            const model::Labels labels = labels_of(batch, series);
            REQUIRE((content.empty() || content.rbegin()->first < labels));
            content.emplace(labels, samples_of(series));
        }
    }
}

inline Content read_all(model::SeriesSet& set) {
    auto content = try_read_all(set);
    REQUIRE(content.has_value());
    return std::move(*content);
}

}  // namespace block_test
