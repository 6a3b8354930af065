// Lanes, timers, groups, pools and events.
#include <atomic>
#include <csignal>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/async/deadline.h"
#include "base/async/event.h"
#include "base/async/runtime.h"
#include "base/async/signals.h"
#include "base/async/task_group.h"
#include "base/async/worker_pool.h"

namespace {

using namespace std::chrono_literals;
using base::Code;
using base::Lane;
using base::LaneOptions;
using base::Result;
using base::Status;
using base::SteadyTime;
using base::success;
using base::Task;

// Time that only moves when told.
class ManualClock final : public base::Clock {
  public:
    [[nodiscard]] int64_t now_ns() const override { return now_.time_since_epoch().count(); }

    [[nodiscard]] SteadyTime steady() const override { return now_; }

    void advance(base::Duration by) { now_ += by; }

  private:
    SteadyTime now_{1'000'000s};
};

struct ManualLane {
    ManualClock clock;
    Lane lane{clock, LaneOptions{.name = "test", .manual = true}};
};

Task<int> add(int left, int right) {
    CO_TRY(co_await base::yield());
    co_return left + right;
}

Task<void> sleep_and_note(SteadyTime when, int number, std::vector<int>& order) {
    CO_TRY(co_await base::sleep_until(when));
    order.push_back(number);
    co_return success();
}

Task<void> sleep_long(Status& status) {
    status = co_await base::sleep_for(24h);
    co_return success();
}

Task<void> wait_for(base::Event& event, int& woken) {
    while (true) {
        CO_TRY(co_await event.wait());
        ++woken;
    }
}

Task<void> wait_until(base::Event& event, SteadyTime when, Status& status) {
    status = co_await event.wait_until(when);
    co_return success();
}

Task<void> fail_with(Code code) {
    co_return base::fail(code, "no luck");
}

Task<int> square_in_pool(base::WorkerPool& pool, int number) {
    std::function<Result<int>()> work = [number]() -> Result<int> { return number * number; };
    co_return co_await base::run_on(pool, std::move(work));
}

Task<void> tick_and_count(Lane& lane, std::atomic<int>& ticks) {
    while (true) {
        CO_TRY(co_await lane.next_tick());
        ++ticks;
    }
}

}  // namespace

TEST_CASE("a task runs on its lane and its result comes back", "[base][async]") {
    const base::SystemClock clock;
    base::Runtime runtime(clock, {.lanes = 2, .lane = {.name = "lane"}});
    runtime.start();
    const Result<int> sum = base::block_on(runtime.lane(1), add(2, 3));
    REQUIRE(sum.has_value());
    CHECK(sum.value() == 5);
    bool here = false;
    runtime.lane(0).call([&] { here = runtime.lane(0).here() && !runtime.lane(1).here(); });
    CHECK(here);
}

TEST_CASE("timers fire in time order, never early, and only when due", "[base][async]") {
    ManualLane m;
    std::vector<int> order;
    base::TaskGroup tasks(m.lane);
    const SteadyTime start = m.clock.steady();
    m.lane.call([&] {
        tasks.spawn("c", sleep_and_note(start + 30s, 3, order));
        tasks.spawn("a", sleep_and_note(start + 10ms, 1, order));
        tasks.spawn("b", sleep_and_note(start + 20ms, 2, order));
    });
    m.lane.poll();
    m.clock.advance(10ms - 1ns);
    m.lane.poll();
    CHECK(order.empty());
    m.clock.advance(1ns);
    m.lane.poll();
    CHECK(order == std::vector{1});
    m.clock.advance(29s);
    m.lane.poll();
    CHECK(order == std::vector{1, 2});
    m.clock.advance(1s);
    m.lane.poll();
    CHECK(order == std::vector{1, 2, 3});
    CHECK(tasks.size() == 0);
}

TEST_CASE("the wheel agrees with a plain list for random timers", "[base][async]") {
    const uint64_t seed = GENERATE(1u, 7u, 4711u);
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    ManualLane m;

    struct Entry {
        std::unique_ptr<base::Timer> timer;
        SteadyTime at;
        int fired = 0;
        bool armed = false;
    };

    std::vector<Entry> entries(200);
    const auto arm = [&](Entry& entry) {
        entry.at = m.clock.steady() + base::Duration(random() % 20'000'000'000);
        entry.armed = true;
        entry.timer->arm(entry.at);
    };
    m.lane.call([&] {
        for (Entry& entry : entries) {
            entry.timer = std::make_unique<base::Timer>(m.lane, [&entry] {
                ++entry.fired;
                entry.armed = false;
            });
            arm(entry);
        }
    });
    for (int step = 0; step < 500; ++step) {
        m.clock.advance(base::Duration(random() % 300'000'000));
        m.lane.poll();
        for (Entry& entry : entries) {
            REQUIRE(entry.armed == (entry.at > m.clock.steady() && entry.timer->armed()));
            REQUIRE(entry.timer->armed() == entry.armed);
            const uint64_t dice = random() % 50;
            if (dice == 0) {
                entry.timer->disarm();
                entry.armed = false;
            } else if (dice == 1 || !entry.armed) {
                arm(entry);
            }
        }
    }
    entries.clear();
}

TEST_CASE("a real lane sleeps for about as long as asked", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    for (const auto wait : {0ms, 1ms, 30ms}) {
        const SteadyTime before = clock.steady();
        REQUIRE(base::block_on(lane, base::sleep_for(wait)).has_value());
        const auto took = clock.steady() - before;
        CHECK(took >= wait);
        CHECK(took < wait + 2s);
    }
}

TEST_CASE("a ticker keeps to its grid and drops what it missed", "[base][async]") {
    base::Ticker ticker(100ms, 30ms);
    const auto at = [](auto ms) { return SteadyTime(ms); };
    CHECK(ticker.after(at(0ms)) == at(30ms));
    CHECK(ticker.after(at(30ms)) == at(130ms));
    CHECK(ticker.after(at(129ms)) == at(130ms));
    CHECK(ticker.after(at(1'000'455ms)) == at(1'000'530ms));
    CHECK(ticker.after(at(-170ms)) == at(-70ms));
}

TEST_CASE("stopping a group cancels and awaits every task", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    Status first = success();
    Status second = success();
    {
        base::TaskGroup tasks(lane);
        lane.call([&] {
            tasks.spawn("first", sleep_long(first));
            tasks.spawn("second", sleep_long(second));
        });
        while (tasks.size() != 2) {
        }
        lane.call([&] { CHECK(tasks.names() == std::vector<std::string>{"first", "second"}); });
        tasks.stop_and_wait();
        CHECK(tasks.size() == 0);
        CHECK(tasks.stopping());
        lane.call([&] { tasks.spawn("late", sleep_long(first)); });
        CHECK(tasks.size() == 0);
    }
    REQUIRE(!first.has_value());
    CHECK(first.error().code() == Code::kCanceled);
    CHECK(!second.has_value());
}

TEST_CASE("a task stopped before its first step never runs", "[base][async]") {
    ManualLane m;
    base::TaskGroup tasks(m.lane);
    Status status = success();
    m.lane.call([&] {
        tasks.spawn("unborn", sleep_long(status));
        tasks.request_stop();
    });
    tasks.stop_and_wait();
    CHECK(status.has_value());
}

TEST_CASE("a group that is destroyed after its lane's thread still ends its tasks",
          "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    Status status = success();
    {
        base::TaskGroup tasks(lane);
        lane.call([&] { tasks.spawn("sleeper", sleep_long(status)); });
        lane.stop();
    }
    CHECK((status.has_value() || status.error().code() == Code::kCanceled));
}

TEST_CASE("an error that ends a task is reported with the task's name", "[base][async]") {
    ManualLane m;
    std::vector<std::string> errors;
    base::TaskGroup tasks(m.lane, [&](const std::string& name, const base::Error& error) {
        errors.push_back(name + ": " + error.message());
    });
    m.lane.call([&] {
        tasks.spawn("one", fail_with(Code::kIo));
        tasks.spawn("two", fail_with(Code::kCanceled));
    });
    m.lane.poll();
    CHECK(errors == std::vector<std::string>{"one: no luck"});
}

TEST_CASE("an event raised by other threads wakes its task, and raising twice counts once",
          "[base][async]") {
    ManualLane m;
    base::Event event(m.lane);
    int woken = 0;
    base::TaskGroup tasks(m.lane);
    m.lane.call([&] { tasks.spawn("waiter", wait_for(event, woken)); });
    m.lane.poll();
    CHECK(woken == 0);
    const base::Event::Setter setter = event.setter();
    std::thread([&] {
        setter.set();
        setter.set();
    }).join();
    m.lane.poll();
    CHECK(woken == 1);
    event.set();
    m.lane.poll();
    CHECK(woken == 2);
    tasks.stop_and_wait();
}

TEST_CASE("no wake-up is lost between threads", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    base::Event event(lane);
    int woken = 0;
    base::TaskGroup tasks(lane);
    lane.call([&] { tasks.spawn("waiter", wait_for(event, woken)); });
    for (int i = 0; i < 2000; ++i) {
        int before = 0;
        lane.call([&] { before = woken; });
        event.set();
        int now = before;
        while (now == before) {
            lane.call([&] { now = woken; });
        }
    }
    tasks.stop_and_wait();
    CHECK(woken >= 2000);
}

TEST_CASE("waiting for an event gives up at the deadline", "[base][async]") {
    ManualLane m;
    base::Event event(m.lane);
    Status status = success();
    base::TaskGroup tasks(m.lane);
    m.lane.call([&] { tasks.spawn("w", wait_until(event, m.clock.steady() + 5s, status)); });
    m.lane.poll();
    CHECK(tasks.size() == 1);
    m.clock.advance(5s);
    m.lane.poll();
    CHECK(tasks.size() == 0);
    REQUIRE(!status.has_value());
    CHECK(status.error().code() == Code::kTimeout);
}

TEST_CASE("a pool runs jobs, refuses beyond its queue and finishes what it accepted",
          "[base][async]") {
    std::atomic<int> done{0};
    std::atomic<bool> hold{true};
    base::WorkerPool pool({.name = "test-pool", .threads = 1, .queue_max = 2});
    const auto job = [&] {
        while (hold) {
            std::this_thread::yield();
        }
        ++done;
    };
    REQUIRE(pool.submit(job).has_value());
    while (pool.running() == 0) {
        std::this_thread::yield();
    }
    REQUIRE(pool.submit(job).has_value());
    REQUIRE(pool.submit(job).has_value());
    const Status refused = pool.submit(job);
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code() == Code::kLimit);
    CHECK(refused.error().message() == "too many waiting jobs in test-pool limit 2");
    hold = false;
    pool.stop();
    CHECK(done == 3);
    CHECK(pool.submit(job).error().code() == Code::kUnavailable);
}

TEST_CASE("run_on brings the pool's result back to the lane", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    base::WorkerPool pool({.name = "pool", .threads = 2});
    for (int i = 0; i < 100; ++i) {
        const Result<int> squared = base::block_on(lane, square_in_pool(pool, i));
        REQUIRE(squared.has_value());
        REQUIRE(squared.value() == i * i);
    }
    pool.stop();
    CHECK(base::block_on(lane, square_in_pool(pool, 1)).error().code() == Code::kUnavailable);
}

TEST_CASE("a ticked lane does its work on ticks", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane", .tick = 2ms});
    lane.start();
    std::atomic<int> ticks{0};
    base::TaskGroup tasks(lane);
    lane.call([&] { tasks.spawn("ticks", tick_and_count(lane, ticks)); });
    while (ticks < 5) {
        std::this_thread::yield();
    }
    REQUIRE(base::block_on(lane, base::sleep_for(5ms)).has_value());
    tasks.stop_and_wait();
    const int stopped_at = ticks;
    REQUIRE(base::block_on(lane, base::sleep_for(5ms)).has_value());
    CHECK(ticks == stopped_at);
}

TEST_CASE("signals arrive as calls on the lane", "[base][async]") {
    const base::SystemClock clock;
    Lane lane(clock, {.name = "lane"});
    lane.start();
    std::atomic<int> got{0};
    {
        const base::Signals signals(lane, {SIGUSR2}, [&](int signal) { got = signal; });
        std::raise(SIGUSR2);
        while (got == 0) {
            std::this_thread::yield();
        }
    }
    CHECK(got == SIGUSR2);
}
