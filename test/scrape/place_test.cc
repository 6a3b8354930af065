// How a node scrapes what it shares with others, gets from them and hands over.
#include <algorithm>
#include <mutex>
#include <set>

#include <catch2/catch.hpp>

#include "test/scrape/farm.h"
#include "test/support/fake_clock.h"

using namespace scrape_test;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kStartMs = test_support::FakeClock::kStartMs;

bool has_marker(const std::vector<model::FloatSample>& samples) {
    return std::ranges::any_of(
        samples, [](const model::FloatSample& sample) { return model::is_stale(sample.v); });
}

class Outcomes final : public model::ScrapeListener {
  public:
    void scraped(const model::ScrapeOutcome& outcome) override {
        const std::lock_guard lock(mutex_);
        all_.push_back(outcome);
    }

    [[nodiscard]] std::vector<model::ScrapeOutcome> all() const {
        const std::lock_guard lock(mutex_);
        return all_;
    }

  private:
    mutable std::mutex mutex_;
    std::vector<model::ScrapeOutcome> all_;
};

// A manager on one lane whose clock is turned by hand. Its targets are never asked: they are more
// than allowed, so that every scrape is down at its very moment.
class StillScraper {
  public:
    explicit StillScraper(const std::string& host_name, bool shared_phase = true) {
        scrape::EngineOptions engine;
        engine.host_name = host_name;
        engine.shared_phase = shared_phase;
        manager = std::make_unique<scrape::Manager>(
            engine,
            scrape::Manager::Parts{
                storage, lanes, client, metrics, budget, nullptr, random, {}, &outcomes});
        job.limits.target_limit = 1;
        manager->apply({{job}, {{"replica", host_name}}});
    }

    static model::Target target(size_t number) {
        const auto job = Scraper::job("j", 15s);
        model::Target target = Scraper::target(job, "http://x/" + std::to_string(number));
        target.id = number * 0x9e3779b97f4a7c15ULL;
        return target;
    }

    void scrape(const std::vector<model::Target>& targets,
                std::vector<model::TargetId> handed_over = {}) {
        auto resolved = std::make_shared<model::ResolvedJob>();
        resolved->job = "j";
        resolved->over_target_limit = true;
        resolved->handed_over = std::move(handed_over);
        for (const model::Target& target : targets) {
            resolved->active.push_back(std::make_shared<const model::Target>(target));
        }
        manager->targets_changed(std::move(resolved));
        settle();
    }

    void pass(base::Duration time) {
        constexpr base::Duration kStep = 5ms;
        for (base::Duration past{}; past < time; past += kStep) {
            clock.advance(kStep);
            settle();
        }
    }

    void settle() {
        while (lanes.lane(0).poll() > 0) {
        }
    }

    [[nodiscard]] std::vector<int64_t> times(size_t number) const {
        std::vector<int64_t> times;
        for (const auto& sample :
             storage.samples("up{instance=\"" + std::to_string(number) + "\", job=\"j\"}")) {
            times.push_back(sample.t);
        }
        return times;
    }

    test_support::FakeClock clock;
    base::Budget budget{"scraping", base::Budget::kUnlimited};
    base::Runtime lanes{clock, {.lane = {.name = "scrape", .manual = true}}};
    base::http::ClientShared client;
    base::Registry registry;
    scrape::Metrics metrics{registry};
    base::SystemRandom random;
    test_support::MemoryStorage storage;
    Outcomes outcomes;
    scrape::JobOptions job = Scraper::job("j", 15s);
    std::unique_ptr<scrape::Manager> manager;
};

}  // namespace

TEST_CASE("all nodes scrape a target at the same moment when they share its phase",
          "[scrape][place]") {
    const auto first_time = [](const std::string& host, bool shared, size_t number) {
        StillScraper node(host, shared);
        node.scrape({StillScraper::target(number)});
        node.pass(15s);
        return node.times(number).at(0);
    };
    std::set<int64_t> shared;
    for (size_t number = 1; number <= 3; ++number) {
        CHECK(first_time("a", true, number) == first_time("b", true, number));
        CHECK(first_time("a", false, number) != first_time("b", false, number));
        shared.insert(first_time("a", true, number));
    }
    CHECK(shared.size() > 1);
}

TEST_CASE("the second of two slots is scraped half an interval after the first",
          "[scrape][place]") {
    const auto times = [](uint8_t slot) {
        StillScraper node("n");
        model::Target target = StillScraper::target(7);
        target.slot = slot;
        target.slots = 2;
        node.scrape({target});
        node.pass(60s);
        return node.times(7);
    };
    const auto first = times(0);
    const auto second = times(1);
    REQUIRE(first.size() == 4);
    REQUIRE(second.size() == 4);
    CHECK(std::abs(second[1] - first[1]) == 7500);
    CHECK(first[1] - first[0] == 15'000);
    CHECK(second[1] - second[0] == 15'000);
}

TEST_CASE("a target that changes its slot goes on in the new phase", "[scrape][place]") {
    StillScraper node("n");
    model::Target target = StillScraper::target(7);
    target.slots = 2;
    node.scrape({target});
    node.pass(30s);
    const size_t resolves = node.storage.resolves();
    const auto before = node.times(7);
    target.slot = 1;
    node.scrape({target});
    node.pass(30s);
    const auto after = node.times(7);
    REQUIRE(before.size() == 2);
    REQUIRE(after.size() == 4);
    CHECK((after[2] - after[1]) % 15'000 == 7500);
    CHECK(after[3] - after[2] == 15'000);
    CHECK(node.storage.resolves() == resolves);
    CHECK_FALSE(has_marker(node.storage.samples("up{instance=\"7\", job=\"j\"}")));
}

TEST_CASE("targets to be scraped at once are, spread over time, and then in phase",
          "[scrape][place]") {
    StillScraper node("n");
    std::vector<model::Target> targets;
    constexpr size_t kTargets = 400;
    for (size_t number = 1; number <= kTargets; ++number) {
        targets.push_back(StillScraper::target(number));
        targets.back().at_once = true;
    }
    node.scrape(targets);
    CHECK(node.outcomes.all().size() == 1);
    node.pass(1s);
    const size_t in_a_second = node.outcomes.all().size();
    CHECK(in_a_second >= 195);
    CHECK(in_a_second <= 245);  // some have their own moment in this second
    node.pass(1500ms);
    std::set<model::TargetId> scraped;
    for (const model::ScrapeOutcome& outcome : node.outcomes.all()) {
        scraped.insert(outcome.target);
        CHECK_FALSE(outcome.good);
    }
    CHECK(scraped.size() == kTargets);
    node.pass(30s);
    for (size_t number = 1; number <= kTargets; number += 57) {
        const auto times = node.times(number);
        CAPTURE(number);
        REQUIRE(times.size() >= 3);
        CHECK(times[0] <= kStartMs + 2500);
        CHECK(times[1] - times[0] <= 15'000);
        CHECK(times[2] - times[1] == 15'000);
    }
}

TEST_CASE("other targets of a job do not notice that it has changed", "[scrape][place]") {
    StillScraper node("n");
    std::vector<model::Target> targets = {StillScraper::target(1), StillScraper::target(2)};
    node.scrape(targets);
    constexpr auto kStep = 5ms;
    for (base::Duration past{}; past < 45s; past += kStep) {
        node.clock.advance(kStep);  // due, or not, before the change is applied
        targets[1].discovered = {{"n", std::to_string(past.count())}};
        node.scrape(targets);
    }
    CHECK(node.times(1).size() == 3);
    CHECK(node.times(2).size() == 3);
}

TEST_CASE("what is handed over ends without markers, what is gone does not", "[scrape][place]") {
    StillScraper node("n");
    const auto moved = StillScraper::target(1);
    const auto gone = StillScraper::target(2);
    const auto stays = StillScraper::target(3);
    node.scrape({moved, gone, stays});
    node.pass(30s);
    node.scrape({stays}, {moved.id});
    node.pass(60s);
    CHECK(node.times(1).size() == 2);
    CHECK_FALSE(has_marker(node.storage.samples("up{instance=\"1\", job=\"j\"}")));
    CHECK(has_marker(node.storage.samples("up{instance=\"2\", job=\"j\"}")));
    CHECK(node.times(3).size() == 6);
    node.scrape({}, {stays.id});
    node.pass(60s);
    CHECK(node.times(3).size() == 6);
    CHECK(node.manager->targets().empty());
}

TEST_CASE("a trial that never was good leaves nothing when it is over", "[scrape][place]") {
    StillScraper node("n");
    model::Target target = StillScraper::target(1);
    target.on_trial = true;
    node.scrape({target});
    node.pass(45s);
    CHECK(node.outcomes.all().size() == 3);
    node.scrape({});
    node.pass(60s);
    CHECK(node.storage.series().empty());
    CHECK(node.storage.commits() == 0);
}

TEST_CASE("a target taken over after its trial keeps its series, and the listener hears of all",
          "[scrape][place]") {
    Outcomes outcomes;
    Farm farm;
    Scraper scraper(base::Budget::kUnlimited, {}, &outcomes);
    auto job = Scraper::job("j");
    scraper.apply({job});
    model::Target target = Scraper::target(job, "http://" + farm.address() + "/a");
    target.on_trial = true;
    scraper.scrape(job, {target}, {});
    REQUIRE(eventually([&] { return outcomes.all().size() >= 2; }));
    CHECK_FALSE(outcomes.all()[0].good);
    CHECK(scraper.storage.series().empty());

    farm.page("a", "x 1\ny{l=\"1\"} 1\ny{l=\"2\"} 1\n");
    REQUIRE(eventually([&] { return scraper.samples("up", "a").size() >= 2; }));
    const size_t resolves = scraper.storage.resolves();
    CHECK(resolves == 8);
    CHECK(scraper.samples("up", "a")[0].v == 1);
    target.on_trial = false;
    scraper.scrape(job, {target}, {});
    const size_t before = scraper.samples("x", "a").size();
    REQUIRE(eventually([&] { return scraper.samples("x", "a").size() >= before + 2; }));
    CHECK(scraper.storage.resolves() == resolves);
    CHECK_FALSE(has_marker(scraper.samples("x", "a")));

    scraper.storage.fail_commits(base::Error(base::Code::kNoSpace, "disk full"));
    REQUIRE(eventually([&] { return !outcomes.all().back().good; }));
    scraper.manager->stop();
    const auto all = outcomes.all();
    const auto samples = scraper.samples("x", "a");
    const auto good = std::ranges::find_if(all, &model::ScrapeOutcome::good);
    REQUIRE(good != all.end());
    CHECK(good->target == target.id);
    CHECK(good->series == 3);
    CHECK(good->timestamp_ms == samples[0].t);
    CHECK(std::ranges::count_if(all, &model::ScrapeOutcome::good) ==
          static_cast<int64_t>(samples.size()));
    CHECK(all.back().series == 0);
}
