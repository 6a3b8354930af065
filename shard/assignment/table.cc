#include "shard/assignment/table.h"

#include <utility>

#include "base/checksum.h"
#include "shard/assignment/change_list.h"
#include "shard/assignment/names.h"
#include "shard/assignment/node_edits.h"
#include "shard/assignment/plan_draft.h"
#include "shard/assignment/snapshot.h"
#include "shard/assignment/table_content.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

// Carries an edit out, or says why not.
class Editor {
  public:
    Editor(TableContent& table, ChangeList& change) : table_(table), change_(change) {}

    base::Status operator()(const FoundCluster& edit) {
        TRY(check_name("the cluster's name", edit.cluster_id));
        if (table_.cluster_id == edit.cluster_id) {
            return base::success();
        }
        if (!table_.cluster_id.empty()) {
            return fail(Code::kInvalid, "the cluster has the name", table_.cluster_id, "already");
        }
        table_.cluster_id = edit.cluster_id;
        change_.set_settings();
        return base::success();
    }

    base::Status operator()(const PutNode& edit) {
        TRY(node_, put_node(table_, change_, edit));
        return base::success();
    }

    base::Status operator()(const SetAdmin& edit) { return set_admin(table_, change_, edit); }

    base::Status operator()(const RemoveNode& edit) { return remove_node(table_, change_, edit); }

    base::Status operator()(const Pause& edit) {
        if (table_.paused != edit.paused) {
            table_.paused = edit.paused;
            change_.set_settings();
        }
        return base::success();
    }

    base::Status operator()(const StartTakeover& edit) {
        return start_takeover(table_, change_, edit);
    }

    base::Status operator()(const EndTakeover& edit) { return end_takeover(table_, change_, edit); }

    base::Status operator()(const EditPlan& edit) {
        if (edit.expected != table_.epoch) {
            return fail(Code::kInvalid,
                        "the plan was made for epoch",
                        edit.expected,
                        "and the table is at",
                        table_.epoch);
        }
        PlanDraft draft(table_, edit);
        TRY(draft.check());
        draft.commit(table_, change_);
        return base::success();
    }

    base::Status operator()(const ExpireTombstones& edit) {
        table_.targets.expire(edit.now_s);
        return base::success();
    }

    // Of the node that was put.
    [[nodiscard]] NodeNumber node() const { return node_; }

  private:
    TableContent& table_;
    ChangeList& change_;
    NodeNumber node_ = kNoNode;
};

}  // namespace

struct Table::Parts {
    TableContent content;
    ChangeList change;
};

Table::Table() : parts_(std::make_unique<Parts>()) {}

Table::~Table() = default;
Table::Table(Table&&) noexcept = default;
Table& Table::operator=(Table&&) noexcept = default;

EditAnswer Table::apply(std::string_view edit) {
    EditAnswer answer;
    const auto decoded = decode_edit(edit);
    if (decoded.has_value()) {
        Editor editor(parts_->content, parts_->change);
        const base::Status status = std::visit(editor, decoded.value());
        answer.applied = status.has_value();
        answer.node = editor.node();
        answer.reason = status.has_value() ? "" : status.error().message();
    } else {
        answer.reason = decoded.error().message();
    }
    answer.reason.resize(std::min(answer.reason.size(), kReasonBytesMax));
    answer.epoch = parts_->content.epoch;
    return answer;
}

TableChange Table::take_change() {
    return parts_->change.take(parts_->content.epoch);
}

std::string Table::snapshot() const {
    return write_snapshot(parts_->content);
}

base::Status Table::restore(std::string_view snapshot) {
    TRY(TableContent content, read_snapshot(snapshot));
    parts_->content = std::move(content);
    parts_->change.set_everything();
    return base::success();
}

uint64_t Table::fingerprint() const {
    return base::xxh64(snapshot());
}

size_t Table::memory_bytes() const {
    return sizeof(Parts) + parts_->content.targets.memory_bytes() +
           parts_->content.jobs.memory_bytes() +
           parts_->content.nodes.capacity() * sizeof(NodeRecord) +
           parts_->content.takeovers.capacity() * sizeof(Takeover);
}

const std::string& Table::cluster_id() const {
    return parts_->content.cluster_id;
}

Epoch Table::epoch() const {
    return parts_->content.epoch;
}

bool Table::paused() const {
    return parts_->content.paused;
}

std::span<const NodeRecord> Table::nodes() const {
    return parts_->content.nodes;
}

const NodeRecord* Table::node(NodeNumber number) const {
    return find_node(parts_->content.nodes, number);
}

const NodeRecord* Table::node(std::string_view id) const {
    for (const NodeRecord& node : parts_->content.nodes) {
        if (node.id == id) {
            return &node;
        }
    }
    return nullptr;
}

std::span<const std::string> Table::jobs() const {
    return parts_->content.jobs.names();
}

size_t Table::targets() const {
    return parts_->content.targets.size();
}

std::optional<TargetView> Table::target(model::TargetId id) const {
    return parts_->content.targets.view(id);
}

void Table::for_each_target(const std::function<void(const TargetView&)>& visit) const {
    parts_->content.targets.for_each(visit);
}

size_t Table::moves() const {
    return parts_->content.targets.moves().size();
}

void Table::for_each_move(const std::function<void(const TargetView&)>& visit) const {
    for (const auto& [id, move] : parts_->content.targets.moves()) {
        visit(*parts_->content.targets.view(id));
    }
}

std::optional<Tombstone> Table::tombstone(model::TargetId id) const {
    return parts_->content.targets.tombstone(id);
}

size_t Table::tombstones() const {
    return parts_->content.targets.tombstones();
}

std::span<const Takeover> Table::takeovers() const {
    return parts_->content.takeovers;
}

}  // namespace shard
