#include "shard/assigned/assigned_targets.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

AssignedTarget assigned(model::TargetId id,
                        Holding holding = Holding::kOwner,
                        const std::string& job = "node") {
    auto descriptor = std::make_shared<TargetDescriptor>();
    descriptor->job = job;
    const std::string instance = "host-" + std::to_string(id) + ":9100";
    descriptor->labels = {{"instance", instance}, {"job", job}};
    descriptor->discovered = {{"__address__", instance}};
    descriptor->url = "http://" + instance + "/metrics";
    descriptor->interval = 15s;
    descriptor->timeout = 10s;
    return {.id = id, .holding = holding, .descriptor = std::move(descriptor)};
}

AssignedTarget exclusive(model::TargetId id) {
    AssignedTarget target = assigned(id);
    target.exclusive = true;
    return target;
}

// What a scraper knows after all it was told.
class Scraper final : public model::TargetListener {
  public:
    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override {
        ++told;
        jobs[job->job] = std::move(job);
    }

    [[nodiscard]] std::vector<model::TargetId> ids(const std::string& job = "node") const {
        std::vector<model::TargetId> ids;
        if (const auto found = jobs.find(job); found != jobs.end()) {
            for (const auto& target : found->second->active) {
                ids.push_back(target->id);
            }
        }
        std::ranges::sort(ids);
        return ids;
    }

    [[nodiscard]] std::shared_ptr<const model::Target> target(model::TargetId id,
                                                              const std::string& job = "node") {
        for (const auto& target : jobs[job]->active) {
            if (target->id == id) {
                return target;
            }
        }
        return nullptr;
    }

    [[nodiscard]] std::vector<model::TargetId> handed_over(const std::string& job = "node") {
        return jobs[job]->handed_over;
    }

    int told = 0;
    std::map<std::string, std::shared_ptr<const model::ResolvedJob>> jobs;
};

using Ids = std::vector<model::TargetId>;

struct Fixture {
    Fixture() { targets.listen(&scraper); }

    void scraped(model::TargetId id, bool good, uint64_t series = 0) {
        targets.scraped({.target = id, .good = good, .timestamp_ms = 1000, .series = series});
    }

    // "id=series" with a minus behind it for what is down, by id.
    [[nodiscard]] std::vector<std::string> loads() const {
        std::map<model::TargetId, std::string> texts;
        targets.for_each_load([&](const TargetLoad& load) {
            texts[load.id] =
                std::to_string(load.id) + "=" + std::to_string(load.series) + (load.up ? "" : "-");
        });
        std::vector<std::string> all;
        for (const auto& [id, text] : texts) {
            all.push_back(text);
        }
        return all;
    }

    std::vector<model::ScrapeOutcome> incoming;
    AssignedTargets targets{
        {.totals = [] { return Totals{.active_series = 7}; },
         .incoming = [this](const model::ScrapeOutcome& outcome) { incoming.push_back(outcome); }}};
    Scraper scraper;
};

}  // namespace

TEST_CASE("what is held is told with the cluster's id, and how it is to be scraped",
          "[shard][assigned]") {
    Fixture f;
    AssignedTarget target = assigned(1);
    target.slot = 1;
    target.slots = 3;
    f.targets.hold(target);
    f.targets.hold(assigned(2, Holding::kIncoming));
    f.targets.hold(assigned(3, Holding::kStandIn));
    f.targets.hold(assigned(4, Holding::kOwner, "other"));
    CHECK(f.scraper.told == 0);
    f.targets.tell();
    CHECK(f.scraper.told == 2);
    CHECK(f.scraper.ids() == Ids{1, 2, 3});
    CHECK(f.scraper.ids("other") == Ids{4});
    const auto first = f.scraper.target(1);
    CHECK(first->job == "node");
    CHECK(first->labels == target.descriptor->labels);
    CHECK(first->discovered == target.descriptor->discovered);
    CHECK(first->url == "http://host-1:9100/metrics");
    CHECK(first->interval == 15s);
    CHECK(first->timeout == 10s);
    CHECK(first->slot == 1);
    CHECK(first->slots == 3);
    CHECK_FALSE(first->on_trial);
    CHECK_FALSE(first->at_once);
    CHECK(f.scraper.target(2)->on_trial);
    CHECK_FALSE(f.scraper.target(2)->at_once);
    CHECK(f.scraper.target(3)->at_once);
    CHECK_FALSE(f.scraper.target(3)->on_trial);
    f.targets.tell();
    CHECK(f.scraper.told == 2);
}

TEST_CASE("a target held in another way is another one under the same id, its neighbours are not",
          "[shard][assigned]") {
    Fixture f;
    f.targets.hold(assigned(1, Holding::kIncoming));
    f.targets.hold(assigned(2));
    f.targets.tell();
    const auto neighbour = f.scraper.target(2);
    f.targets.hold(assigned(1, Holding::kOwner));
    f.targets.tell();
    CHECK_FALSE(f.scraper.target(1)->on_trial);
    CHECK(f.scraper.handed_over().empty());
    CHECK(f.scraper.target(2) == neighbour);
    const int told = f.scraper.told;
    AssignedTarget later = assigned(1);
    later.since = 9;  // nothing to a scraper
    f.targets.hold(later);
    f.targets.tell();
    CHECK(f.scraper.told == told);
}

TEST_CASE("a job is over its target limit while any of its targets says so", "[shard][assigned]") {
    Fixture f;
    const auto hold = [&](model::TargetId id, bool over) {
        AssignedTarget target = assigned(id);
        TargetDescriptor what = *target.descriptor;
        what.over_target_limit = over;
        target.descriptor = std::make_shared<const TargetDescriptor>(std::move(what));
        f.targets.hold(target);
        f.targets.tell();
    };
    const auto over = [&] { return f.scraper.jobs.at("node")->over_target_limit; };
    hold(1, false);
    CHECK_FALSE(over());
    hold(1, true);
    CHECK(over());
    hold(2, true);
    hold(1, false);
    CHECK(over());  // the other one says so still
    hold(2, false);
    CHECK_FALSE(over());
    hold(1, true);
    CHECK(over());
    f.targets.release(1, ReleaseReason::kMoved);
    f.targets.tell();
    CHECK_FALSE(over());
    CHECK(f.scraper.ids() == Ids{2});
}

TEST_CASE("what has moved is handed over, what is gone is not", "[shard][assigned]") {
    Fixture f;
    for (model::TargetId id = 1; id <= 4; ++id) {
        f.targets.hold(assigned(id));
    }
    f.targets.tell();
    f.targets.release(1, ReleaseReason::kMoved);
    f.targets.release(2, ReleaseReason::kGone);
    f.targets.release(9, ReleaseReason::kGone);
    f.targets.tell();
    CHECK(f.scraper.ids() == Ids{3, 4});
    CHECK(f.scraper.handed_over() == Ids{1});
    f.targets.release(3, ReleaseReason::kMoved);
    f.targets.release(4, ReleaseReason::kGone);
    f.targets.tell();
    CHECK(f.scraper.ids().empty());
    CHECK(f.scraper.handed_over() == Ids{3});
}

TEST_CASE("exclusive targets have the lease's end, and the others none", "[shard][assigned]") {
    Fixture f;
    const auto end = [&](model::TargetId id) -> std::shared_ptr<const model::ScrapeEnd> {
        for (const auto& target : f.scraper.jobs.at("node")->active) {
            if (target->id == id) {
                return target->end;
            }
        }
        FAIL("target " << id << " is not scraped");
        return nullptr;
    };
    f.targets.hold(exclusive(1));
    f.targets.hold(assigned(2));
    f.targets.settle();
    REQUIRE(end(1) != nullptr);
    CHECK(end(2) == nullptr);
    CHECK(*end(1) == 0);
    const auto held = end(1);
    f.targets.lease(base::SteadyTime(base::Duration(70)));
    CHECK(*held == 70);
    f.targets.hold(assigned(1));  // not exclusive any more
    f.targets.hold(exclusive(2));
    f.targets.tell();
    CHECK(end(1) == nullptr);
    REQUIRE(end(2) != nullptr);
    CHECK(*end(2) == 70);
}

TEST_CASE("a listener that comes late is told what was told before", "[shard][assigned]") {
    Fixture f;
    f.targets.hold(assigned(1));
    f.targets.hold(assigned(2, Holding::kOwner, "other"));
    f.targets.hold(assigned(3, Holding::kOwner, "third"));
    f.targets.tell();
    f.targets.release(2, ReleaseReason::kMoved);
    f.targets.tell();
    f.targets.hold(assigned(4));
    Scraper late;
    f.targets.listen(&late);
    CHECK(late.told == 2);
    CHECK(late.ids() == Ids{1});
    CHECK(late.ids("third") == Ids{3});
    f.targets.tell();
    CHECK(late.ids() == Ids{1, 4});
    CHECK(f.scraper.ids() == Ids{1});
    f.targets.listen(nullptr);
    f.targets.hold(assigned(5));
    f.targets.tell();
    CHECK(late.ids() == Ids{1, 4});
}

TEST_CASE("loads are those of the last good scrape, of targets that are held",
          "[shard][assigned]") {
    Fixture f;
    f.targets.hold(assigned(1));
    f.targets.hold(assigned(2));
    f.targets.hold(assigned(3));
    f.scraped(9, true, 9);
    CHECK(f.loads().empty());
    f.scraped(1, true, 100);
    f.scraped(2, false);
    CHECK(f.loads() == std::vector<std::string>{"1=100", "2=0-"});
    f.scraped(1, false);
    f.scraped(2, true, 20);
    CHECK(f.loads() == std::vector<std::string>{"1=100-", "2=20"});
    f.targets.hold(assigned(2, Holding::kStandIn));
    f.targets.release(1, ReleaseReason::kMoved);
    f.scraped(1, true, 100);
    CHECK(f.loads() == std::vector<std::string>{"2=20"});
    f.targets.hold(assigned(1));
    CHECK(f.loads() == std::vector<std::string>{"2=20"});
    CHECK(f.targets.totals().active_series == 7);
}

TEST_CASE("how scrapes go is handed on for incoming targets alone", "[shard][assigned]") {
    Fixture f;
    f.targets.hold(assigned(1, Holding::kIncoming));
    f.targets.hold(assigned(2));
    f.scraped(1, false);
    f.scraped(2, true, 5);
    f.scraped(1, true, 3);
    REQUIRE(f.incoming.size() == 2);
    CHECK_FALSE(f.incoming[0].good);
    CHECK(f.incoming[1].target == 1);
    CHECK(f.incoming[1].timestamp_ms == 1000);
    CHECK(f.incoming[1].series == 3);
    f.targets.hold(assigned(1, Holding::kOwner));
    f.scraped(1, true, 3);
    CHECK(f.incoming.size() == 2);
}

TEST_CASE("everything held can be seen, scraped or not", "[shard][assigned]") {
    Fixture f;
    f.targets.hold(assigned(1, Holding::kIncoming));
    f.targets.hold(exclusive(2));
    std::set<model::TargetId> seen;
    f.targets.for_each([&](const AssignedTarget& target) {
        seen.insert(target.id);
        f.targets.release(target.id, ReleaseReason::kGone);  // no lock is held
    });
    CHECK(seen == std::set<model::TargetId>{1, 2});
}

TEST_CASE("a hundred thousand targets come and go in no time", "[shard][assigned]") {
    Fixture f;
    constexpr model::TargetId kTargets = 100'000;
    std::vector<AssignedTarget> all;
    for (model::TargetId id = 1; id <= kTargets; ++id) {
        all.push_back(assigned(id));
    }
    const auto start = std::chrono::steady_clock::now();
    for (const AssignedTarget& target : all) {
        f.targets.hold(target);
    }
    f.targets.tell();
    for (model::TargetId id = 1; id <= kTargets; ++id) {
        f.scraped(id, true, 1);
    }
    for (model::TargetId id = 1; id <= kTargets; ++id) {
        f.targets.release(id, ReleaseReason::kMoved);
    }
    f.targets.tell();
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(f.scraper.handed_over().size() == kTargets);
    // What is quadratic takes minutes.
    CHECK(took < 10s);
}

TEST_CASE("lanes, the cluster and those who look do not get in each other's way",
          "[shard][assigned]") {
    std::atomic<uint64_t> outcomes = 0;
    AssignedTargets targets{{.totals = [] { return Totals{}; },
                             .incoming = [&](const model::ScrapeOutcome&) { ++outcomes; }}};
    std::atomic<bool> over = false;
    std::atomic<uint64_t> seen = 0;
    std::vector<std::thread> threads;
    for (int lane = 0; lane < 2; ++lane) {
        threads.emplace_back([&, lane] {
            while (!over) {
                for (model::TargetId id = static_cast<uint64_t>(lane); id < 100; id += 2) {
                    targets.scraped({.target = id, .good = true, .series = id});
                }
            }
        });
    }
    threads.emplace_back([&] {
        while (!over) {
            Scraper scraper;
            targets.listen(&scraper);
            targets.for_each([&](const AssignedTarget& target) { seen += target.id; });
            targets.listen(nullptr);
        }
    });
    for (int round = 0; round < 50 || outcomes == 0 || seen == 0; ++round) {
        for (model::TargetId id = 0; id < 100; ++id) {
            targets.hold(assigned(id, id % 2 == 0 ? Holding::kOwner : Holding::kIncoming));
        }
        targets.tell();
        targets.lease(base::SteadyTime(base::Duration(round)));
        targets.for_each_load([](const TargetLoad& load) { CHECK(load.up); });
        for (model::TargetId id = 0; id < 100; id += 3) {
            targets.release(id, ReleaseReason::kMoved);
        }
        targets.tell();
    }
    over = true;
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(outcomes > 0);
    CHECK(seen > 0);
}
