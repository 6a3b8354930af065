#include "tsdb/head/catalog.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "base/budget.h"
#include "base/random.h"
#include "test/support/seed.h"

namespace {

using model::Labels;
using tsdb::Catalog;
using tsdb::HeadPart;

// A catalog and its slots: what the head does for it.
class Fixture {
  public:
    explicit Fixture() : memory_(budget_), catalog_(memory_) {}

    Catalog& catalog() { return catalog_; }

    uint32_t add(const Labels& labels, bool* made = nullptr) {
        bool created = false;
        const auto reserve = [this]() -> base::Result<uint32_t> { return take_slot(); };
        const auto publish = [](uint32_t, tsdb::LabelsRef) {};
        const auto slot = catalog_.find_or_create(
            labels, labels.hash(), reserve, publish, [](uint32_t) {}, created);
        if (made != nullptr) {
            *made = created;
        }
        return slot.value();
    }

    [[nodiscard]] uint32_t find(const Labels& labels) const {
        return catalog_.find(labels, labels.hash());
    }

    void recycle(tsdb::Unlinked&& unlinked) {
        const std::vector<uint32_t> slots(unlinked.slots().begin(), unlinked.slots().end());
        catalog_.recycle(std::move(unlinked));
        const base::MutexLock lock(mutex_);
        free_.insert(free_.end(), slots.rbegin(), slots.rend());
    }

    [[nodiscard]] std::string labels_of(uint32_t slot) const {
        return catalog_.label_sets().labels(catalog_.ref_of(slot)).to_string();
    }

    [[nodiscard]] int64_t bytes() const { return memory_.total(); }

    [[nodiscard]] int64_t bytes(HeadPart part) const { return memory_.bytes(part); }

    [[nodiscard]] uint32_t slots_used() {
        const base::MutexLock lock(mutex_);
        return next_;
    }

  private:
    uint32_t take_slot() EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        if (free_.empty()) {
            return next_++;
        }
        const uint32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }

    base::Budget budget_{"test"};
    tsdb::HeadMemory memory_;
    Catalog catalog_;
    base::Mutex mutex_;
    std::vector<uint32_t> free_ GUARDED_BY(mutex_);
    uint32_t next_ GUARDED_BY(mutex_) = 0;
};

model::Matcher equal(const std::string& name, const std::string& value) {
    return std::move(model::Matcher::create(model::MatchType::kEqual, name, value)).value();
}

std::vector<uint32_t> matching(const Catalog& catalog,
                               const std::string& name,
                               const std::string& value) {
    const model::Matcher matchers[] = {equal(name, value)};
    return catalog.match(matchers, {}).value().slots();
}

Labels pod_series(uint64_t pod, uint64_t metric) {
    const std::string name = "metric_" + std::to_string(metric) + "_total";
    const std::string pod_name = "pod-" + std::to_string(pod);
    const std::string uid = "uid-" + std::to_string(pod * 1'000'003 + metric);
    return Labels::from_unsorted({{"__name__", name},
                                  {"instance", pod_name},
                                  {"job", "shop"},
                                  {"pod", pod_name},
                                  {"uid", uid}});
}

}  // namespace

TEST_CASE("an unlinked series is not found, but read until it is recycled", "[tsdb][catalog]") {
    Fixture fixture;
    Catalog& catalog = fixture.catalog();
    const Labels old{{"__name__", "up"}, {"pod", "a"}};
    const Labels other{{"__name__", "up"}, {"pod", "b"}};
    const uint32_t slot = fixture.add(old);
    const uint32_t other_slot = fixture.add(other);
    const uint32_t symbol = catalog.symbols()->find("a");

    const uint32_t slots[] = {slot};
    auto unlinked = catalog.unlink(slots);
    CHECK(fixture.find(old) == Catalog::kNone);
    CHECK(matching(catalog, "pod", "a").empty());
    CHECK(matching(catalog, "__name__", "up") == std::vector{other_slot});
    CHECK(catalog.symbols()->find("a") == tsdb::Symbols::kNone);
    CHECK(catalog.symbols()->text(symbol) == "a");
    CHECK(fixture.labels_of(slot) == old.to_string());
    CHECK(catalog.index().pairs() == 2);

    // Back again, before anybody has recycled: a series of its own.
    bool made = false;
    const uint32_t again = fixture.add(old, &made);
    CHECK(made);
    CHECK(again != slot);
    CHECK(catalog.symbols()->find("a") != symbol);
    CHECK(fixture.labels_of(slot) == old.to_string());

    fixture.recycle(std::move(unlinked));
    CHECK(catalog.ref_of(slot) == 0);
    CHECK(fixture.find(old) == again);
    CHECK(fixture.labels_of(again) == old.to_string());
    CHECK(fixture.labels_of(other_slot) == other.to_string());
    CHECK(fixture.add(Labels{{"__name__", "down"}}) == slot);
}

TEST_CASE("a refused series leaves nothing behind", "[tsdb][catalog]") {
    Fixture fixture;
    const int64_t before = fixture.bytes();
    const Labels labels{{"__name__", "up"}};
    bool created = true;
    const auto refused = fixture.catalog().find_or_create(
        labels,
        labels.hash(),
        []() -> base::Result<uint32_t> { return base::fail(base::Code::kLimit, "no room"); },
        [](uint32_t, tsdb::LabelsRef) {},
        [](uint32_t) {},
        created);
    CHECK_FALSE(refused);
    CHECK_FALSE(created);
    CHECK(fixture.bytes() == before);
    CHECK(fixture.find(labels) == Catalog::kNone);
    CHECK(fixture.catalog().symbols()->find("up") == tsdb::Symbols::kNone);

    const std::string huge(tsdb::Symbols::kTextMax + 1, 'x');
    const Labels too_long{{"__name__", huge}};
    const auto limit = fixture.catalog().find_or_create(
        too_long,
        too_long.hash(),
        []() -> base::Result<uint32_t> { return 0; },
        [](uint32_t, tsdb::LabelsRef) {},
        [](uint32_t) {},
        created);
    REQUIRE_FALSE(limit);
    CHECK(limit.error().code() == base::Code::kLimit);
}

TEST_CASE("a text that is a name, or the value of two names, stays while one is left",
          "[tsdb][catalog]") {
    Fixture fixture;
    Catalog& catalog = fixture.catalog();
    const uint32_t as_value = fixture.add({{"a", "x"}, {"b", "x"}, {"c", "pod"}});
    const uint32_t as_other = fixture.add({{"d", "x"}});
    const uint32_t as_name = fixture.add({{"pod", "1"}});
    const auto known = [&](const char* text) {
        return catalog.symbols()->find(text) != tsdb::Symbols::kNone;
    };
    const auto drop = [&](uint32_t slot) {
        const uint32_t slots[] = {slot};
        fixture.recycle(catalog.unlink(slots));
    };
    drop(as_value);
    CHECK(known("x"));
    CHECK(known("pod"));
    CHECK_FALSE(known("a"));
    drop(as_name);
    CHECK_FALSE(known("pod"));
    CHECK_FALSE(known("1"));
    drop(as_other);
    CHECK(catalog.symbols()->size() == 0);
    CHECK(catalog.index().names().empty());

    // Names went with their last set, after unlink(): the next one hands them out.
    auto late = catalog.unlink({});
    CHECK_FALSE(late.empty());
    catalog.recycle(std::move(late));
    CHECK(catalog.unlink({}).empty());
}

TEST_CASE("catalog says what a map says while series come and go", "[tsdb][catalog]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    Fixture fixture;
    Catalog& catalog = fixture.catalog();
    std::map<std::string, uint32_t> live;  // labels -> slot
    std::map<uint32_t, Labels> by_slot;
    std::deque<std::pair<tsdb::Unlinked, std::map<uint32_t, Labels>>> waiting;
    const auto random_labels = [&] {
        std::vector<std::string> texts;
        texts.reserve(40);
        std::vector<model::LabelView> views;
        for (const char* name : {"__name__", "a", "b", "instance", "job", "v1", "x"}) {
            if (random.below(3) != 0) {
                texts.push_back("v" + std::to_string(random.below(name[0] == 'i' ? 3000 : 9)));
                views.push_back({.name = name, .value = texts.back()});
            }
        }
        if (random.below(50) == 0) {
            texts.push_back("name" + std::to_string(random.below(20)));
            views.push_back({.name = texts.back(), .value = texts.back()});
        }
        return Labels::from_unsorted(views);
    };
    for (int round = 0; round < 60; ++round) {
        for (int i = 0; i < 300; ++i) {
            const Labels labels = random_labels();
            bool made = false;
            const uint32_t slot = fixture.add(labels, &made);
            const auto [at, is_new] = live.emplace(labels.to_string(), slot);
            REQUIRE(made == is_new);
            REQUIRE(at->second == slot);
            by_slot.emplace(slot, labels);
        }
        std::vector<uint32_t> gone;
        std::map<uint32_t, Labels> gone_labels;
        const uint64_t share = random.below(4);
        for (const auto& [slot, labels] : by_slot) {
            if (random.below(4) < share) {
                gone.push_back(slot);
                gone_labels.emplace(slot, labels);
                live.erase(labels.to_string());
            }
        }
        for (const uint32_t slot : gone) {
            by_slot.erase(slot);
        }
        waiting.emplace_back(catalog.unlink(gone), std::move(gone_labels));
        while (waiting.size() > random.below(4)) {
            fixture.recycle(std::move(waiting.front().first));
            waiting.pop_front();
        }
        REQUIRE(catalog.index().all().size() == by_slot.size());
        for (const auto& [slot, labels] : by_slot) {
            REQUIRE(fixture.find(labels) == slot);
            REQUIRE(fixture.labels_of(slot) == labels.to_string());
        }
        for (const auto& [bag, labels_of] : waiting) {
            for (const auto& [slot, labels] : labels_of) {
                REQUIRE(fixture.labels_of(slot) == labels.to_string());
            }
        }
        for (const char* name : {"a", "instance"}) {
            const std::string value = "v" + std::to_string(random.below(9));
            std::vector<uint32_t> wanted;
            for (const auto& [slot, labels] : by_slot) {
                if (labels.get(name) == value) {
                    wanted.push_back(slot);
                }
            }
            REQUIRE(matching(catalog, name, value) == wanted);
        }
    }
}

TEST_CASE("memory is flat while a tenth of the series is replaced over and over",
          "[tsdb][catalog]") {
    constexpr uint64_t kPods = 50;
    constexpr uint64_t kMetrics = 200;
    Fixture fixture;
    std::deque<uint64_t> pods;
    uint64_t next_pod = 100'000;
    const auto start = [&] {
        pods.push_back(next_pod++);
        for (uint64_t metric = 0; metric < kMetrics; ++metric) {
            fixture.add(pod_series(pods.back(), metric));
        }
    };
    const auto stop = [&] {
        std::vector<uint32_t> slots;
        for (uint64_t metric = 0; metric < kMetrics; ++metric) {
            slots.push_back(fixture.find(pod_series(pods.front(), metric)));
        }
        pods.pop_front();
        return fixture.catalog().unlink(slots);
    };
    while (pods.size() < kPods) {
        start();
    }
    int64_t settled = 0;
    for (int round = 0; round < 60; ++round) {
        std::vector<tsdb::Unlinked> unlinked;
        for (uint64_t i = 0; i < kPods / 10; ++i) {
            unlinked.push_back(stop());
            start();
        }
        for (auto& bag : unlinked) {
            fixture.recycle(std::move(bag));
        }
        // What breathes are the tables' sizes and the bitmaps' measuring.
        if (round < 15) {
            settled = std::max(settled, fixture.bytes());
        } else {
            REQUIRE(fixture.bytes() <= settled + settled / 20);
        }
    }
    CHECK(fixture.slots_used() <= kPods * kMetrics * 11 / 10);
    while (!pods.empty()) {
        fixture.recycle(stop());
    }
    CHECK(fixture.bytes(HeadPart::kSeriesMap) == 0);
    CHECK(fixture.catalog().symbols()->size() == 0);
    CHECK(fixture.catalog().index().pairs() == 0);
}

TEST_CASE("the same series added and recycled again and again take the same memory",
          "[tsdb][catalog]") {
    Fixture fixture;
    const int64_t postings = fixture.bytes(HeadPart::kPostings);
    int64_t empty = 0;
    int64_t full = 0;
    for (int cycle = 0; cycle < 4; ++cycle) {
        std::vector<uint32_t> slots;
        for (uint64_t pod = 0; pod < 20; ++pod) {
            for (uint64_t metric = 0; metric < 100; ++metric) {
                slots.push_back(fixture.add(pod_series(pod, metric)));
            }
        }
        if (cycle == 0) {
            full = fixture.bytes();
        }
        CHECK(fixture.bytes() == full);
        fixture.recycle(fixture.catalog().unlink(slots));
        fixture.catalog().recycle(fixture.catalog().unlink({}));
        if (cycle == 0) {
            empty = fixture.bytes();
        }
        CHECK(fixture.bytes() == empty);
        CHECK(fixture.bytes(HeadPart::kPostings) == postings);
        CHECK(fixture.bytes(HeadPart::kSeriesMap) == 0);
    }
}

TEST_CASE("readers see whole series while others come and go", "[tsdb][catalog]") {
    constexpr uint64_t kMetrics = 20;
    constexpr int kReaders = 2;
    constexpr int kRounds = 300;
    constexpr size_t kWaitingMax = 4;
    Fixture fixture;
    Catalog& catalog = fixture.catalog();
    // A reader's view: the round in which it began. What was unlinked before the oldest one is
    // recycled.
    constexpr uint64_t kNoView = UINT64_MAX;
    std::atomic<uint64_t> round{0};
    std::atomic<uint64_t> views[kReaders];
    for (auto& view : views) {
        view = kNoView;
    }
    std::atomic<bool> done{false};
    std::atomic<uint64_t> torn{0};
    std::atomic<uint64_t> seen{0};
    const auto read = [&](std::atomic<uint64_t>& view) {
        while (!done) {
            // Again if the round went on between being read and being told.
            uint64_t began = round;
            view = began;
            while (round != began) {
                began = round;
                view = began;
            }
            const model::Matcher matchers[] = {equal("job", "shop")};
            const auto slots = catalog.match(matchers, {}).value().slots();
            for (const uint32_t slot : slots) {
                const Labels labels = catalog.label_sets().labels(catalog.ref_of(slot));
                const bool whole = labels.size() == 5 && labels.get("job") == "shop" &&
                                   labels.get("instance") == labels.get("pod") &&
                                   labels.get("uid").starts_with("uid-");
                torn += whole ? 0 : 1;
                ++seen;
            }
            view = kNoView;
        }
    };
    std::vector<std::thread> threads;
    for (auto& view : views) {
        threads.emplace_back([&] { read(view); });
    }
    std::atomic<uint64_t> beside{0};
    threads.emplace_back([&] {  // another appender, of series that stay
        while (!done) {
            const uint64_t i = beside++ % 500;
            fixture.add(pod_series(i / kMetrics, i % kMetrics));
        }
    });
    std::deque<std::pair<uint64_t, tsdb::Unlinked>> waiting;
    std::vector<uint32_t> last;
    uint64_t recycled = 0;
    for (uint64_t pod = 1000; pod < 1000 + kRounds; ++pod) {
        std::vector<uint32_t> slots;
        for (uint64_t metric = 0; metric < kMetrics; ++metric) {
            slots.push_back(fixture.add(pod_series(pod, metric)));
        }
        auto bag = catalog.unlink(std::exchange(last, slots));
        waiting.emplace_back(round.fetch_add(1), std::move(bag));
        do {
            uint64_t oldest = kNoView;
            for (const auto& view : views) {
                oldest = std::min(oldest, view.load());
            }
            while (!waiting.empty() && waiting.front().first < oldest) {
                fixture.recycle(std::move(waiting.front().second));
                waiting.pop_front();
                ++recycled;
            }
        } while (waiting.size() > kWaitingMax);
    }
    while (seen == 0) {
        std::this_thread::yield();
    }
    done = true;
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(torn == 0);
    CHECK(recycled > 0);
    while (!waiting.empty()) {
        fixture.recycle(std::move(waiting.front().second));
        waiting.pop_front();
    }
    CHECK(catalog.index().all().size() == kMetrics + std::min<uint64_t>(beside, 500));
}
