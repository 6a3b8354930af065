#include "query/exec/replica_join.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "model/chunk_codec.h"
#include "model/sample.h"
#include "test/support/seed.h"

namespace {

using model::CounterResetHint;
using query::exec::Columns;
using query::exec::HistogramPtr;
using query::exec::join_replicas;
using Times = std::vector<int64_t>;

constexpr int64_t kEnd = model::kMaxTime;

HistogramPtr histogram(double count, CounterResetHint hint = CounterResetHint::kUnknown) {
    model::FloatHistogram out;
    out.count = count;
    out.sum = count;
    out.hint = hint;
    out.positive_spans = {{0, 1}};
    out.positive_buckets = {count};
    return std::make_shared<const model::FloatHistogram>(out);
}

// Floats at these times, in seconds; what they are worth tells whose they are.
Columns floats(const std::vector<double>& seconds, double value = 1) {
    Columns out;
    for (const double t : seconds) {
        out.add(static_cast<int64_t>(t * 1000), value);
    }
    return out;
}

Columns with_marker(Columns columns, double seconds) {
    columns.add(static_cast<int64_t>(seconds * 1000), model::kStaleNan);
    columns.put_in_order();
    return columns;
}

// Every `step` seconds in [from, to].
std::vector<double> each(double from, double to, double step) {
    std::vector<double> out;
    for (double t = from; t <= to; t += step) {
        out.push_back(t);
    }
    return out;
}

Columns join(std::vector<Columns> accounts, int64_t max_t = kEnd) {
    Columns out;
    out.add(1, 2.0);  // is cleared
    join_replicas(std::move(accounts), max_t, out);
    return out;
}

std::vector<double> seconds(const Columns& columns) {
    std::vector<double> out;
    for (const int64_t t : columns.t) {
        out.push_back(static_cast<double>(t) / 1000);
    }
    return out;
}

std::vector<uint64_t> bits(const std::vector<double>& values) {
    std::vector<uint64_t> out;
    for (const double v : values) {
        out.push_back(std::bit_cast<uint64_t>(v));
    }
    return out;
}

void check_same(const Columns& a, const Columns& b) {
    CHECK(a.t == b.t);
    CHECK(bits(a.v) == bits(b.v));
    CHECK(a.st == b.st);
    CHECK(a.histogram_t == b.histogram_t);
    CHECK(a.histogram_st == b.histogram_st);
    CHECK(a.histogram == b.histogram);  // the very same
}

}  // namespace

TEST_CASE("a join stays with the account that begins, while it goes on", "[query][replicas]") {
    const Columns a = floats(each(0, 300, 15), 1);
    const Columns b = floats(each(7, 300, 15), 2);
    check_same(join({a, b}), a);
    check_same(join({b, a}), a);
}

TEST_CASE("a join fills a gap from another account and stays there", "[query][replicas]") {
    const Columns a = floats({0, 15, 30, 75, 90, 105, 120}, 1);
    const Columns b = floats({5, 20, 35, 50, 65, 80, 95, 110}, 2);
    // 35 is less than half an interval after 30, 120 the first that only one has.
    CHECK(seconds(join({a, b})) == std::vector<double>{0, 15, 30, 50, 65, 80, 95, 110, 120});
}

TEST_CASE("a join loses and doubles nothing of a target that moved", "[query][replicas]") {
    const Columns a = floats(each(0, 60, 15), 1);
    const Columns b = floats(each(76, 150, 15), 2);
    const Columns c = floats(each(900, 960, 15), 3);
    CHECK(join({c, b, a}).size() == a.size() + b.size() + c.size());
    CHECK(std::ranges::is_sorted(join({c, b, a}).t));
}

TEST_CASE("a join of equal accounts is one of them", "[query][replicas]") {
    Columns a;
    a.add(1000, 0, 1.5);
    a.add(2000, 900, model::kNormalNan);
    a.add(2100, 900, model::kStaleNan);
    a.add(3000, 0, histogram(1));
    a.add(4000, 2500, histogram(2, CounterResetHint::kNotReset));
    a.add(5000, 2500, histogram(3, CounterResetHint::kNotReset));
    check_same(join({a, a, a}), a);
}

TEST_CASE("a join of copies with holes is their union", "[query][replicas]") {
    // Times as uneven as pushes come.
    const std::vector<double> all = {0, 1, 1.2, 1.3, 5, 5.1, 9, 12, 12.5, 13, 20, 20.5};
    Columns a;
    Columns b;
    Columns whole;
    for (size_t i = 0; i < all.size(); ++i) {
        const auto t = static_cast<int64_t>(all[i] * 1000);
        whole.add(t, static_cast<double>(i));
        if (i % 4 != 1) {
            a.add(t, static_cast<double>(i));
        }
        if (i % 4 != 3) {
            b.add(t, static_cast<double>(i));
        }
    }
    check_same(join({a, b}), whole);
    check_same(join({b, whole, a}), whole);
}

TEST_CASE("a join does not take accounts for copies that differ", "[query][replicas]") {
    // At the same times, with one of other worth.
    const Columns a = floats({0, 15, 30, 75, 90}, 1);
    Columns b = floats({0, 15, 30, 36, 45, 60, 75, 90}, 1);
    b.v[2] = 2;
    CHECK(seconds(join({a, b})) == std::vector<double>{0, 15, 30, 45, 60, 75, 90});
}

TEST_CASE("a join does not take scrapes at almost the same times for copies", "[query][replicas]") {
    // Of a value that does not change, by two nodes that keep the same grid.
    const Columns a = floats({0, 1, 2, 3, 4.002, 5, 6, 7, 8, 9});
    const Columns b = floats({2.7, 3, 4, 5, 6.003, 7, 8, 9, 10, 11});
    CHECK(seconds(join({a, b})) == std::vector<double>{0, 1, 2, 3, 4.002, 5, 6, 7, 8, 9, 10, 11});
    // One takes over, at once or at the same time, while the other is there.
    const double at = GENERATE(6.352, 6.005);
    const Columns late = floats({at, 7, 8, 9, 10});
    CHECK(seconds(join({floats(each(0, 8, 1)), late})) == each(0, 10, 1));
}

TEST_CASE("a join does not take the first two scrapes of one that takes over for copies",
          "[query][replicas]") {
    // The second comes when it is time, so these two are less than an interval apart.
    const double at = GENERATE(7.1, 7.45, 7.49);
    const Columns passing = floats({at, 8});
    CHECK(seconds(join({floats(each(0, 16, 1)), passing})) == each(0, 16, 1));
    CHECK(seconds(join({passing, floats(each(0, 16, 1)), floats({8.3, 9, 10, 11, 12})})) ==
          each(0, 16, 1));
    CHECK(seconds(join({passing, floats({7, 8})})) == std::vector<double>{7, 8});
}

TEST_CASE("a join knows the interval from the account that misses nothing", "[query][replicas]") {
    const Columns lossy = floats(each(0, 600, 30), 1);
    const Columns whole = floats(each(5, 605, 15), 2);
    const Columns joined = join({lossy, whole});
    CHECK(joined.t.front() == 0);
    CHECK(Times(joined.t.begin() + 1, joined.t.end()) == Times(whole.t.begin() + 1, whole.t.end()));
}

TEST_CASE("a join follows an interval that changes", "[query][replicas]") {
    const bool shorter = GENERATE(false, true);
    const double first = shorter ? 60 : 15;
    const double second = shorter ? 15 : 60;
    std::vector<double> a = each(0, 1200, first);
    std::vector<double> b = each(7, 1207, first);
    for (double t = 1200 + second; t < 4800; t += second) {
        a.push_back(t);
        b.push_back(t + 7);
    }
    check_same(join({floats(a, 1), floats(b, 2)}), floats(a, 1));
    // A hole is found in both halves.
    for (const size_t hole : {size_t{10}, a.size() - 10}) {
        std::vector<double> holed = a;
        holed.erase(holed.begin() + static_cast<std::ptrdiff_t>(hole));
        const Columns joined = join({floats(holed, 1), floats(b, 2)});
        CHECK(joined.v[hole - 1] == 1);
        CHECK(joined.v[hole] == 2);
        CHECK(joined.size() >= holed.size());
    }
}

TEST_CASE("a join of single samples takes those that are clearly apart", "[query][replicas]") {
    CHECK(seconds(join({floats({10}), floats({12})})) == std::vector<double>{10});
    CHECK(seconds(join({floats({10}), floats({15})})) == std::vector<double>{10, 15});
    // Two samples are an interval.
    CHECK(seconds(join({floats({10, 40}), floats({22})})) == std::vector<double>{10, 40});
    CHECK(seconds(join({floats({10, 40}), floats({52})})) == std::vector<double>{10, 40});
    CHECK(seconds(join({floats({10, 40}), floats({56})})) == std::vector<double>{10, 40, 56});
}

TEST_CASE("a join of nothing is empty", "[query][replicas]") {
    CHECK(join({}).size() == 0);
    CHECK(join({Columns(), Columns()}).size() == 0);
    check_same(join({Columns(), floats({1, 2})}), floats({1, 2}));
}

TEST_CASE("a stale marker counts when no other account goes on", "[query][replicas]") {
    const Columns a = with_marker(floats(each(0, 60, 15)), 75);
    const auto joined = [&](const Columns& b, int64_t max_t = kEnd) {
        return seconds(join({a, b}, max_t));
    };
    const std::vector<double> marked = {0, 15, 30, 45, 60, 75};
    // The other one ends too, with a marker or without.
    CHECK(joined(with_marker(floats(each(5, 70, 15)), 80)) == marked);
    CHECK(joined(floats(each(5, 70, 15))) == marked);
    // It goes on: only one failed to scrape.
    CHECK(joined(floats(each(5, 110, 15))) == std::vector<double>{0, 15, 30, 45, 60, 80, 95, 110});
    // It comes back after more than an interval.
    CHECK(joined(floats({5, 20, 35, 50, 65, 95, 110})) ==
          std::vector<double>{0, 15, 30, 45, 60, 75, 95, 110});
}

TEST_CASE("a stale marker at the end of what is known waits for the other accounts",
          "[query][replicas]") {
    const Columns a = with_marker(floats(each(0, 60, 15)), 75);
    const auto last = [&](const Columns& b, int64_t max_t) {
        const Columns joined = join({a, b}, max_t);
        const auto end = std::ranges::upper_bound(joined.t, max_t) - joined.t.begin();
        return model::is_stale(joined.v[static_cast<size_t>(end) - 1]);
    };
    CHECK_FALSE(last(floats(each(5, 65, 15)), 76'000));
    CHECK(last(floats(each(5, 65, 15)), 90'000));                         // nothing came
    CHECK(last(with_marker(floats(each(5, 65, 15)), 80), 81'000));        // it says the same
    CHECK(last(with_marker(floats(each(5, 50, 15)), 65), 76'000));        // it said so before
    CHECK(last(floats(each(5, 50, 15)), 76'000));                         // it was gone before
    CHECK_FALSE(last(with_marker(floats(each(5, 65, 15)), 80), 79'000));  // not asked for yet
}

TEST_CASE("a join ends a series once", "[query][replicas]") {
    const Columns a = with_marker(floats(each(0, 60, 15)), 75);
    const Columns b = with_marker(floats(each(8, 68, 15)), 83);
    const Columns joined = join({a, b});
    CHECK(std::ranges::count_if(joined.v, model::is_stale) == 1);
    CHECK(joined.t.back() == 75'000);
}

namespace {

// Ten floats, then ten histograms that do not reset; one of them missing.
Columns turning(int64_t first, double worth, int64_t missing = -1) {
    Columns out;
    for (int64_t i = 0; i < 20; ++i) {
        const int64_t t = first + i * 15'000;
        if (i == missing) {
            continue;
        }
        if (i < 10) {
            out.add(t, i < 3 ? 0 : t - 5, worth);
        } else {
            out.add(t, t - 5, histogram(worth + i, CounterResetHint::kNotReset));
        }
    }
    return out;
}

}  // namespace

TEST_CASE("a join takes floats and histograms for one series", "[query][replicas]") {
    const Columns a = turning(0, 1);
    check_same(join({a, turning(4000, 2)}), a);
    check_same(join({turning(4000, 2), a}), a);
}

TEST_CASE("a join forgets what histograms say about resets where it switches",
          "[query][replicas]") {
    const Columns b = turning(4000, 2);
    const Columns joined = join({turning(0, 1, 15), b});
    REQUIRE(joined.histogram_t.size() == 10);
    for (size_t i = 0; i < 10; ++i) {
        CAPTURE(i);
        CHECK(joined.histogram_t[i] % 15'000 == (i < 5 ? 0 : 4000));
        CHECK(joined.histogram_st[i] == joined.histogram_t[i] - 5);
        CHECK(joined.histogram[i]->hint ==
              (i == 5 ? CounterResetHint::kUnknown : CounterResetHint::kNotReset));
    }
    // From the last float to the first histogram too.
    const Columns early = join({turning(0, 1, 10), b});
    CHECK(early.histogram.front()->hint == CounterResetHint::kUnknown);
    CHECK(early.t.size() == 10);
    CHECK(early.histogram_t.front() == 10 * 15'000 + 4000);
}

TEST_CASE("a join reads stale histograms as markers", "[query][replicas]") {
    Columns a;
    Columns b;
    for (int64_t i = 0; i < 6; ++i) {
        a.add(i * 1000, i == 3 ? histogram(model::kStaleNan) : histogram(1));
        b.add(i * 1000 + 300, histogram(2));
    }
    CHECK(join({a, b}).histogram_t == Times{0, 1000, 2000, 3300, 4300, 5300});
}

// ---------------------------------------------------------------------------------------------------------------------
// Chunks of several holders

namespace {

struct Holder {
    uint16_t replica;
    std::vector<model::TypedSample> samples;
};

Columns decode(const std::vector<Holder>& holders,
               int64_t min_t,
               int64_t max_t,
               bool drop_stale = true) {
    std::vector<model::EncodedChunk> encoded;
    std::vector<uint16_t> replicas;
    for (const Holder& holder : holders) {
        model::encode_samples(holder.samples, 4, encoded);
        replicas.resize(encoded.size(), holder.replica);
    }
    std::vector<model::ChunkView> views;
    for (size_t i = 0; i < encoded.size(); ++i) {
        const auto* bytes = reinterpret_cast<const uint8_t*>(encoded[i].bytes.data());
        views.push_back({.encoding = encoded[i].encoding,
                         .replica = replicas[i],
                         .bytes = {bytes, encoded[i].bytes.size()},
                         .min_t = encoded[i].min_t,
                         .max_t = encoded[i].max_t});
    }
    std::ranges::stable_sort(views, {}, &model::ChunkView::min_t);
    Columns out;
    REQUIRE(query::exec::decode(views, min_t, max_t, drop_stale, out));
    return out;
}

std::vector<model::TypedSample> samples(int64_t first, size_t count, double v) {
    std::vector<model::TypedSample> out;
    for (size_t i = 0; i < count; ++i) {
        out.push_back({.t = first + static_cast<int64_t>(i) * 1000, .v = v});
    }
    return out;
}

}  // namespace

TEST_CASE("columns of several holders are joined and cut", "[query][replicas][columns]") {
    std::vector<model::TypedSample> a = samples(0, 12, 1);
    a.erase(a.begin() + 6);
    a.back().v = model::kStaleNan;
    const std::vector<Holder> holders = {{3, a}, {7, samples(200, 9, 2)}};
    CHECK(decode(holders, 0, kEnd).t ==
          Times{0, 1000, 2000, 3000, 4000, 5000, 6200, 7200, 8200, 9000, 10'000});
    CHECK(decode(holders, 0, kEnd, /*drop_stale=*/false).t.back() == 11'000);
    CHECK(decode(holders, 2500, 7200).t == Times{3000, 4000, 5000, 6200, 7200});
}

TEST_CASE("columns unite the chunks of one holder before they join", "[query][replicas][columns]") {
    // Late samples, in chunks that overlap: of this node, and of another.
    std::vector<Holder> holders;
    for (const uint16_t replica : {uint16_t{0}, uint16_t{1}}) {
        std::vector<model::TypedSample> in_order = samples(replica * 200, 10, replica);
        const model::TypedSample late = in_order[4];
        in_order.erase(in_order.begin() + 4);
        holders.push_back({replica, in_order});
        holders.push_back({replica, {late}});
    }
    const Columns columns = decode(holders, 0, kEnd);
    CHECK(columns.t == Times{0, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000, 9000});
    CHECK(columns.v == std::vector<double>(10, 0));
}

// ---------------------------------------------------------------------------------------------------------------------
// Whatever holders do

namespace {

constexpr double kJitter = 0.05;  // of an interval, to either side

// Holders of one counter, whose value is the true time. Stamps are true times with a holder's own
// skew; two holders' differ by less than half an interval.
class World {
  public:
    explicit World(base::Random& random) : random_(random) {
        interval_ = static_cast<int64_t>(500 + random.below(60'000));
        const size_t count = 2 + random.below(3);
        const bool markers = random.below(2) == 0;
        for (size_t i = 0; i < count; ++i) {
            accounts_.push_back(account(markers));
        }
    }

    [[nodiscard]] const std::vector<Columns>& accounts() const { return accounts_; }

    [[nodiscard]] int64_t part(double of_interval) const {
        return static_cast<int64_t>(static_cast<double>(interval_) * of_interval);
    }

    // Times of samples that are no markers.
    [[nodiscard]] Times alive(size_t account) const {
        Times out;
        for (size_t i = 0; i < accounts_[account].t.size(); ++i) {
            if (!model::is_stale(accounts_[account].v[i])) {
                out.push_back(accounts_[account].t[i]);
            }
        }
        return out;
    }

  private:
    // Some stretches of scrapes, each with a phase of its own; failed ones leave markers.
    Columns account(bool markers) {
        Columns out;
        const int64_t skew = part((random_.unit() - 0.5) * 0.4);
        int64_t t = 1'000'000 + static_cast<int64_t>(random_.below(interval_ / 2));
        for (size_t stretches = 1 + random_.below(4); stretches > 0; --stretches) {
            for (size_t scrapes = 1 + random_.below(80); scrapes > 0; --scrapes) {
                const int64_t at = t + part((random_.unit() * 2 - 1) * kJitter);
                const bool failed = random_.below(25) == 0;
                if (!failed) {
                    out.add(at + skew, static_cast<double>(at));
                } else if (markers) {
                    out.add(at + skew, model::kStaleNan);
                }
                t += interval_;
            }
            t += part(random_.unit() * 6);
        }
        return out;
    }

    base::Random& random_;
    int64_t interval_ = 0;
    std::vector<Columns> accounts_;
};

// Which account each sample came from.
std::vector<size_t> sources(const World& world, const Columns& joined) {
    std::map<std::pair<int64_t, uint64_t>, size_t> places;
    for (size_t i = 0; i < world.accounts().size(); ++i) {
        const Columns& account = world.accounts()[i];
        for (size_t s = 0; s < account.t.size(); ++s) {
            places.emplace(std::pair(account.t[s], std::bit_cast<uint64_t>(account.v[s])), i);
        }
    }
    std::vector<size_t> out;
    for (size_t s = 0; s < joined.t.size(); ++s) {
        const auto place = places.find({joined.t[s], std::bit_cast<uint64_t>(joined.v[s])});
        REQUIRE(place != places.end());
        out.push_back(place->second);
    }
    return out;
}

void check_never_back(const Columns& joined) {
    CHECK(std::ranges::adjacent_find(joined.t, std::greater_equal<>()) == joined.t.end());
    double last = 0;
    for (const double v : joined.v) {
        if (!model::is_stale(v)) {
            CHECK(v > last);
            last = v;
        }
    }
}

// Whether it has samples all the way from before `from` to after `to`.
bool covers(const Times& times, int64_t from, int64_t to, int64_t delta_max) {
    auto at = std::ranges::upper_bound(times, from);
    if (at == times.begin()) {
        return false;
    }
    for (--at; *at < to; ++at) {
        if (std::next(at) == times.end() || *std::next(at) - *at > delta_max) {
            return false;
        }
    }
    return true;
}

// The rule promises half an interval and the longest delta of whoever has no gap.
void check_no_gaps(const World& world, const Columns& joined) {
    const int64_t delta_max = world.part(1 + 2 * kJitter) + 2;
    const int64_t gap = world.part(0.5 * (1 + 2 * kJitter)) + delta_max;
    for (size_t s = 1; s < joined.t.size(); ++s) {
        if (joined.t[s] - joined.t[s - 1] <= gap) {
            continue;
        }
        for (size_t i = 0; i < world.accounts().size(); ++i) {
            CAPTURE(i, joined.t[s - 1], joined.t[s]);
            CHECK_FALSE(covers(world.alive(i), joined.t[s - 1], joined.t[s], delta_max));
        }
    }
}

size_t count_in(const Times& times, int64_t after, int64_t until) {
    return static_cast<size_t>(std::ranges::upper_bound(times, until) -
                               std::ranges::upper_bound(times, after));
}

// count_over_time() of the join and of an account without a gap there.
void check_counts(const World& world,
                  const Columns& joined,
                  const std::vector<size_t>& from,
                  base::Random& random) {
    const int64_t delta_max = world.part(1 + 2 * kJitter) + 2;
    const int64_t first = joined.t.front();
    const auto span = static_cast<uint64_t>(joined.t.back() - first + 1);
    for (int round = 0; round < 20; ++round) {
        const int64_t after = first + static_cast<int64_t>(random.below(span));
        const int64_t until = after + static_cast<int64_t>(random.below(world.part(30)));
        const auto begin = std::ranges::upper_bound(joined.t, after) - joined.t.begin();
        const auto end = std::ranges::upper_bound(joined.t, until) - joined.t.begin();
        int64_t switches = 0;
        for (auto s = std::max<std::ptrdiff_t>(begin, 1); s < end; ++s) {
            switches += from[static_cast<size_t>(s)] != from[static_cast<size_t>(s) - 1] ? 1 : 0;
        }
        for (size_t i = 0; i < world.accounts().size(); ++i) {
            const Times alive = world.alive(i);
            if (!covers(alive, after - delta_max, until + delta_max, delta_max)) {
                continue;
            }
            CAPTURE(i, after, until, switches);
            // Whole accounts of different phases differ by one, and by one more where jitter
            // moves samples over the edges.
            const auto expected = static_cast<int64_t>(count_in(alive, after, until));
            CHECK(std::abs(expected - (end - begin)) <= switches + 2);
        }
    }
}

// Where the join says that the series ended, nobody has a sample soon after.
void check_markers(const World& world, const Columns& joined) {
    for (size_t s = 0; s < joined.t.size(); ++s) {
        if (!model::is_stale(joined.v[s])) {
            continue;
        }
        for (size_t i = 0; i < world.accounts().size(); ++i) {
            CAPTURE(i, joined.t[s]);
            CHECK(count_in(world.alive(i), joined.t[s], joined.t[s] + world.part(0.85)) == 0);
        }
    }
}

}  // namespace

TEST_CASE("joined counters ascend without gaps, whatever holders do", "[query][replicas]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 1000; ++round) {
        CAPTURE(round);
        const World world(random);
        const Columns joined = join(world.accounts());
        if (joined.t.empty()) {
            continue;
        }
        const std::vector<size_t> from = sources(world, joined);
        check_never_back(joined);
        check_no_gaps(world, joined);
        check_counts(world, joined, from, random);
        check_markers(world, joined);
    }
}

TEST_CASE("a join of random copies with holes is their union", "[query][replicas]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 300; ++round) {
        CAPTURE(round);
        const World world(random);
        const Columns& whole = world.accounts().front();
        std::vector<Columns> copies(3);
        std::set<int64_t> kept;
        for (Columns& copy : copies) {
            for (size_t s = 0; s < whole.t.size(); ++s) {
                if (random.below(8) > 0) {
                    copy.add(whole.t[s], whole.v[s]);
                    kept.insert(whole.t[s]);
                }
            }
        }
        CHECK(join(copies).t == Times(kept.begin(), kept.end()));
        check_same(join({whole, whole}), whole);
        copies.push_back(whole);
        check_same(join(copies), whole);
    }
}
