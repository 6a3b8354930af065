// Random series over several holders, random queries: in parts or not, the answer is that of one
// storage with all series.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "model/sample.h"
#include "query/engine.h"
#include "test/query/answers.h"
#include "test/query/fake_cluster.h"
#include "test/query/spread_series.h"
#include "test/support/seed.h"

namespace {

using test_query::FakeCluster;

constexpr int64_t kStart = test_query::kSpreadStart;
constexpr int64_t kEnd = test_query::kSpreadEnd;
constexpr int kRounds = 25;
constexpr int kQueries = 24;  // per round

}  // namespace

TEST_CASE("random queries over holders give what one storage gives", "[query][push][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const base::SystemClock clock;
    base::Budget budget("test");
    const query::Options options;
    int pushed = 0;
    int with_shared = 0;
    int selected = 0;
    for (int round = 0; round < kRounds; ++round) {
        FakeCluster cluster(1 + random.below(5));
        test_query::spread_series(
            cluster.holders(),
            random,
            [&](size_t holder, const model::Labels& labels, const auto& samples) {
                cluster.add(holder, labels, samples);
            });
        query::Engine together(options, cluster, clock, budget);
        query::Engine alone(options, cluster.everything(), clock, budget);
        for (int i = 0; i < kQueries; ++i) {
            const std::string text = test_query::random_aggregating_query(random);
            const int64_t step = 15'000 * static_cast<int64_t>(1 + random.below(8));
            CAPTURE(text, step, cluster.holders());
            cluster.forget();
            if (random.below(2) == 0) {
                test_query::check_same(alone.range(text, kStart, kEnd, step),
                                       together.range(text, kStart, kEnd, step));
            } else {
                test_query::check_same(alone.instant(text, kEnd), together.instant(text, kEnd));
            }
            pushed += cluster.seen().asked > 0 && cluster.seen().selects == 0 ? 1 : 0;
            with_shared += cluster.seen().shared > 0 ? 1 : 0;
            selected += cluster.seen().selects > 0 ? 1 : 0;
        }
    }
    CAPTURE(pushed, with_shared, selected);
    CHECK(pushed > kRounds * kQueries / 4);
    CHECK(with_shared > kRounds * kQueries / 20);
    CHECK(selected > kRounds * kQueries / 20);
    CHECK(budget.used() == 0);
}
