#include "shard/assignment/edits.h"

#include <utility>

#include "shard/assignment/plan_columns.h"
#include "shard/proto/table.pb.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

class EditWriter {
  public:
    explicit EditWriter(skein::v1::TableEdit& message) : message_(message) {}

    void operator()(const FoundCluster& edit) {
        message_.mutable_found_cluster()->set_cluster_id(edit.cluster_id);
    }

    void operator()(const PutNode& edit) {
        skein::v1::PutNode& node = *message_.mutable_put_node();
        node.set_id(edit.id);
        node.set_member(edit.member);
        node.set_address(edit.address);
        node.set_zone(edit.zone);
        node.set_series_budget(edit.series_budget);
        node.set_feature_level(edit.feature_level);
    }

    void operator()(const SetAdmin& edit) {
        skein::v1::SetAdmin& admin = *message_.mutable_set_admin();
        admin.set_node(edit.node);
        admin.set_admin(static_cast<uint32_t>(edit.admin));
        admin.set_maintenance_until_ms(edit.maintenance_until_ms);
    }

    void operator()(const RemoveNode& edit) { message_.mutable_remove_node()->set_node(edit.node); }

    void operator()(const Pause& edit) { message_.mutable_pause()->set_paused(edit.paused); }

    void operator()(const StartTakeover& edit) {
        skein::v1::StartTakeover& takeover = *message_.mutable_start_takeover();
        takeover.set_node(edit.node);
        takeover.mutable_by()->Add(edit.by.begin(), edit.by.end());
    }

    void operator()(const EndTakeover& edit) {
        message_.mutable_end_takeover()->set_node(edit.node);
    }

    void operator()(const EditPlan& edit) { write_plan(edit, *message_.mutable_plan()); }

    void operator()(const ExpireTombstones& edit) {
        message_.mutable_expire_tombstones()->set_now_s(edit.now_s);
    }

  private:
    skein::v1::TableEdit& message_;
};

base::Result<std::string> text(std::string_view what, const std::string& value, size_t bytes_max) {
    if (value.size() > bytes_max) {
        return fail(Code::kLimit, what, "has", value.size(), "bytes, at most", bytes_max);
    }
    return value;
}

base::Result<Edit> read_found(const skein::v1::FoundCluster& message) {
    TRY(std::string id, text("the cluster's name", message.cluster_id(), kNameBytesMax));
    return Edit(FoundCluster{std::move(id)});
}

base::Result<Edit> read_put_node(const skein::v1::PutNode& message) {
    PutNode edit;
    TRY(edit.id, text("the node's id", message.id(), kNameBytesMax));
    TRY(edit.address, text("the node's address", message.address(), kNodeAddressBytesMax));
    TRY(edit.zone, text("the node's zone", message.zone(), kNameBytesMax));
    edit.member = message.member();
    edit.series_budget = message.series_budget();
    edit.feature_level = message.feature_level();
    return Edit(std::move(edit));
}

base::Result<Edit> read_set_admin(const skein::v1::SetAdmin& message) {
    if (message.admin() < static_cast<uint32_t>(Admin::kActive) ||
        message.admin() > static_cast<uint32_t>(Admin::kDrained)) {
        return fail(Code::kUnsupported,
                    "a node's state that this program does not know:",
                    message.admin(),
                    "(upgrade it)");
    }
    return Edit(SetAdmin{
        message.node(), static_cast<Admin>(message.admin()), message.maintenance_until_ms()});
}

base::Result<Edit> read_takeover(const skein::v1::StartTakeover& message) {
    if (static_cast<size_t>(message.by_size()) > kNodesMax) {
        return fail(Code::kLimit, "a takeover by", message.by_size(), "nodes, at most", kNodesMax);
    }
    return Edit(StartTakeover{message.node(), {message.by().begin(), message.by().end()}});
}

base::Result<Edit> read_edit_plan(const skein::v1::EditPlan& message) {
    TRY(EditPlan plan, read_plan(message));
    return Edit(std::move(plan));
}

base::Result<Edit> read_edit(const skein::v1::TableEdit& message) {
    switch (message.edit_case()) {
        case skein::v1::TableEdit::kFoundCluster:
            return read_found(message.found_cluster());
        case skein::v1::TableEdit::kPutNode:
            return read_put_node(message.put_node());
        case skein::v1::TableEdit::kSetAdmin:
            return read_set_admin(message.set_admin());
        case skein::v1::TableEdit::kRemoveNode:
            return Edit(RemoveNode{message.remove_node().node()});
        case skein::v1::TableEdit::kPause:
            return Edit(Pause{message.pause().paused()});
        case skein::v1::TableEdit::kStartTakeover:
            return read_takeover(message.start_takeover());
        case skein::v1::TableEdit::kEndTakeover:
            return Edit(EndTakeover{message.end_takeover().node()});
        case skein::v1::TableEdit::kPlan:
            return read_edit_plan(message.plan());
        case skein::v1::TableEdit::kExpireTombstones:
            return Edit(ExpireTombstones{message.expire_tombstones().now_s()});
        case skein::v1::TableEdit::EDIT_NOT_SET:
            break;
    }
    return fail(Code::kUnsupported, "an edit that this program does not know (upgrade it)");
}

base::Status check_size(std::string_view what, std::string_view bytes) {
    if (bytes.size() > kEditBytesReadMax) {
        return fail(Code::kLimit, what, "of", bytes.size(), "bytes, at most", kEditBytesReadMax);
    }
    return base::success();
}

}  // namespace

std::string encode(const Edit& edit) {
    skein::v1::TableEdit message;
    std::visit(EditWriter(message), edit);
    return message.SerializeAsString();
}

base::Result<Edit> decode_edit(std::string_view bytes) {
    TRY(check_size("an edit", bytes));
    skein::v1::TableEdit message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Code::kCorrupt, "these bytes are no edit of the table");
    }
    return read_edit(message);
}

std::string encode(const EditAnswer& answer) {
    skein::v1::EditAnswer message;
    message.set_applied(answer.applied);
    message.set_epoch(answer.epoch);
    message.set_node(answer.node);
    message.set_reason(answer.reason.substr(0, kReasonBytesMax));
    return message.SerializeAsString();
}

base::Result<EditAnswer> decode_answer(std::string_view bytes) {
    TRY(check_size("an answer", bytes));
    skein::v1::EditAnswer message;
    if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return fail(Code::kCorrupt, "these bytes are no answer of the table");
    }
    EditAnswer answer{message.applied(), message.epoch(), message.node(), {}};
    TRY(answer.reason, text("an answer's reason", message.reason(), kReasonBytesMax));
    return answer;
}

}  // namespace shard
