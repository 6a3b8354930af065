// The table beside a naive model of it, over random edits, sensible ones and others.
#include <algorithm>
#include <map>
#include <set>

#include <catch2/catch.hpp>

#include "test/shard/assignment/table_support.h"
#include "test/support/seed.h"

using namespace shard;
using namespace test_support;

namespace {

struct ModelTarget {
    std::string job;
    WeightClass weight = 0;
    std::vector<Owner> owners;
    std::optional<Move> move;
};

// Everything by value, plans on a copy of all.
struct Model {
    std::string cluster_id;
    Epoch epoch = 0;
    bool paused = false;
    NodeNumber next_node = 1;
    std::map<NodeNumber, NodeRecord> nodes;
    std::map<NodeNumber, Takeover> takeovers;
    std::map<model::TargetId, ModelTarget> targets;
    std::map<model::TargetId, Tombstone> tombstones;

    bool operator()(const FoundCluster& edit) {
        if (edit.cluster_id.empty() || (!cluster_id.empty() && cluster_id != edit.cluster_id)) {
            return false;
        }
        cluster_id = edit.cluster_id;
        return true;
    }

    bool operator()(const PutNode& edit) {
        if (edit.id.empty() || edit.id.size() > kNameBytesMax || edit.id.front() == '\n') {
            return false;
        }
        NodeRecord record;
        for (const auto& [number, node] : nodes) {
            if (node.id == edit.id) {
                record = node;
            } else if (edit.member != 0 && node.member == edit.member) {
                return false;
            }
        }
        const NodeRecord before = record;
        record = {record.number == 0 ? next_node : record.number,
                  edit.id,
                  edit.member,
                  edit.address,
                  edit.zone,
                  edit.series_budget,
                  record.admin,
                  record.maintenance_until_ms,
                  edit.feature_level};
        next_node += record.number == next_node ? 1 : 0;
        epoch += record == before ? 0 : 1;
        nodes[record.number] = record;
        return true;
    }

    bool operator()(const SetAdmin& edit) {
        if (!nodes.contains(edit.node)) {
            return false;
        }
        const NodeRecord before = nodes[edit.node];
        nodes[edit.node].admin = edit.admin;
        nodes[edit.node].maintenance_until_ms =
            edit.admin == Admin::kMaintenance ? edit.maintenance_until_ms : 0;
        epoch += nodes[edit.node] == before ? 0 : 1;
        return true;
    }

    bool operator()(const RemoveNode& edit) {
        bool used = !nodes.contains(edit.node);
        for (const auto& [id, target] : targets) {
            for (const Owner& owner : target.owners) {
                used = used || owner.node == edit.node;
            }
            used = used || (target.move && target.move->to == edit.node);
        }
        for (const auto& [node, takeover] : takeovers) {
            used = used || std::count(takeover.by.begin(), takeover.by.end(), edit.node) != 0;
        }
        if (used) {
            return false;
        }
        nodes.erase(edit.node);
        takeovers.erase(edit.node);
        ++epoch;
        return true;
    }

    bool operator()(const Pause& edit) {
        paused = edit.paused;
        return true;
    }

    bool operator()(const StartTakeover& edit) {
        const std::set<NodeNumber> by(edit.by.begin(), edit.by.end());
        if (!nodes.contains(edit.node) || by.empty() || by.size() != edit.by.size() ||
            by.contains(edit.node) || std::any_of(by.begin(), by.end(), [&](NodeNumber node) {
                return !nodes.contains(node);
            })) {
            return false;
        }
        const std::vector<NodeNumber> sorted(by.begin(), by.end());
        if (!takeovers.contains(edit.node) || takeovers[edit.node].by != sorted) {
            takeovers[edit.node] = {edit.node, ++epoch, sorted};
        }
        return true;
    }

    bool operator()(const EndTakeover& edit) {
        const bool had = takeovers.erase(edit.node) != 0;
        epoch += had ? 1 : 0;
        return had;
    }

    bool operator()(const EditPlan& edit) {
        if (edit.expected != epoch) {
            return false;
        }
        Model copy = *this;
        for (const PlanEdit& part : edit.edits) {
            if (!std::visit([&](const auto& one) { return copy.part(edit, one); }, part)) {
                return false;
            }
        }
        *this = std::move(copy);
        ++epoch;
        return true;
    }

    bool operator()(const ExpireTombstones& edit) {
        std::erase_if(tombstones,
                      [&](const auto& entry) { return entry.second.expires_s <= edit.now_s; });
        return true;
    }

    bool part(const EditPlan& plan, const Assign& edit) {
        std::multiset<NodeNumber> distinct(edit.owners.begin(), edit.owners.end());
        for (const NodeNumber owner : edit.owners) {
            if (owner != kNoNode && (!nodes.contains(owner) || distinct.count(owner) != 1)) {
                return false;
            }
        }
        const bool known = targets.contains(edit.target);
        if (edit.owners.empty() || edit.job >= plan.jobs.size() ||
            (known && targets[edit.target].move)) {
            return false;
        }
        ModelTarget made{plan.jobs[edit.job], edit.weight, {}, std::nullopt};
        for (size_t slot = 0; slot < edit.owners.size(); ++slot) {
            made.owners.push_back({edit.owners[slot], known ? plan.now_s : 0});
            if (known && slot < targets[edit.target].owners.size() &&
                targets[edit.target].owners[slot].node == edit.owners[slot]) {
                made.owners[slot] = targets[edit.target].owners[slot];
            }
        }
        targets[edit.target] = made;
        tombstones.erase(edit.target);
        return true;
    }

    bool part(const EditPlan& plan, const StartMove& edit) {
        const auto place = targets.find(edit.target);
        if (place == targets.end() || place->second.move ||
            edit.slot >= place->second.owners.size() ||
            place->second.owners[edit.slot].node == kNoNode || !nodes.contains(edit.to)) {
            return false;
        }
        for (const Owner& owner : place->second.owners) {
            if (owner.node == edit.to) {
                return false;
            }
        }
        place->second.move = Move{edit.slot,
                                  place->second.owners[edit.slot].node,
                                  edit.to,
                                  plan.expected + 1,
                                  plan.now_s};
        return true;
    }

    bool part(const EditPlan& plan, const FinishMove& edit) {
        const auto place = targets.find(edit.target);
        if (place != targets.end() && place->second.move &&
            place->second.move->epoch == edit.epoch) {
            place->second.owners[place->second.move->slot] = {place->second.move->to, plan.now_s};
            place->second.move.reset();
        }
        return true;
    }

    bool part(const EditPlan&, const AbortMove& edit) {
        const auto place = targets.find(edit.target);
        if (place != targets.end() && place->second.move &&
            place->second.move->epoch == edit.epoch) {
            place->second.move.reset();
        }
        return true;
    }

    bool part(const EditPlan&, const Weigh& edit) {
        const auto place = targets.find(edit.target);
        if (place == targets.end()) {
            return false;
        }
        place->second.weight = edit.weight;
        return true;
    }

    bool part(const EditPlan&, const Forget& edit) {
        const auto place = targets.find(edit.target);
        if (place == targets.end()) {
            return false;
        }
        Tombstone left{edit.target, edit.expires_s, {}};
        for (const Owner& owner : place->second.owners) {
            if (owner.node != kNoNode) {
                left.owners.push_back(owner.node);
            }
        }
        if (edit.expires_s != 0 && !left.owners.empty()) {
            tombstones[edit.target] = left;
        }
        targets.erase(place);
        return true;
    }
};

class Edits {
  public:
    Edits(base::Random& random, const Model& model) : random_(random), model_(model) {}

    Edit next() {
        switch (random_.below(24)) {
            case 0:
                return FoundCluster{random_.below(2) == 0 ? "one" : std::string(below(2), 'x')};
            case 1:
            case 2:
            case 3:
                return put_node();
            case 4:
                return SetAdmin{node(), static_cast<Admin>(1 + random_.below(4)), below(3)};
            case 5:
            case 6:
                return RemoveNode{node()};
            case 7:
                return Pause{random_.below(2) == 0};
            case 8:
            case 9:
                return StartTakeover{node(), nodes(4)};
            case 10:
                return EndTakeover{node()};
            case 11:
                return ExpireTombstones{now_s()};
            default:
                return plan();
        }
    }

  private:
    int below(uint64_t bound) { return static_cast<int>(random_.below(bound)); }

    // Mostly one that there is.
    NodeNumber node() {
        if (model_.nodes.empty() || random_.below(12) == 0) {
            return static_cast<NodeNumber>(random_.below(model_.next_node + 1));
        }
        auto place = model_.nodes.begin();
        std::advance(place, below(model_.nodes.size()));
        return place->first;
    }

    std::vector<NodeNumber> nodes(uint64_t most) {
        std::vector<NodeNumber> chosen(random_.below(most + 1));
        for (NodeNumber& one : chosen) {
            one = node();
        }
        if (random_.below(8) != 0) {
            std::sort(chosen.begin(), chosen.end());
            chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
        }
        return chosen;
    }

    model::TargetId target() { return random_.below(40) * 0x0123456789abcdef; }

    uint32_t now_s() { return kNow + static_cast<uint32_t>(random_.below(1000)); }

    PutNode put_node() {
        std::string id = "n" + std::to_string(random_.below(9));
        if (random_.below(20) == 0) {
            id = random_.below(2) == 0 ? std::string() : "\n";
        }
        return {id,
                random_.below(4) == 0 ? 1 + random_.below(5) : 0,
                "h:1",
                "z",
                1 + random_.below(2),
                0};
    }

    // Of the target's move, or another's.
    Epoch move_epoch(model::TargetId id) {
        const auto place = model_.targets.find(id);
        const bool moves = place != model_.targets.end() && place->second.move;
        return moves && random_.below(8) != 0 ? place->second.move->epoch
                                              : random_.below(model_.epoch + 2);
    }

    PlanEdit part() {
        const model::TargetId id = target();
        switch (random_.below(10)) {
            case 0:
            case 1:
                return StartMove{id, static_cast<uint8_t>(random_.below(3)), node()};
            case 2:
                return FinishMove{id, move_epoch(id)};
            case 3:
                return AbortMove{id, move_epoch(id)};
            case 4:
                return Weigh{id, static_cast<WeightClass>(random_.below(256))};
            case 5:
                return Forget{id, random_.below(4) == 0 ? 0 : now_s()};
            default: {
                Assign assign{id, static_cast<uint32_t>(random_.below(3)), 7, nodes(4)};
                if (random_.below(20) == 0) {
                    assign.job = 3;
                }
                if (random_.below(5) == 0) {
                    assign.owners.push_back(kNoNode);
                }
                return assign;
            }
        }
    }

    EditPlan plan() {
        EditPlan made{model_.epoch, now_s(), {"a", "b", "c"}, {}};
        if (random_.below(15) == 0) {
            made.expected += random_.below(2) == 0 ? 1 : UINT64_MAX;
        }
        for (uint64_t parts = random_.below(4); parts != 0; --parts) {
            made.edits.push_back(part());
        }
        return made;
    }

    base::Random& random_;
    const Model& model_;
};

void check_same(const Table& table, const Model& model) {
    CHECK(table.cluster_id() == model.cluster_id);
    CHECK(table.epoch() == model.epoch);
    CHECK(table.paused() == model.paused);
    REQUIRE(table.nodes().size() == model.nodes.size());
    auto node = model.nodes.begin();
    for (const NodeRecord& record : table.nodes()) {
        CHECK(record == (node++)->second);
    }
    REQUIRE(table.takeovers().size() == model.takeovers.size());
    auto takeover = model.takeovers.begin();
    for (const Takeover& one : table.takeovers()) {
        CHECK(one == (takeover++)->second);
    }
    REQUIRE(table.targets() == model.targets.size());
    auto target = model.targets.begin();
    size_t moves = 0;
    table.for_each_target([&](const TargetView& view) {
        CHECK(view.id == target->first);
        CHECK(table.jobs()[view.job] == target->second.job);
        CHECK(view.weight == target->second.weight);
        CHECK(std::vector<Owner>(view.owners.begin(), view.owners.end()) == target->second.owners);
        CHECK((view.move != nullptr) == target->second.move.has_value());
        if (view.move != nullptr && target->second.move) {
            CHECK(*view.move == *target->second.move);
            ++moves;
        }
        ++target;
    });
    CHECK(table.moves() == moves);
    REQUIRE(table.tombstones() == model.tombstones.size());
    for (const auto& [id, tombstone] : model.tombstones) {
        CHECK(table.tombstone(id) == tombstone);
    }
}

// How often edits of the kinds were carried out: the test is to see both outcomes of each.
struct Outcomes {
    std::map<size_t, std::array<size_t, 2>> counts;

    void add(const Edit& edit, bool applied) { ++counts[edit.index()][applied ? 1 : 0]; }
};

}  // namespace

TEST_CASE("the table does what a naive model does, over restarts and on every member",
          "[shard][table]") {
    const auto seed = test_seed();
    CAPTURE(seed);
    Outcomes outcomes;
    for (uint64_t run = 0; run < 20; ++run) {
        CAPTURE(run);
        base::SeededRandom random(seed + run);
        Model model;
        Edits edits(random, model);
        Table table, other;
        for (int step = 0; step < 600; ++step) {
            const Edit edit = edits.next();
            CAPTURE(step, edit.index());
            const std::string before = table.snapshot();
            const Epoch epoch = table.epoch();
            const EditAnswer answer = table.apply(encode(edit));
            CAPTURE(answer.reason);
            REQUIRE(answer.applied == std::visit(model, edit));
            REQUIRE(answer.reason.empty() == answer.applied);
            REQUIRE(answer.epoch == model.epoch);
            REQUIRE(table.epoch() >= epoch);
            if (!answer.applied) {
                REQUIRE(table.snapshot() == before);
            }
            outcomes.add(edit, answer.applied);
            // Another member, which is restarted now and then.
            REQUIRE(other.apply(encode(edit)).applied == answer.applied);
            if (random.below(20) == 0) {
                Table restarted;
                REQUIRE(restarted.restore(other.snapshot()).has_value());
                other = std::move(restarted);
            }
            REQUIRE(other.snapshot() == table.snapshot());
            if (step % 20 == 0) {
                check_same(table, model);
            }
        }
        check_same(table, model);
        CHECK(other.fingerprint() == table.fingerprint());
    }
    for (size_t kind = 0; kind < std::variant_size_v<Edit>; ++kind) {
        CAPTURE(kind);
        CHECK(outcomes.counts[kind][1] > 20);
    }
    CHECK(outcomes.counts[Edit(EditPlan{}).index()][0] > 100);
}

TEST_CASE("what the plan refuses for its epoch leaves no trace", "[shard][table]") {
    Table table = table_of(3);
    must(table, plan(table, {Assign{1, 0, 0, {1}}}));
    static_cast<void>(table.take_change());
    EditPlan stale = plan(table, {Assign{1, 0, 0, {2}}, Assign{2, 1, 0, {3}}});
    must(table, SetAdmin{2, Admin::kDraining, 0});
    const uint64_t before = table.fingerprint();
    must_not(table, stale);
    CHECK(table.fingerprint() == before);
    CHECK(table.take_change().targets.empty());
}
