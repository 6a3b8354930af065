#include "shard/inventory/inventory.h"

#include <algorithm>
#include <thread>

#include <catch2/catch.hpp>

#include "test/shard/inventory/support.h"

using namespace shard;
using namespace shard::inventory_test;
using namespace std::chrono_literals;

namespace {

std::vector<model::TargetId> ids_of(const std::vector<TargetPtr>& targets) {
    std::vector<model::TargetId> ids;
    for (const TargetPtr& one : targets) {
        ids.push_back(target_key(*one));
    }
    std::ranges::sort(ids);
    return ids;
}

std::vector<model::TargetId> added(const InventoryChange& change) {
    std::vector<model::TargetId> ids;
    for (const AddedTarget& one : change.added) {
        ids.push_back(one.id);
    }
    return ids;
}

}  // namespace

TEST_CASE("what was not taken yet is added, by id and with its job", "[shard][inventory]") {
    Fixture at;
    at.configure({{"b", 1}, {"a", 1}});
    const auto a = targets("a", 20);
    const auto b = targets("b", 2);
    at.report("a", a);
    at.report("b", b);
    const InventoryChange change = at.inventory.take_changes();
    CHECK(change.jobs == std::vector<std::string>{"a", "b"});
    auto all = a;
    all.insert(all.end(), b.begin(), b.end());
    CHECK(added(change) == ids_of(all));
    for (const AddedTarget& one : change.added) {
        CHECK(change.jobs[one.job] == at.inventory.descriptor(one.id)->job);
        CHECK_FALSE(one.predecessor);
    }
    CHECK(change.changed.empty());
    CHECK(change.removed.empty());
    CHECK(at.inventory.take_changes().empty());
}

TEST_CASE("a target that nobody discovers any more is removed", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const auto all = targets("a", 3);
    at.report("a", all);
    (void)at.inventory.take_changes();
    at.report("a", {all[0], all[2]});
    const InventoryChange change = at.inventory.take_changes();
    CHECK(change.removed == ids_of({all[1]}));
    CHECK(change.added.empty());
    CHECK(at.inventory.size() == 2);
    CHECK(at.inventory.descriptor(target_key(*all[1])) == nullptr);
}

TEST_CASE("a target that comes and goes between two looks is no change", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const auto all = targets("a", 3);
    at.report("a", {all[0], all[1]});
    (void)at.inventory.take_changes();
    at.report("a", all);
    at.report("a", {all[0]});
    at.report("a", {all[0], all[1]});
    CHECK(at.inventory.take_changes().empty());
}

TEST_CASE("another interval, timeout or discovered label changes a target", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const model::Target before = target("a", "x");
    model::Target after = before;
    SECTION("interval") {
        after.interval = 30s;
    }
    SECTION("timeout") {
        after.timeout = 5s;
    }
    SECTION("discovered label") {
        after.discovered = {{"__address__", "x"}, {"__meta_pod", "p"}, {"job", "a"}};
    }
    at.report("a", {shared(before)});
    (void)at.inventory.take_changes();
    at.report("a", {shared(after)});
    const InventoryChange change = at.inventory.take_changes();
    CHECK(change.changed == std::vector{target_key(before)});
    CHECK(change.added.empty());
    CHECK(change.removed.empty());
    const auto descriptor = at.inventory.descriptor(target_key(before));
    CHECK(descriptor->interval == after.interval);
    CHECK(descriptor->timeout == after.timeout);
    CHECK(descriptor->discovered == after.discovered);
}

TEST_CASE("a target that is found again as it was is no change", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 5));
    (void)at.inventory.take_changes();
    at.report("a", targets("a", 5));
    CHECK(at.inventory.take_changes().empty());
}

TEST_CASE("a target whose labels were edited has a predecessor", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const model::Target before = target("a", "x");
    model::Target after = before;
    after.labels = {{"instance", "x"}, {"job", "a"}, {"team", "db"}};
    at.report("a", {shared(before), shared(target("a", "y"))});
    (void)at.inventory.take_changes();
    at.configure({{"a", 2}});
    at.report("a", {shared(after), shared(target("a", "z"))});
    const InventoryChange change = at.inventory.take_changes();
    REQUIRE(change.added.size() == 2);
    CHECK(change.removed.size() == 2);
    for (const AddedTarget& one : change.added) {
        CHECK(one.predecessor ==
              (one.id == target_key(after) ? std::optional(target_key(before)) : std::nullopt));
    }
}

TEST_CASE("targets at one place are each the predecessor of one", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const auto at_one_place = [](const char* label, int count) {
        std::vector<TargetPtr> all;
        for (int number = 0; number < count; ++number) {
            model::Target one = target("a", "x");
            one.labels = {{label, std::to_string(number)}};
            all.push_back(shared(one));
        }
        return all;
    };
    const auto before = at_one_place("old", 2);
    at.report("a", before);
    (void)at.inventory.take_changes();
    at.report("a", at_one_place("new", 3));
    std::vector<model::TargetId> predecessors;
    for (const AddedTarget& one : at.inventory.take_changes().added) {
        if (one.predecessor) {
            predecessors.push_back(*one.predecessor);
        }
    }
    std::ranges::sort(predecessors);
    CHECK(predecessors == ids_of(before));
}

TEST_CASE("a target of another job is no predecessor", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}, {"b", 1}});
    at.report("a", {shared(target("a", "x"))});
    at.report("b", {});
    (void)at.inventory.take_changes();
    at.report("a", {});
    at.report("b", {shared(target("b", "x"))});
    const InventoryChange change = at.inventory.take_changes();
    REQUIRE(change.added.size() == 1);
    CHECK_FALSE(change.added[0].predecessor);
}

TEST_CASE("a job that is not configured any more loses its targets at once", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}, {"b", 1}});
    const auto all = targets("a", 20);
    at.report("a", all);
    at.report("b", targets("b", 1));
    (void)at.inventory.take_changes();
    at.configure({{"b", 1}});
    CHECK(at.inventory.take_changes().removed == ids_of(all));
    CHECK(at.inventory.size() == 1);
    CHECK_FALSE(at.inventory.awaited("a"));
}

TEST_CASE("a report of a job that is not configured is passed over", "[shard][inventory]") {
    Fixture at;
    at.report("a", targets("a", 1));
    at.configure({{"b", 1}});
    at.report("a", targets("a", 1));
    CHECK(at.inventory.size() == 0);
    CHECK(at.inventory.cold());
}

TEST_CASE("a descriptor says all that is scraped", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    model::Target one = target("a", "x");
    one.unix_socket = "/run/x.sock";
    at.report("a", {shared(one)});
    const auto descriptor = at.inventory.descriptor(target_key(one));
    REQUIRE(descriptor != nullptr);
    CHECK(*descriptor == TargetDescriptor{.job = one.job,
                                          .labels = one.labels,
                                          .discovered = one.discovered,
                                          .url = one.url,
                                          .unix_socket = one.unix_socket,
                                          .interval = one.interval,
                                          .timeout = one.timeout});
    CHECK(at.inventory.has(target_key(one)));
    CHECK(at.inventory.descriptor(target_key(one) + 1) == nullptr);
    CHECK_FALSE(at.inventory.has(target_key(one) + 1));
}

TEST_CASE("all targets are visited by job and id", "[shard][inventory]") {
    Fixture at;
    at.configure({{"b", 1}, {"a", 1}});
    at.report("a", targets("a", 3));
    at.report("b", targets("b", 2));
    std::vector<std::pair<std::string, model::TargetId>> seen;
    at.inventory.for_each(
        [&](model::TargetId id, std::string_view job) { seen.emplace_back(job, id); });
    CHECK(std::ranges::is_sorted(seen));
    CHECK(seen.size() == 5);
}

TEST_CASE("after a restart of changes everything is added again", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    const auto all = targets("a", 3);
    at.report("a", all);
    (void)at.inventory.take_changes();
    at.report("a", {all[0], all[1]});
    at.inventory.restart_changes();
    at.report("a", {all[1], all[2]});
    const InventoryChange change = at.inventory.take_changes();
    CHECK(added(change) == ids_of({all[1], all[2]}));
    CHECK(change.removed.empty());
}

TEST_CASE("an inventory is cold until every job has reported once", "[shard][inventory]") {
    Fixture at;
    CHECK(at.inventory.cold());
    at.configure({{"a", 1}, {"b", 1}});
    at.report("a", targets("a", 1));
    CHECK(at.inventory.cold());
    CHECK_FALSE(at.inventory.awaited("a"));
    CHECK(at.inventory.awaited("b"));
    at.report("b", {});
    CHECK_FALSE(at.inventory.cold());
    at.configure({{"a", 1}, {"b", 1}, {"c", 1}});
    CHECK_FALSE(at.inventory.cold());
    CHECK(at.inventory.awaited("c"));
}

TEST_CASE("an inventory without jobs is not cold", "[shard][inventory]") {
    Fixture at;
    at.configure({});
    CHECK_FALSE(at.inventory.cold());
}

TEST_CASE("the first reports are waited for a minute", "[shard][inventory]") {
    Fixture at;
    CHECK(at.inventory.next() == base::SteadyTime::max());
    at.configure({{"a", 1}});
    const base::SteadyTime until = at.clock.steady() + 60s;
    CHECK(at.inventory.next() == until);
    at.pass(59'999ms);
    CHECK(at.inventory.cold());
    at.pass(1ms);
    CHECK_FALSE(at.inventory.cold());
    CHECK(at.inventory.awaited("a"));
    CHECK(at.inventory.next() == base::SteadyTime::max());
}

TEST_CASE("jobs may report from many threads at once", "[shard][inventory]") {
    constexpr int kJobs = 4;
    constexpr size_t kRounds = 50;
    Fixture at;
    std::vector<JobHash> jobs;
    for (int job = 0; job < kJobs; ++job) {
        jobs.push_back({.job = "j" + std::to_string(job), .hash = 1});
    }
    at.configure(jobs);
    std::vector<std::thread> threads;
    for (const JobHash& job : jobs) {
        threads.emplace_back([&at, &job] {
            for (size_t round = 1; round <= kRounds; ++round) {
                at.report(job.job, targets(job.job, round));
                (void)at.inventory.descriptor(target_key(target(job.job, "a0")));
            }
        });
    }
    size_t known = 0;
    const auto take = [&] {
        const InventoryChange change = at.inventory.take_changes();
        known += change.added.size();
        CHECK(change.removed.empty());
    };
    for (size_t round = 0; round < kRounds; ++round) {
        take();
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    take();
    CHECK(known == kJobs * kRounds);
    CHECK(at.inventory.size() == kJobs * kRounds);
}
