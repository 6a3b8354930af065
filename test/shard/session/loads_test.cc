#include "shard/session/loads.h"

#include <map>

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

class Loads final : public LoadSource {
  public:
    [[nodiscard]] Totals totals() const override { return {}; }

    void for_each_load(const std::function<void(const TargetLoad&)>& visit) const override {
        for (const auto& [id, load] : loads) {
            visit(load);
        }
    }

    void set(model::TargetId id, uint64_t series, bool up = true) {
        loads[id] = {.id = id, .series = series, .up = up};
    }

    std::map<model::TargetId, TargetLoad> loads;
};

struct Fixture {
    std::vector<TargetLoad> look() {
        now += 5s;
        return changes.take(source, now);
    }

    LoadOptions options;
    Loads source;
    LoadChanges changes{options};
    base::SteadyTime now{1h};
};

}  // namespace

TEST_CASE("a load is told when it is new and when it changed by a tenth and by 500 series",
          "[shard][session]") {
    Fixture at;
    at.source.set(1, 10'000);
    at.source.set(2, 600);
    CHECK(at.look().size() == 2);
    CHECK(at.look().empty());
    at.source.set(1, 10'900);
    at.source.set(2, 1'000);
    CHECK(at.look().empty());
    at.source.set(1, 11'000);
    at.source.set(2, 1'100);
    CHECK(at.look().size() == 2);
    at.source.set(1, 10'000);
    CHECK(at.look().empty());
    at.source.set(1, 9'900);
    CHECK(at.look().size() == 1);
}

TEST_CASE("small changes add up", "[shard][session]") {
    Fixture at;
    at.source.set(1, 10'000);
    at.look();
    size_t told = 0;
    for (uint64_t series = 10'100; series <= 20'000; series += 100) {
        at.source.set(1, series);
        told += at.look().size();
    }
    CHECK(told >= 6);
    CHECK(told <= 8);
}

TEST_CASE("a target that goes down or comes up is told whatever its size", "[shard][session]") {
    Fixture at;
    at.source.set(1, 1);
    at.look();
    at.source.set(1, 1, false);
    CHECK(at.look().size() == 1);
    CHECK(at.look().empty());
    at.source.set(1, 1, true);
    CHECK(at.look().size() == 1);
}

TEST_CASE("all loads are told again after a while, and to a new leader", "[shard][session]") {
    Fixture at;
    at.source.set(1, 5);
    at.look();
    at.now += 10min;
    CHECK(at.look().size() == 1);
    CHECK(at.look().empty());
    at.changes.forget_all();
    CHECK(at.changes.take(at.source, at.now).size() == 1);
}

TEST_CASE("more loads than a message holds come with the next ones, without waiting",
          "[shard][session]") {
    Fixture at;
    for (uint64_t id = 0; id < 40'000; ++id) {
        at.source.set(id, 100);
    }
    CHECK(at.look().size() == at.options.loads_max);
    CHECK(at.changes.take(at.source, at.now).size() == at.options.loads_max);
    CHECK(at.changes.take(at.source, at.now).size() == 40'000 - 2 * at.options.loads_max);
    CHECK(at.changes.take(at.source, at.now).empty());
}
