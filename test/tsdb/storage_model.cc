#include "test/tsdb/storage_model.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "model/histogram_layout.h"
#include "model/sample.h"

namespace tsdb_test {
namespace {

constexpr size_t kDifferencesShown = 5;

std::string number(double v) {
    return std::to_string(std::bit_cast<uint64_t>(v));
}

// Buckets by their index, without the empty ones: a chunk may have added those.
std::string buckets_text(const std::vector<model::Span>& spans, const std::vector<double>& counts) {
    std::string out;
    int64_t index = 0;
    size_t at = 0;
    for (const model::Span& span : spans) {
        index += span.offset;
        for (uint32_t i = 0; i < span.length && at < counts.size(); ++i, ++at, ++index) {
            if (counts[at] != 0) {
                out += std::to_string(index) + ":" + number(counts[at]) + ",";
            }
        }
    }
    return out;
}

std::string histogram_text(const model::FloatHistogram& histogram) {
    std::string out = std::to_string(histogram.schema) + "/" + number(histogram.zero_threshold) +
                      "/" + number(histogram.zero_count) + "/" + number(histogram.count) + "/" +
                      number(histogram.sum) + "/" +
                      buckets_text(histogram.positive_spans, histogram.positive_buckets) + "/" +
                      buckets_text(histogram.negative_spans, histogram.negative_buckets) + "/";
    for (const double bound : histogram.custom_values) {
        out += number(bound) + ",";
    }
    return out;
}

base::Status add_series(const model::SeriesBatch& batch,
                        const model::SeriesView& series,
                        Answers& out) {
    std::vector<model::LabelView> labels;
    for (const model::LabelSymbols& label : series.labels) {
        labels.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
    }
    const auto [at, is_new] =
        out.try_emplace(model::Labels::from_sorted(labels).to_series_string());
    if (!is_new) {
        return base::fail(base::Code::kInternal, "a series came twice:", at->first);
    }
    std::vector<model::TypedSample> samples;
    for (const model::ChunkView& chunk : series.chunks) {
        samples.clear();
        TRY(model::decode_samples(chunk, samples));
        if (samples.empty() || samples.front().t != chunk.min_t ||
            samples.back().t != chunk.max_t) {
            return base::fail(base::Code::kInternal, "a chunk's times are wrong:", at->first);
        }
        for (const model::TypedSample& sample : samples) {
            const auto [place, added] = at->second.emplace(sample.t, value_text(sample));
            if (!added && place->second != value_text(sample)) {
                return base::fail(base::Code::kInternal, "two values at one time:", at->first);
            }
        }
    }
    return base::success();
}

}  // namespace

std::string value_text(const model::TypedSample& sample) {
    const double value = sample.integer != nullptr    ? sample.integer->sum
                         : sample.floating != nullptr ? sample.floating->sum
                                                      : sample.v;
    if (model::is_stale(value)) {
        return "stale";
    }
    if (sample.integer != nullptr) {
        return "i" + histogram_text(model::to_float(*sample.integer));
    }
    if (sample.floating != nullptr) {
        return "f" + histogram_text(*sample.floating);
    }
    return number(sample.v);
}

base::Result<Answers> ask(tsdb::Db& db, int64_t min_t, int64_t max_t) {
    TRY(const auto querier, db.querier(min_t, max_t));
    return ask(*querier, min_t, max_t);
}

base::Result<Answers> ask(model::Querier& querier, int64_t min_t, int64_t max_t) {
    TRY(const auto set, querier.select({.min_t = min_t, .max_t = max_t}, {}, {}));
    Answers out;
    model::SeriesBatch batch;
    while (true) {
        TRY(const bool more, set->next(batch));
        if (!more) {
            return out;
        }
        for (const model::SeriesView& series : batch.series) {
            TRY(add_series(batch, series, out));
        }
    }
}

base::Result<Answers> ask(tsdb::Db& db) {
    return ask(db, model::kMinTime, model::kMaxTime);
}

Answers between(const Answers& all, int64_t min_t, int64_t max_t) {
    Answers out;
    for (const auto& [series, line] : all) {
        const auto from = line.lower_bound(min_t);
        const auto to = line.upper_bound(max_t);
        if (from != to) {
            out.emplace(series, Line(from, to));
        }
    }
    return out;
}

std::string surplus(const Answers& got, const Answers& want) {
    for (const auto& [series, line] : got) {
        const auto wanted = want.find(series);
        for (const auto& [t, value] : line) {
            const auto* const same = wanted == want.end() ? nullptr : &wanted->second;
            const auto at = same == nullptr ? Line::const_iterator() : same->find(t);
            if (same == nullptr || at == same->end() || at->second != value) {
                return series + " @" + std::to_string(t) + " is " + value + ", should be " +
                       (same == nullptr || at == same->end() ? "absent" : at->second);
            }
        }
    }
    return "";
}

std::string differences(const Answers& got, const Answers& want) {
    std::string out;
    size_t shown = 0;
    const auto compare = [&](const Answers& left, const Answers& right, const char* what) {
        for (const auto& [series, line] : left) {
            const auto other = right.find(series);
            for (const auto& [t, value] : line) {
                const bool there = other != right.end() && other->second.contains(t);
                const bool same = there && other->second.at(t) == value;
                if (!same && shown++ < kDifferencesShown) {
                    out += series + " @" + std::to_string(t) + " " + value + " " + what;
                    out += there ? " (otherwise: " + other->second.at(t) + ")\n" : "\n";
                }
            }
        }
    };
    compare(want, got, "is missing");
    compare(got, want, "should not be");
    return shown == 0 ? "" : out + std::to_string(shown) + " differences\n";
}

Process::Process(base::Files& files, const tsdb::TsdbOptions& options)
    : files_(files), options_(options) {}

base::Status Process::start() {
    TRY(db_, tsdb::Db::open(options_, files_, clock_, budget_, {}, registry_, {}));
    return base::success();
}

int64_t Process::end() {
    db_.reset();
    return budget_.used();
}

base::Result<bool> commit(tsdb::Db& db,
                          const std::vector<Staged>& samples,
                          Answers& into,
                          Answers& maybe) {
    const auto appender = db.appender(model::origin_of("job", "instance"));
    model::AppendBatch batch;
    std::vector<const Staged*> floats;
    std::vector<const Staged*> histograms;
    for (const Staged& staged : samples) {
        const model::TypedSample& sample = staged.sample;
        TRY(const auto handle, appender->resolve(staged.labels, staged.labels.hash(), nullptr));
        if (sample.is_float()) {
            batch.floats.push_back({.series = handle, .t = sample.t, .v = sample.v});
            floats.push_back(&staged);
        } else {
            batch.histograms.push_back({.series = handle,
                                        .t = sample.t,
                                        .integer = sample.integer,
                                        .floating = sample.floating});
            histograms.push_back(&staged);
        }
    }
    const auto report = model::commit_and_wait(*appender, std::move(batch));
    if (!report) {
        for (const Staged& staged : samples) {
            maybe[staged.labels.to_series_string()][staged.sample.t] = value_text(staged.sample);
        }
        return base::fail(report.error());
    }
    for (const model::Rejected& rejected : report.value().rejected) {
        (rejected.histogram ? histograms : floats)[rejected.index] = nullptr;
    }
    // What is only in memory need not outlive the process.
    Answers& to = report.value().logged ? into : maybe;
    for (const auto* const list : {&floats, &histograms}) {
        for (const Staged* staged : *list) {
            if (staged != nullptr) {
                to[staged->labels.to_series_string()].emplace(staged->sample.t,
                                                              value_text(staged->sample));
            }
        }
    }
    return report.value().rejected.empty();
}

}  // namespace tsdb_test
