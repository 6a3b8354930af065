// A database on files in memory, and what a test asks of it.
#pragma once

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "model/chunk_codec.h"
#include "test/support/memory_files.h"
#include "tsdb/db.h"

namespace tsdb_test {

// Values by their bits, so that NaNs compare.
using Points = std::vector<std::pair<int64_t, uint64_t>>;
using Contents = std::map<std::string, Points>;

// One process' share: budget, registry, database. Destroying it closes cleanly.
class Node {
  public:
    explicit Node(base::Files& files, tsdb::TsdbOptions options = defaults(), base::Logger log = {})
        : options_(std::move(options)) {
        auto opened = tsdb::Db::open(options_, files, clock_, budget_, log, registry_, {});
        if (!opened) {
            FAIL(opened.error().message());
        }
        db_ = std::move(opened).value();
    }

    [[nodiscard]] static tsdb::TsdbOptions defaults() {
        tsdb::TsdbOptions options;
        options.path = "/data";
        options.disk_reserve_bytes = 0;  // tests count writes
        return options;
    }

    tsdb::Db& db() { return *db_; }

    base::Registry& registry() { return registry_; }

    base::Budget& budget() { return budget_; }

    // Appends one sample and waits.
    base::Result<model::CommitReport> append(const model::Labels& labels, int64_t t, double v) {
        return append(labels, {{t, v}});
    }

    base::Result<model::CommitReport> append(
        const model::Labels& labels, const std::vector<std::pair<int64_t, double>>& points) {
        const auto appender = db_->appender(model::origin_of(labels));
        auto handle = appender->resolve(labels, labels.hash(), nullptr);
        if (!handle) {
            return base::fail(handle.error());
        }
        model::AppendBatch batch;
        for (const auto& [t, v] : points) {
            batch.floats.push_back({.series = handle.value(), .t = t, .v = v});
        }
        return model::commit_and_wait(*appender, std::move(batch));
    }

    // Everything that matches, decoded, by the series' text.
    Contents contents(const model::SelectHints& hints = {},
                      const std::vector<model::Matcher>& matchers = {}) {
        auto querier = db_->querier(hints.min_t, hints.max_t);
        REQUIRE(querier);
        auto set = querier.value()->select(hints, matchers, {});
        REQUIRE(set);
        Contents out;
        model::SeriesBatch batch;
        while (true) {
            const auto more = set.value()->next(batch);
            REQUIRE(more);
            if (!more.value()) {
                return out;
            }
            for (const model::SeriesView& series : batch.series) {
                const bool is_new = out.emplace(text_of(batch, series), decode(series)).second;
                REQUIRE(is_new);
            }
        }
    }

    static std::string text_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
        std::vector<model::LabelView> labels;
        for (const model::LabelSymbols& label : series.labels) {
            labels.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
        }
        return model::Labels::from_sorted(labels).to_series_string();
    }

    // Histograms stand with the bits of their sum.
    static Points decode(const model::SeriesView& series) {
        std::vector<model::TypedSample> samples;
        for (const model::ChunkView& chunk : series.chunks) {
            const size_t before = samples.size();
            REQUIRE(model::decode_samples(chunk, samples));
            REQUIRE(samples.size() > before);
            CHECK(samples[before].t == chunk.min_t);
            CHECK(samples.back().t == chunk.max_t);
        }
        std::ranges::stable_sort(samples, {}, &model::TypedSample::t);
        Points points;
        for (const model::TypedSample& sample : samples) {
            if (!points.empty() && points.back().first == sample.t) {
                continue;
            }
            const double value = sample.integer != nullptr    ? sample.integer->sum
                                 : sample.floating != nullptr ? sample.floating->sum
                                                              : sample.v;
            points.emplace_back(sample.t, std::bit_cast<uint64_t>(value));
        }
        return points;
    }

  private:
    tsdb::TsdbOptions options_;
    base::SystemClock clock_;
    base::Budget budget_{"process"};
    base::Registry registry_;
    std::unique_ptr<tsdb::Db> db_;
};

inline model::Labels labels_of(const std::string& name, const std::string& id) {
    return model::Labels{{"__name__", name}, {"id", id}, {"instance", "host:1"}, {"job", "test"}};
}

}  // namespace tsdb_test
