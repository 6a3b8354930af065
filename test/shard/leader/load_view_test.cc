#include "shard/leader/load_view.h"

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    void told(model::TargetId target, uint64_t series, bool up = true) {
        view.told(1, 0, {.id = target, .series = series, .up = up});
    }

    [[nodiscard]] uint64_t series(model::TargetId target, WeightClass weight = 0) const {
        return view.series(target, 0, weight);
    }

    void pass(std::chrono::seconds time) {
        now += time;
        view.step(now);
    }

    LoadViewOptions options;
    LoadView view{options};
    base::SteadyTime now{1h};
};

}  // namespace

TEST_CASE("a load rises at once and sinks slowly", "[shard][leader]") {
    Fixture at;
    at.told(1, 1'000);
    at.told(1, 3'000);
    CHECK(at.series(1) == 3'000);
    at.told(1, 1'000);
    CHECK(at.series(1) == 3'000);
    at.pass(15s);
    CHECK(at.series(1) == 2'400);
    at.pass(5s);
    CHECK(at.series(1) == 2'400);
    at.pass(10s);
    CHECK(at.series(1) == 1'980);
    for (int i = 0; i < 20; ++i) {
        at.pass(15s);
    }
    CHECK(at.series(1) == 1'000);
}

TEST_CASE("a load that rises while it sinks is at once what it is", "[shard][leader]") {
    Fixture at;
    at.told(1, 1'000);
    at.told(1, 100);
    at.pass(15s);
    at.told(1, 900);
    CHECK(at.series(1) == 900);
    at.pass(15s);
    CHECK(at.series(1) == 900);
}

TEST_CASE("a failed scrape leaves a load as it is", "[shard][leader]") {
    Fixture at;
    at.told(1, 1'000);
    at.told(1, 0, false);
    at.pass(60s);
    CHECK(at.series(1) == 1'000);
    CHECK(at.view.up(1, 1) == false);
    CHECK(!at.view.up(1, 2).has_value());
    at.told(2, 0, false);
    CHECK(!at.view.measured(2));
}

TEST_CASE("what was not measured is what its class stands for, or what others of its job have",
          "[shard][leader]") {
    Fixture at;
    CHECK(at.series(9) == 1'000);
    CHECK(at.series(9, weight_class(5'000)) == class_series(weight_class(5'000)));
    for (model::TargetId target = 1; target <= 100; ++target) {
        at.told(target, target * 10);
    }
    at.view.refresh_jobs();
    CHECK(at.series(1'000) == 750);
    CHECK(at.view.series(1'000, 5, 0) == 1'000);
}

TEST_CASE("a class is corrected when it is two off", "[shard][leader]") {
    Fixture at;
    CHECK(!at.view.better_class(1, 0).has_value());
    at.told(1, 1'000);
    CHECK(at.view.better_class(1, 0) == weight_class(1'000));
    CHECK(!at.view.better_class(1, weight_class(1'000)).has_value());
    CHECK(!at.view.better_class(1, weight_class(1'180)).has_value());
    CHECK(at.view.better_class(1, weight_class(2'000)) == weight_class(1'000));
    at.told(2, 0);
    CHECK(at.view.better_class(2, 0) == WeightClass{1});
}

TEST_CASE("a target that is forgotten weighs what nobody knows", "[shard][leader]") {
    Fixture at;
    at.told(1, 50);
    at.told(1, 10);
    at.view.forget(1);
    at.pass(15s);
    CHECK(at.series(1) == 1'000);
}
