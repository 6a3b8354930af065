#include "scrape/schedule.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;

namespace {

constexpr int64_t kSecond = 1'000'000'000;

}  // namespace

TEST_CASE("the phase lies on the grid, within the interval, and depends on seed and target",
          "[scrape][schedule]") {
    const uint64_t seed = scrape::offset_seed("host", {{"replica", "a"}});
    CHECK(seed != scrape::offset_seed("host", {{"replica", "b"}}));
    for (model::TargetId id = 1; id < 2000; id += 7) {
        const int64_t phase = scrape::phase_ns(id * 0x9e3779b97f4a7c15ULL, seed, 15s, 100ms);
        CHECK(phase >= 0);
        CHECK(phase < 15 * kSecond);
        CHECK(phase % 100'000'000 == 0);
    }
    CHECK(scrape::phase_ns(123456789, 0, 50ms, 100ms) == 123456789 % 50'000'000);
}

TEST_CASE("the next moment is the first multiple of the interval plus phase after now",
          "[scrape][schedule]") {
    const auto check = [](int64_t now, int64_t phase, int64_t want) {
        CHECK(scrape::next_due_ns(now * kSecond, 15 * kSecond, phase * kSecond) == want * kSecond);
    };
    check(100, 0, 105);
    check(105, 0, 120);
    check(105, 3, 108);
    check(108, 3, 123);
    check(1, 14, 14);
}

TEST_CASE("scrape times snap to the rhythm within the tolerance and begin a new one outside",
          "[scrape][schedule]") {
    scrape::EngineOptions engine;
    scrape::TimeAligner aligner(engine);
    const int64_t start = 1000 * kSecond;
    const int64_t ms = 1'000'000;
    CHECK(aligner.align_ms(start + 7 * ms, 15s) == 1'000'007);
    CHECK(aligner.align_ms(start + 15 * kSecond + 9 * ms, 15s) == 1'015'007);
    CHECK(aligner.align_ms(start + 30 * kSecond + 5 * ms, 15s) == 1'030'007);
    CHECK(aligner.align_ms(start + 60 * kSecond + 8 * ms, 15s) == 1'060'007);  // one left out
    CHECK(aligner.align_ms(start + 75 * kSecond + 20 * ms, 15s) == 1'075'020);
    CHECK(aligner.align_ms(start + 90 * kSecond + 21 * ms, 15s) == 1'090'020);
    // One per cent of a short interval is less than two milliseconds.
    scrape::TimeAligner quick(engine);
    CHECK(quick.align_ms(start, 100ms) == 1'000'000);
    CHECK(quick.align_ms(start + 100 * ms + 1'500'000, 100ms) == 1'000'101);
    engine.adjust_timestamps = false;
    scrape::TimeAligner never(engine);
    CHECK(never.align_ms(start, 15s) == 1'000'000);
    CHECK(never.align_ms(start + 15 * kSecond + ms, 15s) == 1'015'001);
}

TEST_CASE("the slots of a target are scraped one after the other, evenly", "[scrape][schedule]") {
    model::Target target;
    target.id = 0x9e3779b97f4a7c15ULL;
    target.interval = 15s;
    const int64_t first = scrape::phase_ns(target.id, 0, 15s, 250ms);
    for (const uint8_t slots : {1, 2, 3, 8}) {
        for (uint8_t slot = 0; slot < slots; ++slot) {
            target.slot = slot;
            target.slots = slots;
            CHECK(scrape::phase_ns(target, 0, 250ms) ==
                  (first + slot * 15 * kSecond / slots) % (15 * kSecond));
        }
    }
}

TEST_CASE("first scrapes that do not wait are spread, and take nothing that comes too late",
          "[scrape][schedule]") {
    using std::chrono::nanoseconds;
    scrape::FirstScrapes first;
    const base::SteadyTime now{base::Duration(1000 * kSecond)};
    constexpr auto kApart = 5ms;
    for (int at = 0; at < 100; ++at) {
        CHECK(first.reserve(now, 10s).value() == at * kApart);
    }
    CHECK_FALSE(first.reserve(now, 100 * kApart).has_value());
    CHECK(first.reserve(now, 100 * kApart + nanoseconds(1)).value() == 100 * kApart);
    CHECK(first.reserve(now + 10s, 1s).value() == nanoseconds(0));
}
