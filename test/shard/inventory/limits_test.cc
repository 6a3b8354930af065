// What an inventory does not believe, and what it does not take.
#include <algorithm>

#include <catch2/catch.hpp>

#include "shard/inventory/inventory.h"
#include "test/shard/inventory/support.h"

using namespace shard;
using namespace shard::inventory_test;
using namespace std::chrono_literals;

TEST_CASE("a job that suddenly has no targets keeps them for two minutes", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 11));
    (void)at.inventory.take_changes();
    at.report("a", {});
    CHECK(at.inventory.take_changes().empty());
    CHECK(at.job("a").held);
    CHECK(at.inventory.next() == at.clock.steady() + 120s);
    at.pass(60s);
    at.report("a", {});  // does not begin anew
    at.pass(59'999ms);
    CHECK(at.inventory.size() == 11);
    at.pass(1ms);
    CHECK(at.inventory.take_changes().removed.size() == 11);
    CHECK_FALSE(at.job("a").held);
    CHECK(at.inventory.next() == base::SteadyTime::max());
}

TEST_CASE("a job of ten targets may lose all of them", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 10));
    at.report("a", {});
    CHECK(at.inventory.size() == 0);
}

TEST_CASE("a job may lose all but one of its targets", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 1'000));
    at.report("a", targets("a", 1));
    CHECK(at.inventory.size() == 1);
}

TEST_CASE("targets that come back end what is held", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 20));
    at.report("a", {});
    at.pass(60s);
    at.report("a", targets("a", 15));
    CHECK(at.inventory.size() == 15);
    at.pass(120s);
    CHECK(at.inventory.size() == 15);
}

TEST_CASE("after another configuration no targets are believed at once", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 20));
    SECTION("nothing is held") {
        at.configure({{"a", 2}});
        CHECK(at.inventory.size() == 20);  // until discovery has spoken
        at.report("a", {});
        CHECK(at.inventory.size() == 0);
    }
    SECTION("what is held goes with the next report") {
        at.report("a", {});
        at.configure({{"a", 2}});
        CHECK(at.inventory.size() == 20);
        at.report("a", {});
        CHECK(at.inventory.size() == 0);
    }
    SECTION("once that one has reported, they are held again") {
        at.configure({{"a", 2}});
        at.report("a", targets("a", 20));
        at.report("a", {});
        CHECK(at.inventory.size() == 20);
    }
}

TEST_CASE("a job that is held and not configured any more loses its targets at once",
          "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", targets("a", 20));
    at.report("a", {});
    at.configure({});
    CHECK(at.inventory.size() == 0);
    CHECK(at.inventory.next() == base::SteadyTime::max());
}

TEST_CASE("equal targets of a job are counted once and reported", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    at.report("a", {shared(target("a", "x")), shared(target("a", "x")), shared(target("a", "y"))});
    CHECK(at.inventory.size() == 2);
    CHECK(at.job("a").duplicates == 1);
    at.report("a", {shared(target("a", "x"))});
    CHECK(at.job("a").duplicates == 0);
}

TEST_CASE("an id belongs to the job that had it first", "[shard][inventory]") {
    Fixture at{.options = {.key = [](const model::Target&) { return model::TargetId{7}; }}};
    at.configure({{"a", 1}, {"b", 1}});
    at.report("b", {shared(target("b", "x"))});
    at.report("a", {shared(target("a", "x"))});
    CHECK(at.inventory.descriptor(7)->job == "b");
    CHECK(at.job("a").duplicates == 1);
    at.report("b", {});
    CHECK(at.inventory.size() == 0);
    at.report("a", {shared(target("a", "x"))});
    CHECK(at.inventory.descriptor(7)->job == "a");
}

TEST_CASE("the newest jobs' targets are left out beyond the limit", "[shard][inventory]") {
    Fixture at{.options = {.targets_max = 10}};
    at.configure({{"old", 1}});
    at.configure({{"new", 1}, {"old", 1}});
    at.report("new", targets("new", 8));
    CHECK_FALSE(at.inventory.check_limit().has_error());
    (void)at.inventory.take_changes();
    at.report("old", targets("old", 7));
    CHECK(at.inventory.size() == 10);
    CHECK(at.job("old").targets == 7);
    CHECK(at.job("new").targets == 3);
    CHECK(at.job("new").left_out == 5);
    const InventoryChange change = at.inventory.take_changes();
    CHECK(change.added.size() == 7);
    CHECK(change.removed.size() == 5);
    CHECK(at.inventory.descriptor(change.removed[0]) == nullptr);
    const base::Status limit = at.inventory.check_limit();
    REQUIRE(limit.has_error());
    CHECK(limit.error().code() == base::Code::kLimit);
    CHECK(limit.error().message() ==
          "a cluster takes 10 targets at most; 5 are not scraped, of the jobs that were added last "
          "(\"new\"); drop targets by relabelling, or move jobs to another cluster");

    at.report("old", targets("old", 1));
    CHECK(at.job("new").left_out == 0);
    CHECK(at.inventory.take_changes().added.size() == 5);
    CHECK_FALSE(at.inventory.check_limit().has_error());
}

TEST_CASE("what cannot be sent to a node is left out and counted", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    model::Target large = target("a", "x");
    large.discovered = {{"__address__", "x"}, {"__meta_all", std::string(kTargetBytesMax, 'x')}};
    at.report("a", {shared(large), shared(target("a", "y"))});
    CHECK(at.inventory.size() == 1);
    CHECK(at.job("a").too_large == 1);
}

TEST_CASE("a job whose name the table does not take has no targets and says why",
          "[shard][inventory]") {
    Fixture at;
    const std::string name(kNameBytesMax + 1, 'j');
    at.configure({{name, 1}});
    at.report(name, targets(name, 2));
    CHECK(at.inventory.size() == 0);
    CHECK_FALSE(at.inventory.awaited(name));
    CHECK_THAT(at.job(name).problem, Catch::Contains("253"));
}

TEST_CASE("jobs beyond their configuration's target limit are named", "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}});
    model::ResolvedJob job;
    job.job = "a";
    job.active = targets("a", 2);
    job.over_target_limit = true;
    at.inventory.targets_changed(std::make_shared<const model::ResolvedJob>(job));
    CHECK(at.job("a").over_target_limit);
    CHECK(at.inventory.size() == 2);
    at.report("a", targets("a", 1));
    CHECK_FALSE(at.job("a").over_target_limit);
}

TEST_CASE("targets of a job that gets beyond its target limit, or below it, are described anew",
          "[shard][inventory]") {
    Fixture at;
    at.configure({{"a", 1}, {"b", 1}});
    at.report("a", targets("a", 2));
    at.report("b", targets("b", 1));
    (void)at.inventory.take_changes();
    const auto described_over = [&](const TargetPtr& one) {
        return at.inventory.descriptor(target_key(*one))->over_target_limit;
    };
    const auto few = targets("a", 2);
    const auto many = targets("a", 3);
    const auto report_many = [&] {
        model::ResolvedJob job;
        job.job = "a";
        job.active = many;
        job.over_target_limit = true;
        at.inventory.targets_changed(std::make_shared<const model::ResolvedJob>(job));
    };
    report_many();
    InventoryChange change = at.inventory.take_changes();
    CHECK(change.added.size() == 1);
    CHECK(change.changed.size() == 2);
    CHECK(std::ranges::all_of(many, described_over));
    report_many();
    CHECK(at.inventory.take_changes().empty());
    at.report("a", few);
    report_many();  // nobody looked meanwhile
    CHECK(at.inventory.take_changes().empty());
    at.report("a", few);
    change = at.inventory.take_changes();
    CHECK(change.removed.size() == 1);
    CHECK(change.changed.size() == 2);
    CHECK(std::ranges::none_of(few, described_over));
}
