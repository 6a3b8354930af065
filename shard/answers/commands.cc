#include "shard/answers/commands.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "shard/answers/parameters.h"
#include "shard/target_text.h"

namespace shard {

namespace {

using base::Code;
using Kind = Command::Kind;

struct Asked {
    const ClusterView& view;
    const Parameters& parameters;
    int64_t now_ms = 0;
};

base::Result<const NodeRecord*> find_node(const Asked& asked, std::string_view parameter) {
    std::string known;
    for (const NodeRecord& record : asked.view.table->nodes()) {
        known += (known.empty() ? "" : ", ") + record.id;
    }
    const std::string_view id = text_of(asked.parameters, parameter);
    if (id.empty()) {
        return base::fail(
            Code::kInvalid,
            "say which node, with " + std::string(parameter) + "=ID; there are: " + known);
    }
    const NodeRecord* const record = asked.view.table->node(id);
    if (record == nullptr) {
        return base::fail(Code::kNotFound,
                          "there is no node \"" + std::string(id) + "\"; there are: " + known);
    }
    return record;
}

Command edit_of(Edit edit, std::string done) {
    return {.kind = Kind::kEdit, .edit = std::move(edit), .done = std::move(done)};
}

Command nothing(std::string done) {
    return {.kind = Kind::kNothing, .edit = {}, .done = std::move(done)};
}

base::Result<Command> pause(const Asked& asked, bool paused) {
    TRY(check_names(asked.parameters, {}));
    const std::string text = paused ? "moves to balance and to drain are paused" : "moves go on";
    if (asked.view.table->paused() == paused) {
        return nothing(text + " already");
    }
    return edit_of(Pause{.paused = paused}, text);
}

base::Result<Command> maintenance(const Asked& asked, const NodeRecord& node) {
    const std::string_view text = text_of(asked.parameters, "maintenance");
    const auto time = base::parse_duration_ms(text);
    if (!time) {
        return base::fail(
            Code::kInvalid,
            "maintenance is a duration such as 30m, not \"" + std::string(text) + "\"");
    }
    if (time.value() <= 0 || std::chrono::milliseconds(time.value()) > kMaintenanceMax) {
        return base::fail(
            Code::kInvalid,
            "maintenance lasts longer than nothing and at most 30d; drain a node that "
            "is away for longer");
    }
    const int64_t until = asked.now_ms + time.value();
    return edit_of(
        SetAdmin{.node = node.number, .admin = Admin::kMaintenance, .maintenance_until_ms = until},
        "node " + node.id + " is in maintenance for " + std::string(text) +
            ": others scrape for it while it is silent, and it keeps its targets");
}

base::Result<Command> drain(const Asked& asked) {
    TRY(check_names(asked.parameters, {"node", "maintenance"}));
    TRY(const NodeRecord* const node, find_node(asked, "node"));
    if (!text_of(asked.parameters, "maintenance").empty()) {
        return maintenance(asked, *node);
    }
    if (node->admin == Admin::kDraining || node->admin == Admin::kDrained) {
        return nothing("node " + node->id + " is drained already");
    }
    const auto nodes = asked.view.table->nodes();
    const auto stays = std::ranges::count_if(nodes, [&](const NodeRecord& record) {
        return record.number != node->number && record.admin == Admin::kActive;
    });
    if (stays == 0) {
        return base::fail(Code::kInvalid,
                          "node " + node->id +
                              " is the last one that takes targets; add another node, or undrain "
                              "one, before it is drained");
    }
    const char* const paused =
        asked.view.table->paused() ? ", once the pause is over (resume)" : "";
    return edit_of(SetAdmin{.node = node->number, .admin = Admin::kDraining},
                   "node " + node->id + " is drained: its targets move away" + paused);
}

base::Result<Command> undrain(const Asked& asked) {
    TRY(check_names(asked.parameters, {"node"}));
    TRY(const NodeRecord* const node, find_node(asked, "node"));
    if (node->admin == Admin::kActive) {
        return nothing("node " + node->id + " takes targets already");
    }
    return edit_of(SetAdmin{.node = node->number, .admin = Admin::kActive},
                   "node " + node->id + " takes targets again");
}

base::Result<Command> remove(const Asked& asked) {
    TRY(check_names(asked.parameters, {"node"}));
    TRY(const NodeRecord* const node, find_node(asked, "node"));
    if (node->admin != Admin::kDrained) {
        return base::fail(
            Code::kInvalid,
            "node " + node->id +
                " is not drained yet; drain it, wait until its state is drained, stop "
                "it, and remove it then");
    }
    const LeaderStatus status = asked.view.leader->status();
    const auto known = std::ranges::find(status.nodes, node->number, &NodeStatus::number);
    if (known != status.nodes.end() && known->session) {
        return base::fail(
            Code::kInvalid,
            "node " + node->id + " still runs and would join again; stop it first, then remove it");
    }
    return edit_of(RemoveNode{.node = node->number},
                   "node " + node->id + " is no part of the cluster any more");
}

base::Result<uint8_t> find_slot(const Asked& asked, const TargetView& target) {
    TRY(const uint64_t slot, number_of(asked.parameters, "slot", 0));
    if (slot >= target.owners.size()) {
        return base::fail(Code::kInvalid,
                          "the target has " + std::to_string(target.owners.size()) +
                              " owners, in slots from 0 on; there is no slot " +
                              std::to_string(slot));
    }
    return static_cast<uint8_t>(slot);
}

base::Result<Command> move(const Asked& asked) {
    TRY(check_names(asked.parameters, {"target", "to", "slot"}));
    const std::string text(text_of(asked.parameters, "target"));
    const auto id = parse_target(text);
    const auto target = id ? asked.view.table->target(*id) : std::nullopt;
    if (!target) {
        return base::fail(Code::kNotFound,
                          "there is no target \"" + text +
                              "\"; ids are those of the list of targets, 16 hexadecimal digits");
    }
    TRY(const NodeRecord* const to, find_node(asked, "to"));
    TRY(const uint8_t slot, find_slot(asked, *target));
    if (std::ranges::find(target->owners, to->number, &Owner::node) != target->owners.end()) {
        return nothing("node " + to->id + " has the target already");
    }
    if (target->move != nullptr) {
        return base::fail(Code::kInvalid,
                          "the target is moving already; ask again when that is over");
    }
    if (to->admin != Admin::kActive) {
        return base::fail(Code::kInvalid, "node " + to->id + " takes no targets; undrain it first");
    }
    if (target->owners[slot].node == kNoNode) {
        return base::fail(Code::kInvalid,
                          "nobody has the target in this slot: the next plan places it");
    }
    return edit_of(
        EditPlan{.edits = {StartMove{.target = *id, .slot = slot, .to = to->number}}},
        "the target moves to node " + to->id + "; a later plan may move it again to balance");
}

base::Result<Command> transfer(const Asked& asked) {
    TRY(check_names(asked.parameters, {"to"}));
    if (text_of(asked.parameters, "to").empty()) {
        return Command{
            .kind = Kind::kTransfer, .edit = {}, .done = "another voter is to lead from now on"};
    }
    TRY(const NodeRecord* const to, find_node(asked, "to"));
    if (to->id == asked.view.leader_id) {
        return nothing("node " + to->id + " leads already");
    }
    if (std::ranges::find(asked.view.voters, to->member) == asked.view.voters.end()) {
        std::string voters;
        for (const NodeRecord& record : asked.view.table->nodes()) {
            if (std::ranges::find(asked.view.voters, record.member) != asked.view.voters.end()) {
                voters += (voters.empty() ? "" : ", ") + record.id;
            }
        }
        return base::fail(
            Code::kInvalid,
            "node " + to->id + " does not vote and cannot lead; voters are: " + voters);
    }
    return Command{.kind = Kind::kTransfer,
                   .edit = {},
                   .to = to->number,
                   .done = "node " + to->id + " is to lead from now on"};
}

base::Result<Command> apply_plan(const Asked& asked) {
    TRY(check_names(asked.parameters, {"full"}));
    TRY(const bool full, flag_of(asked.parameters, "full"));
    return Command{.kind = Kind::kApplyPlan,
                   .edit = {},
                   .full = full,
                   .done = full ? "the full plan has begun" : "the plan has begun"};
}

constexpr std::string_view kCommands[] = {
    "pause", "resume", "drain", "undrain", "move", "transfer", "remove", "plan/apply"};

}  // namespace

bool is_command(std::string_view what) {
    return std::ranges::find(kCommands, what) != std::end(kCommands);
}

base::Result<Command> make_command(const ClusterView& view,
                                   std::string_view what,
                                   const Parameters& parameters,
                                   int64_t now_ms) {
    if (view.leader == nullptr || view.table == nullptr) {
        return base::fail(Code::kUnavailable,
                          "only the leader changes things, and no leader answers; ask again in a "
                          "few seconds");
    }
    const Asked asked{.view = view, .parameters = parameters, .now_ms = now_ms};
    if (what == "pause" || what == "resume") {
        return pause(asked, what == "pause");
    }
    if (what == "drain") {
        return drain(asked);
    }
    if (what == "undrain") {
        return undrain(asked);
    }
    if (what == "move") {
        return move(asked);
    }
    if (what == "transfer") {
        return transfer(asked);
    }
    if (what == "remove") {
        return remove(asked);
    }
    if (what == "plan/apply") {
        return apply_plan(asked);
    }
    return base::fail(Code::kNotFound, "there is no command \"" + std::string(what) + "\"");
}

}  // namespace shard
