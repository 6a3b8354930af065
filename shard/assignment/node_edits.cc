#include "shard/assignment/node_edits.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "shard/assignment/names.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

NodeRecord* find_mutable(TableContent& table, NodeNumber number) {
    return const_cast<NodeRecord*>(find_node(table.nodes, number));
}

auto unknown(NodeNumber number) {
    return fail(Code::kInvalid, "there is no node", number);
}

auto takeover_place(TableContent& table, NodeNumber node) {
    return std::lower_bound(
        table.takeovers.begin(),
        table.takeovers.end(),
        node,
        [](const Takeover& takeover, NodeNumber other) { return takeover.node < other; });
}

// The record as it would be.
NodeRecord changed(const TableContent& table, const PutNode& edit) {
    const auto known = std::find_if(table.nodes.begin(),
                                    table.nodes.end(),
                                    [&](const NodeRecord& node) { return node.id == edit.id; });
    NodeRecord record = known == table.nodes.end() ? NodeRecord{} : *known;
    record.id = edit.id;
    record.member = edit.member;
    record.address = edit.address;
    record.zone = edit.zone;
    record.series_budget = edit.series_budget;
    record.feature_level = edit.feature_level;
    return record;
}

base::Result<NodeNumber> add_node(TableContent& table, NodeRecord record) {
    if (table.nodes.size() >= kNodesMax) {
        return fail(Code::kLimit, "the cluster has", kNodesMax, "nodes, the most there can be");
    }
    if (table.next_node == std::numeric_limits<NodeNumber>::max()) {
        return fail(Code::kLimit, "the cluster has no more numbers for nodes");
    }
    record.number = table.next_node++;
    table.nodes.push_back(std::move(record));
    return table.nodes.back().number;
}

bool owns_or_gets(const TableContent& table, NodeNumber node) {
    bool found = false;
    table.targets.for_each([&](const TargetView& target) {
        found = found || (target.move != nullptr && target.move->to == node) ||
                std::any_of(target.owners.begin(), target.owners.end(), [&](const Owner& owner) {
                    return owner.node == node;
                });
    });
    return found;
}

}  // namespace

const NodeRecord* find_node(std::span<const NodeRecord> nodes, NodeNumber number) {
    // Its place while no node before it was removed.
    if (const size_t place = size_t{number} - 1;
        place < nodes.size() && nodes[place].number == number) {
        return &nodes[place];
    }
    const auto place = std::lower_bound(
        nodes.begin(), nodes.end(), number, [](const NodeRecord& node, NodeNumber other) {
            return node.number < other;
        });
    return place != nodes.end() && place->number == number ? &*place : nullptr;
}

base::Status check_node(const NodeRecord& node) {
    TRY(check_name("the node's id", node.id));
    TRY(check_text("the node's address", node.address, kNodeAddressBytesMax));
    return check_text("the node's zone", node.zone, kNameBytesMax);
}

base::Status check_distinct(std::span<const NodeRecord> nodes, const NodeRecord& node) {
    for (const NodeRecord& other : nodes) {
        if (other.number == node.number) {
            continue;
        }
        if (other.id == node.id) {
            return fail(Code::kInvalid, "two nodes have the id", node.id);
        }
        if (node.member != 0 && other.member == node.member) {
            return fail(Code::kInvalid,
                        "node",
                        other.id,
                        "is the same member of the group as",
                        node.id,
                        "(was its disk copied? empty one of the two)");
        }
    }
    return base::success();
}

base::Result<NodeNumber> put_node(TableContent& table, ChangeList& change, const PutNode& edit) {
    NodeRecord record = changed(table, edit);
    TRY(check_node(record));
    TRY(check_distinct(table.nodes, record));
    NodeNumber number = record.number;
    if (number == kNoNode) {
        TRY(number, add_node(table, std::move(record)));
    } else if (NodeRecord& known = *find_mutable(table, number); known != record) {
        known = std::move(record);
    } else {
        return number;
    }
    ++table.epoch;
    change.add_node(number);
    return number;
}

base::Status set_admin(TableContent& table, ChangeList& change, const SetAdmin& edit) {
    NodeRecord* const node = find_mutable(table, edit.node);
    if (node == nullptr) {
        return unknown(edit.node);
    }
    const int64_t until_ms = edit.admin == Admin::kMaintenance ? edit.maintenance_until_ms : 0;
    if (node->admin == edit.admin && node->maintenance_until_ms == until_ms) {
        return base::success();
    }
    node->admin = edit.admin;
    node->maintenance_until_ms = until_ms;
    ++table.epoch;
    change.add_node(edit.node);
    return base::success();
}

base::Status remove_node(TableContent& table, ChangeList& change, const RemoveNode& edit) {
    const NodeRecord* const node = find_node(table.nodes, edit.node);
    if (node == nullptr) {
        return unknown(edit.node);
    }
    for (const Takeover& takeover : table.takeovers) {
        if (std::binary_search(takeover.by.begin(), takeover.by.end(), edit.node)) {
            return fail(Code::kInvalid, "node", node->id, "scrapes for node", takeover.node);
        }
    }
    if (owns_or_gets(table, edit.node)) {
        return fail(Code::kInvalid, "node", node->id, "has targets: drain it first");
    }
    const auto own = takeover_place(table, edit.node);
    if (own != table.takeovers.end() && own->node == edit.node) {
        table.takeovers.erase(own);
        change.set_takeovers();
    }
    table.nodes.erase(table.nodes.begin() + (node - table.nodes.data()));
    ++table.epoch;
    change.add_node(edit.node);
    return base::success();
}

base::Status check_takeover(std::span<const NodeRecord> nodes, const Takeover& takeover) {
    if (find_node(nodes, takeover.node) == nullptr) {
        return unknown(takeover.node);
    }
    if (takeover.by.empty()) {
        return fail(Code::kInvalid, "nobody takes over from node", takeover.node);
    }
    NodeNumber before = kNoNode;
    for (const NodeNumber by : takeover.by) {
        if (find_node(nodes, by) == nullptr) {
            return unknown(by);
        }
        if (by == takeover.node || by <= before) {
            return fail(
                Code::kInvalid, "node", by, "is itself what it takes over, or is named twice");
        }
        before = by;
    }
    return base::success();
}

base::Status start_takeover(TableContent& table, ChangeList& change, const StartTakeover& edit) {
    Takeover takeover{edit.node, table.epoch + 1, edit.by};
    std::sort(takeover.by.begin(), takeover.by.end());
    TRY(check_takeover(table.nodes, takeover));
    const auto place = takeover_place(table, edit.node);
    if (place == table.takeovers.end() || place->node != edit.node) {
        table.takeovers.insert(place, std::move(takeover));
    } else if (place->by != takeover.by) {
        *place = std::move(takeover);
    } else {
        return base::success();
    }
    ++table.epoch;
    change.set_takeovers();
    return base::success();
}

base::Status end_takeover(TableContent& table, ChangeList& change, const EndTakeover& edit) {
    const auto place = takeover_place(table, edit.node);
    if (place == table.takeovers.end() || place->node != edit.node) {
        return fail(Code::kInvalid, "nobody has taken over from node", edit.node);
    }
    table.takeovers.erase(place);
    ++table.epoch;
    change.set_takeovers();
    return base::success();
}

}  // namespace shard
