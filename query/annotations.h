// What a query wants to say besides its answer: warnings and infos, each with the place in the
// query it is about. The texts are part of the API (dashboards and test scripts look for them).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/push_down.h"
#include "query/ast.h"

namespace query {

// What was being done with two histograms, for texts.
enum class HistogramOperation : uint8_t { kAddition, kSubtraction, kAggregation };

// The place of a note about `part`, without the parentheses around it, that comes up when `whole`
// is evaluated: it begins as the part and ends as the whole.
[[nodiscard]] PositionRange place_of(const Expr& part, const Expr& whole);

// Collects annotations of one query; the same text is kept once, with the last place, in the
// order of evaluation, that it came up at.
// Threads: one.
class Annotations {
  public:
    void invalid_quantile(double q, PositionRange at);
    void invalid_ratio(double ratio, double capped_to, PositionRange at);
    void bad_bucket_label(std::string_view metric, std::string_view le, PositionRange at);
    void mixed_floats_histograms(std::string_view metric, PositionRange at);
    void mixed_floats_histograms_aggregation(PositionRange at);
    void mixed_classic_native(std::string_view metric, PositionRange at);
    void mixed_exponential_custom(std::string_view metric, PositionRange at);
    void not_a_counter(std::string_view metric, PositionRange at);
    void not_a_gauge(std::string_view metric, PositionRange at);
    void incompatible_bucket_layout(std::string_view op, PositionRange at);
    void sort_in_range_query(PositionRange at);
    void counter_reset_collision(HistogramOperation operation, PositionRange at);
    void start_time_overlap(std::string_view metric, PositionRange at);

    void maybe_not_counter(std::string_view metric, PositionRange at);
    void incompatible_types(std::string_view left,
                            std::string_view op,
                            std::string_view right,
                            PositionRange at);
    void histogram_ignored_in_aggregation(std::string_view aggregation, PositionRange at);
    void histograms_ignored_in_range(std::string_view metric, PositionRange at);
    void quantile_nan_result(std::string_view metric, PositionRange at);
    void quantile_nan_skew(std::string_view metric, PositionRange at);
    void fraction_nans(std::string_view metric, PositionRange at);
    void custom_buckets_reconciled(HistogramOperation operation, PositionRange at);
    // Repeats of it are summed up in one line.
    void forced_monotonicity(std::string_view metric,
                             PositionRange at,
                             int64_t t_ms,
                             double min_bucket,
                             double max_bucket,
                             double max_diff);

    // A warning of the storage, as it is.
    void storage_warning(std::string text);

    [[nodiscard]] bool empty() const { return entries_.empty(); }

    // Hands everything over to a part of an answer: notes and warnings of the storage. False when
    // it cannot be: some notes sum up what comes up several times, which parts cannot add up.
    [[nodiscard]] bool give(model::Partial& part) const;
    // Takes over what a part of the same query has to say, as if it had been said here.
    void take(Annotations&& part);
    // Takes a note of a part, whose places are `shift` bytes further on in the query.
    void take(model::PartialNote&& note, int32_t shift);

    // Complete texts, with "(line:column)" in `query` where there is a place.
    [[nodiscard]] std::vector<std::string> warnings(std::string_view query) const;
    [[nodiscard]] std::vector<std::string> infos(std::string_view query) const;

  private:
    enum class Detail : uint8_t { kPlain, kMonotonicity, kOverlap };

    struct Entry {
        std::string text;
        bool warning = false;
        bool placed = true;
        PositionRange at;
        Detail detail = Detail::kPlain;
        uint64_t count = 1;
        int64_t min_t = 0, max_t = 0;
        double min_bucket = 0, max_bucket = 0, max_diff = 0;
    };

    Entry& add(bool warning, std::string text, PositionRange at, bool* created = nullptr);
    [[nodiscard]] std::vector<std::string> render(bool warnings, std::string_view query) const;

    std::vector<Entry> entries_;
    std::unordered_map<std::string, size_t> by_text_;
};

}  // namespace query
