#include "test/sim/cluster_operator.h"

#include <utility>

namespace sim {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

constexpr uint32_t kFlaps = 3;
constexpr uint64_t kBurst = 20;        // targets, at most
constexpr uint32_t kTargetsMax = 400;  // of a world
constexpr Time kFarJump = minutes(5);

}  // namespace

ClusterOperator::ClusterOperator(World& world,
                                 ClusterHost& host,
                                 ClusterTargets& targets,
                                 ClusterChecks& checks,
                                 uint64_t budget)
    : world_(world), host_(host), targets_(targets), checks_(checks), budget_(budget) {}

void ClusterOperator::begin(const std::vector<ClusterEvent>& events, uint32_t round) {
    for (const ClusterEvent& event : events) {
        if (event.round == round) {
            later(event.offset, [this, event] { carry_out(event); });
        }
    }
}

void ClusterOperator::later(Time after, World::Task task) {
    world_.at(world_.now() + after, [this, healed = healed_, task = std::move(task)] {
        if (healed == healed_) {
            task();
        }
    });
}

void ClusterOperator::until(Time length, World::Task undo) {
    const uint64_t number = ++undo_number_;
    undo_.emplace(number, std::move(undo));
    later(length, [this, number] {
        if (auto one = undo_.extract(number)) {
            one.mapped()();
        }
    });
}

void ClusterOperator::heal() {
    ++healed_;
    for (auto& [number, undo] : std::exchange(undo_, {})) {
        undo();
    }
}

void ClusterOperator::restore() {
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr) {
        return;
    }
    const shard::Table& table = leader->member().table();
    std::vector<shard::Edit> edits;
    if (table.paused()) {
        edits.emplace_back(shard::Pause{.paused = false});
    }
    for (const shard::NodeRecord& node : table.nodes()) {
        if (node.admin != shard::Admin::kActive) {
            edits.emplace_back(
                shard::SetAdmin{.node = node.number, .admin = shard::Admin::kActive});
        }
    }
    for (const shard::Edit& one : edits) {
        edit(one);
    }
}

void ClusterOperator::edit(const shard::Edit& edit) {
    if (ClusterNode* const leader = host_.leader()) {
        leader->with([&](shard::Member& member) {
            member.edit(edit, [](const base::Result<shard::EditAnswer>& /*answer*/) {});
        });
    }
}

void ClusterOperator::carry_out(const ClusterEvent& event) {
    world_.trace(kNoProcess, "event", static_cast<uint64_t>(event.kind), event.pick % 1000);
    switch (event.kind) {
        case ClusterEventKind::kGrow:
        case ClusterEventKind::kGiant:
        case ClusterEventKind::kDown:
        case ClusterEventKind::kSlow:
            change_target(event);
            break;
        case ClusterEventKind::kVanish:
        case ClusterEventKind::kBurst:
        case ClusterEventKind::kEmptyJob:
        case ClusterEventKind::kFlap:
            change_discovery(event);
            break;
        default:
            steer(event);
            break;
    }
}

void ClusterOperator::change_target(const ClusterEvent& event) {
    const auto number = static_cast<uint32_t>(event.pick % targets_.size());
    const uint64_t before = targets_.at(number).series;
    switch (event.kind) {
        case ClusterEventKind::kGrow:
        case ClusterEventKind::kGiant:
            targets_.at(number).series =
                event.kind == ClusterEventKind::kGrow ? before * 10 : budget_ * 2;
            load_changes();
            until(event.length, [this, number, before] {
                load_changes();
                targets_.at(number).series = before;
            });
            break;
        case ClusterEventKind::kDown:
            targets_.set_health(number, 1, 0);
            until(event.length, [this, number] { targets_.set_health(number, -1, 0); });
            break;
        default:
            targets_.set_health(number, 0, 1);
            until(event.length, [this, number] { targets_.set_health(number, 0, -1); });
            break;
    }
}

void ClusterOperator::change_discovery(const ClusterEvent& event) {
    const auto job = static_cast<uint32_t>(event.pick % targets_.jobs().size());
    if (targets_.jobs()[job].steady) {
        return;
    }
    const auto set_empty = [this, job](bool empty) {
        targets_.set_empty(job, empty);
        host_.discovered(job);
    };
    switch (event.kind) {
        case ClusterEventKind::kVanish: {
            std::vector<uint32_t> gone;
            for (uint32_t number = 0; number < targets_.size(); ++number) {
                if (targets_.at(number).job == job && targets_.at(number).there &&
                    mix(event.other + number) % 4 == 0) {
                    targets_.set_there(number, false);
                    gone.push_back(number);
                }
            }
            host_.discovered(job);
            until(event.length, [this, job, gone] {
                for (const uint32_t number : gone) {
                    targets_.set_there(number, true);
                }
                host_.discovered(job);
            });
            break;
        }
        case ClusterEventKind::kBurst:
            if (targets_.size() < kTargetsMax) {
                targets_.add(job, static_cast<uint32_t>(1 + event.other % kBurst));
                host_.discovered(job);
            }
            break;
        case ClusterEventKind::kEmptyJob:
            set_empty(true);
            until(event.length, [set_empty] { set_empty(false); });
            break;
        default:
            for (uint32_t flap = 0; flap < kFlaps; ++flap) {
                later(event.length * (2 * flap) / (2 * kFlaps), [this, set_empty] {
                    set_empty(true);
                    until(milliseconds(500), [set_empty] { set_empty(false); });
                });
            }
            break;
    }
}

void ClusterOperator::steer(const ClusterEvent& event) {
    const std::vector<ProcessId> all = host_.targets();
    const ProcessId who = all[event.pick % all.size()];
    switch (event.kind) {
        case ClusterEventKind::kDrain:
            drain(event);
            break;
        case ClusterEventKind::kHold:
            edit(shard::Pause{.paused = true});
            until(event.length, [this] { edit(shard::Pause{.paused = false}); });
            break;
        case ClusterEventKind::kMove:
            move_one(event);
            break;
        case ClusterEventKind::kTransfer:
            if (ClusterNode* const leader = host_.leader()) {
                leader->with([](shard::Member& member) {
                    base::ignore(member.transfer(shard::kNoNode), "there may be no other voter");
                });
            }
            break;
        case ClusterEventKind::kStop:
            host_.stop(who, event.length);
            break;
        case ClusterEventKind::kReload:
            host_.reload(event.length);
            break;
        case ClusterEventKind::kJumpFar: {
            const Time by = (event.other & 1) != 0 ? kFarJump : -kFarJump;
            world_.clock(who).jump_wall(by);
            until(event.length, [this, who, by] { world_.clock(who).jump_wall(-by); });
            break;
        }
        default:
            static_cast<void>(host_.join());
            break;
    }
}

void ClusterOperator::drain(const ClusterEvent& event) {
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr || leader->member().table().nodes().empty()) {
        return;
    }
    const auto nodes = leader->member().table().nodes();
    const shard::NodeNumber node = nodes[event.pick % nodes.size()].number;
    edit(shard::SetAdmin{.node = node, .admin = shard::Admin::kDraining});
    until(event.length,
          [this, node] { edit(shard::SetAdmin{.node = node, .admin = shard::Admin::kActive}); });
}

void ClusterOperator::move_one(const ClusterEvent& event) {
    ClusterNode* const leader = host_.leader();
    if (leader == nullptr) {
        return;
    }
    const shard::Table& table = leader->member().table();
    const auto target = table.target(targets_.at(event.pick % targets_.size()).id);
    if (!target || table.nodes().empty()) {
        return;
    }
    const auto slot = static_cast<uint8_t>(event.other % target->owners.size());
    const shard::NodeNumber to = table.nodes()[event.other % table.nodes().size()].number;
    shard::EditPlan plan{
        .expected = table.epoch(),
        .now_s = static_cast<uint32_t>(world_.clock(leader->machine().process).now_ms() / 1000)};
    plan.edits.push_back(shard::StartMove{.target = target->id, .slot = slot, .to = to});
    checks_.asked_to_move();
    edit(std::move(plan));
}

}  // namespace sim
