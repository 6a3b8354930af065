#include "shard/assignment/edits.h"

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"
#include "test/support/seed.h"

using namespace shard;
using base::Code;

namespace {

std::vector<Edit> one_of_each() {
    EditPlan plan{41, 1'700'000'000, {"prometheus", "node"}, {}};
    plan.edits = {Assign{0xfeedfacecafebeef, 1, 40, {7}},
                  Assign{1, 0, 0, {4096, kNoNode, 3}},
                  StartMove{2, 5, 300},
                  FinishMove{3, 99},
                  AbortMove{4, 1ULL << 40},
                  Assign{5, 1, 255, {1}},
                  Weigh{6, 200},
                  Forget{7, 1'700'000'600},
                  Forget{UINT64_MAX, 0}};
    return {FoundCluster{"3f0c"},
            PutNode{"geese-1", 0xffffffffffffffff, "10.0.0.1:10901", "zone \xc3\xa4", 750'000, 3},
            SetAdmin{12, Admin::kMaintenance, -5},
            RemoveNode{3},
            Pause{true},
            Pause{false},
            StartTakeover{9, {1, 2, 3, 1000}},
            EndTakeover{9},
            plan,
            EditPlan{},
            ExpireTombstones{1'700'000'000}};
}

// Equal bytes stand for equal edits: encoding loses nothing, which the first test shows.
bool same(const Edit& left, const Edit& right) {
    return encode(left) == encode(right);
}

std::string described(const EditPlan& plan) {
    struct Describe {
        std::string operator()(const Assign& part) const {
            std::string text = "assign " + std::to_string(part.target) + " job " +
                               std::to_string(part.job) + " weight " + std::to_string(part.weight);
            for (const NodeNumber owner : part.owners) {
                text += " " + std::to_string(owner);
            }
            return text;
        }

        std::string operator()(const StartMove& part) const {
            return "start " + std::to_string(part.target) + " " + std::to_string(part.slot) + " " +
                   std::to_string(part.to);
        }

        std::string operator()(const FinishMove& part) const {
            return "finish " + std::to_string(part.target) + " " + std::to_string(part.epoch);
        }

        std::string operator()(const AbortMove& part) const {
            return "abort " + std::to_string(part.target) + " " + std::to_string(part.epoch);
        }

        std::string operator()(const Weigh& part) const {
            return "weigh " + std::to_string(part.target) + " " + std::to_string(part.weight);
        }

        std::string operator()(const Forget& part) const {
            return "forget " + std::to_string(part.target) + " " + std::to_string(part.expires_s);
        }
    };

    std::string text = std::to_string(plan.expected) + " " + std::to_string(plan.now_s) + "\n";
    for (const std::string& job : plan.jobs) {
        text += job + "\n";
    }
    for (const PlanEdit& edit : plan.edits) {
        text += std::visit(Describe{}, edit) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("a plan comes back from its bytes with its parts in their order", "[shard][edits]") {
    const EditPlan plan = std::get<EditPlan>(one_of_each()[8]);
    const auto back = decode_edit(encode(Edit(plan)));
    REQUIRE(back.has_value());
    CHECK(described(std::get<EditPlan>(back.value())) == described(plan));
}

TEST_CASE("every edit comes back from its bytes", "[shard][edits]") {
    for (const Edit& edit : one_of_each()) {
        CAPTURE(edit.index());
        const auto back = decode_edit(encode(edit));
        REQUIRE(back.has_value());
        CHECK(back.value().index() == edit.index());
        CHECK(same(back.value(), edit));
    }
    const auto node = std::get<PutNode>(decode_edit(encode(one_of_each()[1])).value());
    CHECK(node.id == "geese-1");
    CHECK(node.member == 0xffffffffffffffff);
    CHECK(node.address == "10.0.0.1:10901");
    CHECK(node.zone == "zone \xc3\xa4");
    CHECK(node.series_budget == 750'000);
    CHECK(node.feature_level == 3);
    const auto admin = std::get<SetAdmin>(decode_edit(encode(one_of_each()[2])).value());
    CHECK(admin.admin == Admin::kMaintenance);
    CHECK(admin.maintenance_until_ms == -5);
    const auto takeover = std::get<StartTakeover>(decode_edit(encode(one_of_each()[6])).value());
    CHECK(takeover.node == 9);
    CHECK(takeover.by == std::vector<NodeNumber>{1, 2, 3, 1000});
}

TEST_CASE("assigning a target to one owner costs at most 16 bytes", "[shard][edits]") {
    EditPlan plan{1, 1'700'000'000, {"job"}, {}};
    base::SeededRandom random(1);
    constexpr size_t kTargets = 4000;
    for (size_t i = 0; i < kTargets; ++i) {
        plan.edits.emplace_back(
            Assign{random.u64(), 0, static_cast<WeightClass>(random.below(256)), {1000}});
    }
    CHECK(encode(Edit(plan)).size() <= 16 * kTargets);
}

TEST_CASE("an answer comes back from its bytes, a long reason cut", "[shard][edits]") {
    const auto back = decode_answer(encode(EditAnswer{true, 77, 5, std::string(5000, 'x')}));
    REQUIRE(back.has_value());
    CHECK(back.value().applied);
    CHECK(back.value().epoch == 77);
    CHECK(back.value().node == 5);
    CHECK(back.value().reason == std::string(kReasonBytesMax, 'x'));
    CHECK(decode_answer("\x0a").error().code() == Code::kCorrupt);
}

TEST_CASE("fields that this program does not know are passed over", "[shard][edits]") {
    const std::string unknown_field = "\xa2\x06\x03new";  // number 100, three bytes
    for (const Edit& edit : one_of_each()) {
        const auto back = decode_edit(encode(edit) + unknown_field);
        REQUIRE(back.has_value());
        CHECK(same(back.value(), edit));
    }
}

TEST_CASE("edits, states and parts that this program does not know say so", "[shard][edits]") {
    CHECK(decode_edit("").error().code() == Code::kUnsupported);
    CHECK(decode_edit(std::string("\xa2\x06\x00", 3)).error().code() == Code::kUnsupported);
    CHECK(decode_edit("\x1a\x02\x10\x05").error().code() == Code::kUnsupported);  // Admin 5
    // A plan with a run of one part of the kind 7.
    const std::string plan =
        "\x42\x0e\x22\x02\x07\x01\x2a\x08"
        "12345678";
    CHECK(decode_edit(plan).error().code() == Code::kUnsupported);
}

TEST_CASE("columns that do not fit the parts are no plan", "[shard][edits]") {
    const auto check = [](std::string_view plan) {
        std::string bytes = "\x42";
        bytes += static_cast<char>(plan.size());
        bytes += plan;
        const auto edit = decode_edit(bytes);
        CAPTURE(base::code_name(edit.has_value() ? Code::kInternal : edit.error().code()));
        CHECK((!edit.has_value() && edit.error().code() == Code::kCorrupt));
    };
    using namespace std::string_view_literals;
    check("\x22\x01\x05"sv);      // a kind without a number
    check("\x22\x02\x05\x01"sv);  // a part without a target
    check(
        "\x22\x02\x05\x01\x2a\x08"
        "12345678"sv);  // a Weigh without a weight
    check(
        "\x2a\x08"
        "12345678"sv);  // a target too many
    check(
        "\x22\x06\x05\xff\xff\xff\xff\x0f\x2a\x08"
        "12345678\x3a\x01\x01"sv);  // long run
    // A weight class of 256.
    check(
        "\x22\x02\x05\x01\x2a\x08"
        "12345678\x3a\x02\x80\x02"sv);
}

TEST_CASE("an edit beyond a limit is refused by its name", "[shard][edits]") {
    const auto code = [](const Edit& edit) {
        const auto back = decode_edit(encode(edit));
        return back.has_value() ? Code::kInternal : back.error().code();
    };
    CHECK(code(PutNode{std::string(kNameBytesMax + 1, 'n'), 0, "", "", 0, 0}) == Code::kLimit);
    CHECK(code(PutNode{"n", 0, std::string(kNodeAddressBytesMax + 1, 'a'), "", 0, 0}) ==
          Code::kLimit);
    CHECK(code(PutNode{"n", 0, "", std::string(kNameBytesMax + 1, 'z'), 0, 0}) == Code::kLimit);
    CHECK(code(FoundCluster{std::string(kNameBytesMax + 1, 'c')}) == Code::kLimit);
    CHECK(code(StartTakeover{1, std::vector<NodeNumber>(kNodesMax + 1, 2)}) == Code::kLimit);
    const std::vector<NodeNumber> many(kReplicasMax + 1, 1);
    CHECK(code(EditPlan{0, 0, {"j"}, {Assign{1, 0, 0, many}}}) == Code::kLimit);
    CHECK(code(EditPlan{0, 0, {"j"}, {StartMove{1, kReplicasMax, 1}}}) == Code::kLimit);
    const std::string long_job(kNameBytesMax + 1, 'j');
    CHECK(code(EditPlan{0, 0, {long_job}, {Assign{1, 0, 0, {1}}}}) == Code::kLimit);
    CHECK(decode_edit(std::string(kEditBytesReadMax + 1, 'x')).error().code() == Code::kLimit);
}

TEST_CASE("torn and damaged edits are an error or another edit", "[shard][edits]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (const Edit& edit : one_of_each()) {
        const std::string bytes = encode(edit);
        for (size_t length = 0; length < bytes.size(); ++length) {
            const auto torn = decode_edit(std::string_view(bytes).substr(0, length));
            if (torn.has_value()) {
                CHECK(decode_edit(encode(torn.value())).has_value());
            }
        }
        for (int i = 0; i < 500 && !bytes.empty(); ++i) {
            std::string damaged = bytes;
            for (uint64_t flips = 1 + random.below(3); flips != 0; --flips) {
                damaged[random.below(damaged.size())] ^= static_cast<char>(1 << random.below(8));
            }
            const auto back = decode_edit(damaged);
            if (back.has_value()) {
                CHECK(decode_edit(encode(back.value())).has_value());
            }
        }
    }
}
