#include "test/query/spread_series.h"

#include "model/sample.h"

namespace test_query {
namespace {

using base::Random;

template <size_t N>
std::string pick(Random& random, const char* const (&from)[N]) {
    return from[random.below(N)];
}

double uniform(Random& random) {
    return static_cast<double>(random.below(1 << 30)) / (1 << 30);
}

// Series of counters and of gauges, some with gaps, stale markers and NaN. `u` has neither, so that
// its values are all different.
std::vector<model::ChunkSample> samples_of(std::string_view name, Random& random) {
    std::vector<model::ChunkSample> samples;
    double total = 0;
    for (int64_t t = 0; t <= kSpreadEnd; t += 15'000) {
        const int64_t at = t + static_cast<int64_t>(random.below(1000));
        const uint64_t kind = name == "u" ? 99 : random.below(60);
        total = random.below(50) == 0 ? 0 : total + 10 * uniform(random);
        if (kind == 0) {
            continue;
        }
        const double value = name.ends_with("_total") ? total : 1000 * uniform(random);
        samples.push_back({at,
                           0,
                           kind == 1 ? model::kStaleNan : (kind == 2 ? model::kNormalNan : value),
                           nullptr});
    }
    return samples;
}

// Gives a series to one holder, sometimes to several: all of it, or one after the other.
void spread(size_t holders,
            const model::Labels& labels,
            const std::vector<model::ChunkSample>& samples,
            Random& random,
            const AddSamples& add) {
    const size_t first = random.below(holders);
    const uint64_t kind = random.below(8);
    if (kind == 0) {
        const size_t cut = random.below(samples.size());
        const auto middle = samples.begin() + static_cast<std::ptrdiff_t>(cut);
        add(first, labels, {samples.begin(), middle});
        add(random.below(holders), labels, {middle, samples.end()});
        return;
    }
    add(first, labels, samples);
    for (uint64_t i = kind; i < 3; ++i) {
        add(random.below(holders), labels, samples);
    }
}

}  // namespace

void spread_series(size_t holders, Random& random, const AddSamples& add) {
    for (const char* name : {"a_total", "b", "u"}) {
        for (const char* x : {"1", "2", "3"}) {
            for (const char* y : {"p", "q", "r"}) {
                if (random.below(8) != 0) {
                    const model::Labels labels{{"__name__", name}, {"x", x}, {"y", y}};
                    spread(holders, labels, samples_of(name, random), random, add);
                }
            }
        }
    }
}

namespace {

std::string selector(Random& random, bool distinct) {
    const std::string name = distinct ? "u" : pick(random, {"a_total", "b", "u"});
    return name + pick(random, {"", "", "{x=\"1\"}", "{x=~\"1|2\"}", "{y!=\"p\"}"});
}

std::string modifiers(Random& random) {
    return pick(random, {"", "", "", " offset 1m", " offset -30s", " @ 900", " @ start()"});
}

// Functions of single series. `distinct`: those that give no two series the same value.
std::string input(Random& random, bool distinct, int depth) {
    if (depth > 0) {
        const std::string inner = input(random, distinct, depth - 1);
        switch (random.below(4)) {
            case 0:
                return "(" + inner + ")" + pick(random, {" * 3", " + 0.5", " > 5", " / 7"});
            case 1:
                return distinct ? "abs(" + inner + ")"
                                : pick(random, {"abs", "floor", "round", "sgn", "timestamp"}) +
                                      "(" + inner + ")";
            case 2:
                return "-(" + inner + ")";
            default:
                return inner;
        }
    }
    if (random.below(2) == 0) {
        return selector(random, distinct) + modifiers(random);
    }
    const std::string function =
        distinct
            ? pick(random, {"avg_over_time", "sum_over_time", "last_over_time"})
            : pick(random,
                   {"rate", "increase", "max_over_time", "changes", "delta", "last_over_time"});
    return function + "(" + selector(random, distinct) + pick(random, {"[1m]", "[90s]", "[7m]"}) +
           modifiers(random) + ")";
}

std::string aggregation(Random& random) {
    const std::string grouping =
        pick(random, {"", " by (x) ", " without (y) ", " by (x, y) ", " by (__name__) "});
    const int depth = static_cast<int>(random.below(3));
    switch (random.below(6)) {
        case 0:
            return pick(random, {"topk", "bottomk"}) + grouping + "(2, " +
                   input(random, true, depth) + ")";
        case 1:
            return "count_values" + grouping + "(\"v\", round(" + input(random, false, depth) +
                   ", 100))";
        case 2:
            // Not of timestamps: how far numbers are apart that are nearly alike is not known to
            // 1e-12, on one node or on several.
            return pick(random, {"stddev", "stdvar"}) + grouping + "(" +
                   input(random, true, depth) + ")";
        default:
            return pick(random, {"sum", "avg", "min", "max", "count", "group"}) + grouping + "(" +
                   input(random, false, depth) + ")";
    }
}

}  // namespace

std::string random_aggregating_query(Random& random) {
    switch (random.below(8)) {
        case 0:
            return aggregation(random) + " / on (x, y) sum by (x, y) (u)";
        case 1:
            return "max_over_time((" + aggregation(random) + ")[3m:45s]" +
                   pick(random, {"", " offset 30s", " @ 800"}) + ")";
        case 2:
            return "max by (x) (" + aggregation(random) + ")";
        case 3:
            return pick(random, {"quantile(0.3, ", "sum(u + on (x, y) ", "absent("}) +
                   input(random, false, 1) + ")";
        case 4:
            return "sum by (x) (b) + sum by (x) (" + input(random, false, 2) + ")";
        default:
            return aggregation(random);
    }
}

}  // namespace test_query
