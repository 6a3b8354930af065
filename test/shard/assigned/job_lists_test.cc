#include "shard/assigned/job_lists.h"

#include <algorithm>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"

using shard::JobLists;

namespace {

std::shared_ptr<const model::Target> target(const std::string& job,
                                            model::TargetId id,
                                            uint8_t slot = 0) {
    auto made = std::make_shared<model::Target>();
    made->id = id;
    made->job = job;
    made->slot = slot;
    return made;
}

// "job: 1 2 / 3" for each change: active targets, and those handed over.
std::vector<std::string> texts(JobLists& lists) {
    std::vector<std::string> texts;
    for (const auto& job : lists.take_changes()) {
        std::set<model::TargetId> active;
        for (const auto& one : job->active) {
            active.insert(one->id);
        }
        REQUIRE(active.size() == job->active.size());
        std::string text = job->job + ":";
        for (const model::TargetId id : active) {
            text += " " + std::to_string(id);
        }
        text += " /";
        for (const model::TargetId id : job->handed_over) {
            text += " " + std::to_string(id);
        }
        texts.push_back(text);
    }
    return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("only jobs that changed are listed, once and by name", "[shard][assigned]") {
    JobLists lists;
    CHECK(texts(lists).empty());
    lists.put(target("b", 2));
    lists.put(target("a", 1));
    lists.put(target("b", 3));
    CHECK(texts(lists) == Texts{"a: 1 /", "b: 2 3 /"});
    CHECK(texts(lists).empty());
    lists.put(target("a", 1, 1));
    CHECK(texts(lists) == Texts{"a: 1 /"});
}

TEST_CASE("what is handed over is named once, what is gone is not", "[shard][assigned]") {
    JobLists lists;
    for (model::TargetId id = 1; id <= 5; ++id) {
        lists.put(target("a", id));
    }
    CHECK(texts(lists) == Texts{"a: 1 2 3 4 5 /"});
    lists.hand_over(2);
    lists.remove("a", 5);
    lists.hand_over(9);
    CHECK(texts(lists) == Texts{"a: 1 3 4 / 2"});
    lists.remove("a", 1);
    CHECK(texts(lists) == Texts{"a: 3 4 /"});
}

TEST_CASE("only the last that happened to a target between two lists counts", "[shard][assigned]") {
    JobLists lists;
    lists.put(target("a", 1));
    lists.put(target("a", 2));
    (void)lists.take_changes();
    lists.hand_over(1);
    lists.put(target("a", 1));
    CHECK(texts(lists) == Texts{"a: 1 2 /"});
    lists.hand_over(1);
    lists.remove("a", 1);
    CHECK(texts(lists) == Texts{"a: 2 /"});
    lists.put(target("a", 1));
    lists.remove("a", 1);
    lists.put(target("a", 1));
    lists.hand_over(1);
    CHECK(texts(lists) == Texts{"a: 2 / 1"});
}

TEST_CASE("a job that lost its last target is listed once more", "[shard][assigned]") {
    JobLists lists;
    lists.put(target("a", 1));
    lists.put(target("b", 2));
    (void)lists.take_changes();
    lists.hand_over(1);
    lists.remove("b", 2);
    CHECK(texts(lists) == Texts{"a: / 1", "b: /"});
    lists.remove("a", 1);
    CHECK(texts(lists).empty());
    lists.put(target("a", 1));
    CHECK(texts(lists) == Texts{"a: 1 /"});
}

TEST_CASE("a target that comes under another job leaves the one it had", "[shard][assigned]") {
    JobLists lists;
    lists.put(target("a", 1));
    (void)lists.take_changes();
    lists.put(target("b", 1));
    CHECK(texts(lists) == Texts{"a: / 1", "b: 1 /"});
}

TEST_CASE("whoever follows the lists ends up with what was put, whatever the order",
          "[shard][assigned]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    JobLists lists;
    std::map<model::TargetId, std::string> wanted;
    std::map<std::string, std::set<model::TargetId>> followed;
    for (int step = 0; step < 5000; ++step) {
        const model::TargetId id = random.below(60);
        const std::string job = "job" + std::to_string(id % 4);
        switch (random.below(4)) {
            case 0:
                lists.hand_over(id);
                wanted.erase(id);
                break;
            case 1:
                lists.remove(job, id);
                wanted.erase(id);
                break;
            default:
                lists.put(target(job, id));
                wanted[id] = job;
        }
        if (random.below(8) != 0) {
            continue;
        }
        for (const auto& change : lists.take_changes()) {
            auto& ids = followed[change->job];
            ids.clear();
            for (const auto& one : change->active) {
                ids.insert(one->id);
            }
            for (const model::TargetId gone : change->handed_over) {
                REQUIRE_FALSE(ids.contains(gone));
            }
        }
        std::map<model::TargetId, std::string> seen;
        for (const auto& [name, ids] : followed) {
            for (const model::TargetId one : ids) {
                REQUIRE(seen.emplace(one, name).second);
            }
        }
        REQUIRE(seen == wanted);
    }
}
