#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"
#include "test/support/seed.h"

using namespace shard;
using namespace test_support;

TEST_CASE("a plan of no parts is split into no plans", "[shard][edits]") {
    CHECK(split(EditPlan{5, 6, {"a"}, {}}).empty());
}

TEST_CASE("a plan that fits stays one, with the jobs that it names", "[shard][edits]") {
    const auto pieces =
        split(EditPlan{5, 6, {"a", "b", "c"}, {Assign{1, 2, 3, {4}}, Assign{2, 0, 3, {4}}}});
    REQUIRE(pieces.size() == 1);
    CHECK(pieces[0].expected == 5);
    CHECK(pieces[0].now_s == 6);
    CHECK(pieces[0].jobs == std::vector<std::string>{"c", "a"});
    CHECK(std::get<Assign>(pieces[0].edits[0]).job == 0);
    CHECK(std::get<Assign>(pieces[0].edits[1]).job == 1);
}

TEST_CASE("a job that the plan does not name has no name in its pieces either", "[shard][edits]") {
    const auto pieces = split(EditPlan{5, 6, {"a"}, {Assign{1, 1, 3, {4}}}});
    REQUIRE(pieces.size() == 1);
    CHECK(std::get<Assign>(pieces[0].edits[0]).job >= pieces[0].jobs.size());
}

TEST_CASE("the pieces of a large plan fit into entries and do what it says", "[shard][edits]") {
    const auto seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    EditPlan whole{0, kNow, {}, {}};
    for (int i = 0; i < 700; ++i) {
        whole.jobs.push_back("job " + std::string(random.below(200), 'x') + std::to_string(i));
    }
    Table table = table_of(200);
    whole.expected = table.epoch();
    std::vector<Assign> assigns;
    for (uint32_t i = 0; i < 20'000; ++i) {
        assigns.push_back({random.u64(),
                           static_cast<uint32_t>(random.below(whole.jobs.size())),
                           static_cast<WeightClass>(i),
                           {}});
        const auto slots = 1 + random.below(3);
        const auto first = static_cast<NodeNumber>(1 + random.below(190));
        for (NodeNumber slot = 0; slot < slots; ++slot) {
            assigns.back().owners.push_back(first + slot);
        }
        whole.edits.emplace_back(assigns.back());
        if (random.below(4) == 0) {
            whole.edits.emplace_back(Weigh{assigns.back().target, 9});
            assigns.back().weight = 9;
        }
    }
    const std::vector<std::string> jobs = whole.jobs;
    const Epoch before = table.epoch();
    const auto pieces = split(std::move(whole));
    CHECK(pieces.size() > 5);
    for (size_t i = 0; i < pieces.size(); ++i) {
        const std::string bytes = encode(Edit(pieces[i]));
        CHECK(bytes.size() <= kEditBytesMax);
        if (i + 1 < pieces.size()) {
            CHECK(bytes.size() > kEditBytesMax * 9 / 10);
        }
        const EditAnswer answer = table.apply(bytes);
        INFO(answer.reason);
        REQUIRE(answer.applied);
    }
    CHECK(table.epoch() == before + pieces.size());
    CHECK(table.targets() == assigns.size());
    size_t wrong = 0;
    for (const Assign& assign : assigns) {
        const auto target = table.target(assign.target);
        REQUIRE(target.has_value());
        wrong += table.jobs()[target->job] == jobs[assign.job] ? 0 : 1;
        wrong += target->weight == assign.weight ? 0 : 1;
        wrong += owners(table, assign.target) == assign.owners ? 0 : 1;
    }
    CHECK(wrong == 0);
}
