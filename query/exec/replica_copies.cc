#include "query/exec/replica_copies.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/sample.h"

namespace query::exec {
namespace {

bool is_stale(const HistogramPtr& histogram) {
    return model::is_stale(histogram->sum);
}

bool same(double a, double b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

// But for what they say about resets, which depends on where their chunks begin.
bool same(const HistogramPtr& a, const HistogramPtr& b) {
    return a == b || (is_stale(a) && is_stale(b)) ||
           (a->schema == b->schema && a->zero_threshold == b->zero_threshold &&
            same(a->zero_count, b->zero_count) && same(a->count, b->count) &&
            same(a->sum, b->sum) && a->positive_spans == b->positive_spans &&
            a->negative_spans == b->negative_spans && a->positive_buckets == b->positive_buckets &&
            a->negative_buckets == b->negative_buckets && a->custom_values == b->custom_values);
}

int64_t first_time(const Columns& columns) {
    return std::min(columns.t.empty() ? model::kMaxTime : columns.t.front(),
                    columns.histogram_t.empty() ? model::kMaxTime : columns.histogram_t.front());
}

int64_t last_time(const Columns& columns) {
    return std::max(columns.t.empty() ? model::kMinTime : columns.t.back(),
                    columns.histogram_t.empty() ? model::kMinTime : columns.histogram_t.back());
}

// The part of a column that lies in [from, to].
template <class T>
struct Part {
    std::span<const int64_t> times;
    std::span<const T> values;

    Part(const std::vector<int64_t>& all_times,
         const std::vector<T>& all_values,
         int64_t from,
         int64_t to) {
        const auto first =
            static_cast<size_t>(std::ranges::lower_bound(all_times, from) - all_times.begin());
        const auto end =
            static_cast<size_t>(std::ranges::upper_bound(all_times, to) - all_times.begin());
        if (first < end) {
            times = std::span(all_times).subspan(first, end - first);
            values = std::span(all_values).subspan(first, end - first);
        }
    }
};

// How often two accounts have a sample at the same time; nothing when they differ in one, or when
// more than `misses_max` samples of `a` have none beside them.
template <class T>
std::optional<size_t> count_common(const Part<T>& a, const Part<T>& b, size_t misses_max) {
    size_t common = 0;
    size_t j = 0;
    for (size_t i = 0; i < a.times.size() && i - common <= misses_max; ++i) {
        while (j < b.times.size() && b.times[j] < a.times[i]) {
            ++j;
        }
        if (j == b.times.size() || b.times[j] != a.times[i]) {
            continue;
        }
        if (!same(a.values[i], b.values[j])) {
            return std::nullopt;
        }
        ++common;
    }
    if (a.times.size() - common > misses_max) {
        return std::nullopt;
    }
    return common;
}

uint64_t between(int64_t earlier, int64_t later) {
    return static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier);
}

// Of times in order, those in [from, to] and `more` of them on either side.
std::span<const int64_t> around(const std::vector<int64_t>& times,
                                int64_t from,
                                int64_t to,
                                std::ptrdiff_t more) {
    auto first = std::ranges::lower_bound(times, from);
    auto end = std::ranges::upper_bound(times, to);
    first -= std::min(more, first - times.begin());
    end += std::min(more, times.end() - end);
    return {first, end};
}

// The lower median of the deltas; nothing when there is none.
std::optional<uint64_t> median_delta(std::span<const int64_t> times) {
    std::vector<uint64_t> deltas;
    for (size_t i = 1; i < times.size(); ++i) {
        deltas.push_back(between(times[i - 1], times[i]));
    }
    if (deltas.empty()) {
        return std::nullopt;
    }
    const auto middle = deltas.begin() + static_cast<std::ptrdiff_t>((deltas.size() - 1) / 2);
    std::ranges::nth_element(deltas, middle);
    return *middle;
}

// Samples around the time that two accounts span which show their interval. One that has fewer was
// perhaps only just taken over, and shows a shorter one: it is scraped at once, and again when it
// is time.
constexpr std::ptrdiff_t kIntervalSamples = 8;

// Of two accounts around [from, to]: the shorter one of those with enough samples, else the longer
// one; nothing when neither has two samples.
std::optional<uint64_t> interval_of(const std::vector<int64_t>& a,
                                    const std::vector<int64_t>& b,
                                    int64_t from,
                                    int64_t to) {
    const auto times_a = around(a, from, to, kIntervalSamples);
    const auto times_b = around(b, from, to, kIntervalSamples);
    const auto interval_a = median_delta(times_a);
    const auto interval_b = median_delta(times_b);
    if (!interval_a || !interval_b) {
        return interval_a ? interval_a : interval_b;
    }
    const bool enough_a = std::ssize(times_a) >= kIntervalSamples;
    const bool enough_b = std::ssize(times_b) >= kIntervalSamples;
    if (enough_a != enough_b) {
        return enough_a ? interval_a : interval_b;
    }
    return enough_a ? std::min(interval_a, interval_b) : std::max(interval_a, interval_b);
}

// Whether a sample that only one has lies so close beside one that only the other has that they are
// two accounts of one scrape: nodes scrape a target at the same time, to the millisecond or almost,
// and one that takes over does so at once, too.
bool is_beside(const std::vector<int64_t>& all_a,
               const std::vector<int64_t>& all_b,
               int64_t from,
               int64_t to) {
    const auto interval = interval_of(all_a, all_b, from, to);
    if (!interval) {
        return false;
    }
    const std::span<const int64_t> a = around(all_a, from, to, 1);
    const std::span<const int64_t> b = around(all_b, from, to, 1);
    const int64_t* lone = nullptr;  // the sample before, if only one has it
    bool lone_of_a = false;
    size_t i = 0;
    size_t j = 0;
    while (i < a.size() || j < b.size()) {
        if (i < a.size() && j < b.size() && a[i] == b[j]) {
            lone = nullptr;
            ++i;
            ++j;
            continue;
        }
        const bool of_a = j == b.size() || (i < a.size() && a[i] < b[j]);
        const int64_t* const next = of_a ? &a[i++] : &b[j++];
        if (lone != nullptr && lone_of_a != of_a && between(*lone, *next) < *interval / 2) {
            return true;
        }
        lone = next;
        lone_of_a = of_a;
    }
    return false;
}

// How many samples two copies of the same samples have in common; 0 when they are not that.
size_t in_common(const Columns& a, const Columns& b) {
    const int64_t from = std::max(first_time(a), first_time(b));
    const int64_t to = std::min(last_time(a), last_time(b));
    if (from > to) {
        return 0;
    }
    Part<double> floats_a(a.t, a.v, from, to);
    Part<double> floats_b(b.t, b.v, from, to);
    Part<HistogramPtr> histograms_a(a.histogram_t, a.histogram, from, to);
    Part<HistogramPtr> histograms_b(b.histogram_t, b.histogram, from, to);
    const size_t size_a = floats_a.times.size() + histograms_a.times.size();
    const size_t size_b = floats_b.times.size() + histograms_b.times.size();
    if (size_a > size_b) {
        std::swap(floats_a, floats_b);
        std::swap(histograms_a, histograms_b);
    }
    const size_t smaller = std::min(size_a, size_b);
    const auto floats = count_common(floats_a, floats_b, smaller / 2);
    const auto histograms =
        floats ? count_common(histograms_a, histograms_b, smaller / 2) : std::nullopt;
    if (!histograms || (*floats + *histograms) * 2 < smaller || is_beside(a.t, b.t, from, to) ||
        is_beside(a.histogram_t, b.histogram_t, from, to)) {
        return 0;
    }
    return *floats + *histograms;
}

// Adds the samples of a copy that are not there yet.
void unite(Columns& account, Columns copy, size_t common) {
    if (common == copy.size()) {
        return;
    }
    if (common == account.size()) {
        account = std::move(copy);
        return;
    }
    for (size_t i = 0; i < copy.t.size(); ++i) {
        account.add(copy.t[i], copy.start_time(i), copy.v[i]);
    }
    for (size_t i = 0; i < copy.histogram_t.size(); ++i) {
        account.add(
            copy.histogram_t[i], copy.histogram_start_time(i), std::move(copy.histogram[i]));
    }
    account.put_in_order();
}

}  // namespace

void unite_copies(std::vector<Columns>& accounts) {
    size_t kept = 0;
    for (size_t i = 0; i < accounts.size(); ++i) {
        Columns& account = accounts[i];
        size_t common = 0;
        size_t to = 0;
        while (to < kept && (common = in_common(accounts[to], account)) == 0) {
            ++to;
        }
        if (to < kept) {
            unite(accounts[to], std::move(account), common);
        } else if (account.size() > 0) {
            if (kept != i) {
                accounts[kept] = std::move(account);
            }
            ++kept;
        }
    }
    accounts.resize(kept);
}

}  // namespace query::exec
