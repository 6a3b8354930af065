// Messages of the leader to a node.
#include "shard/proto/session.pb.h"
#include "shard/session/codec.h"
#include "shard/session/codec_parts.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr uint64_t kLeaseMsMax = uint64_t{1000} * 60 * 60;

// --- writing
// ---------------------------------------------------------------------------------------

void put(const Welcome& welcome, skein::v1::LeaderToNode& to) {
    skein::v1::SessionWelcome& message = *to.mutable_welcome();
    message.set_cluster_id(welcome.cluster_id);
    message.set_number(welcome.number);
    put(welcome.order, *message.mutable_order());
    message.set_lease_ms(static_cast<uint64_t>(welcome.lease.count()));
    message.set_clock_ms(welcome.clock_ms);
}

void put(const Redirect& redirect, skein::v1::LeaderToNode& to) {
    skein::v1::SessionRedirect& message = *to.mutable_redirect();
    message.set_leader_id(redirect.leader_id);
    message.set_address(redirect.address);
}

void put(const Refused& refused, skein::v1::LeaderToNode& to) {
    skein::v1::SessionRefused& message = *to.mutable_refused();
    message.set_why(static_cast<uint32_t>(refused.why));
    message.set_reason(refused.reason);
}

void put(const Lease& lease, skein::v1::LeaderToNode& to) {
    skein::v1::SessionLease& message = *to.mutable_lease();
    message.set_report(lease.report);
    put(lease.order, *message.mutable_order());
    message.set_lease_ms(static_cast<uint64_t>(lease.lease.count()));
    put(lease.holds, *message.mutable_holds());
}

void put(const Assignment& assign, skein::v1::LeaderToNode& to) {
    put(assign, *to.mutable_assign());
}

void put(const Nodes& nodes, skein::v1::LeaderToNode& to) {
    static_cast<void>(to.mutable_nodes());
    for (const KnownNode& node : nodes.nodes) {
        skein::v1::SessionNodes::Node& message = *to.mutable_nodes()->add_nodes();
        message.set_number(node.number);
        message.set_id(node.id);
        message.set_address(node.address);
        message.set_zone(node.zone);
        message.set_voter(node.voter);
        message.set_live(node.live);
    }
}

// --- reading
// ---------------------------------------------------------------------------------------

Result<std::chrono::milliseconds> take_lease(uint64_t ms) {
    if (ms > kLeaseMsMax) {
        return fail(Code::kCorrupt, "a lease of", ms, "milliseconds");
    }
    return std::chrono::milliseconds(ms);
}

Result<LeaderMessage> take(const skein::v1::SessionWelcome& message) {
    Welcome welcome{.number = message.number(),
                    .order = take_order(message.order()),
                    .clock_ms = message.clock_ms()};
    TRY(welcome.cluster_id, take_name(message.cluster_id(), "a cluster's id"));
    TRY(welcome.lease, take_lease(message.lease_ms()));
    if (welcome.number == kNoNode || welcome.cluster_id.empty()) {
        return fail(Code::kCorrupt, "a welcome without the node's number or the cluster's id");
    }
    return LeaderMessage(std::move(welcome));
}

Result<LeaderMessage> take(const skein::v1::SessionRedirect& message) {
    Redirect redirect;
    TRY(redirect.leader_id, take_name(message.leader_id(), "a node's id"));
    TRY(redirect.address, take_address(message.address()));
    return LeaderMessage(std::move(redirect));
}

Result<LeaderMessage> take(const skein::v1::SessionRefused& message) {
    if (message.why() < static_cast<uint32_t>(Refusal::kVersion) ||
        message.why() > static_cast<uint32_t>(Refusal::kRemoved)) {
        return fail(Code::kCorrupt, "there is no refusal of number", message.why());
    }
    Refused refused{.why = static_cast<Refusal>(message.why()), .reason = {}};
    TRY(refused.reason, take_address(message.reason()));
    return LeaderMessage(std::move(refused));
}

Result<LeaderMessage> take(const skein::v1::SessionLease& message) {
    Lease lease{.report = message.report(),
                .order = take_order(message.order()),
                .holds = take_digest(message.holds())};
    TRY(lease.lease, take_lease(message.lease_ms()));
    return LeaderMessage(lease);
}

Result<LeaderMessage> take_assignment(const skein::v1::SessionAssign& message) {
    TRY(Assignment assign, take_assign(message));
    return LeaderMessage(std::move(assign));
}

Result<LeaderMessage> take(const skein::v1::SessionNodes& message) {
    if (static_cast<size_t>(message.nodes_size()) > kNodesMax) {
        return fail(Code::kLimit, "more than", kNodesMax, "nodes");
    }
    Nodes nodes;
    for (const skein::v1::SessionNodes::Node& one : message.nodes()) {
        KnownNode node{.number = one.number(), .voter = one.voter(), .live = one.live()};
        TRY(node.id, take_name(one.id(), "a node's id"));
        TRY(node.zone, take_name(one.zone(), "a zone"));
        TRY(node.address, take_address(one.address()));
        if (node.number == kNoNode ||
            (!nodes.nodes.empty() && node.number <= nodes.nodes.back().number)) {
            return fail(Code::kCorrupt, "nodes are not in the order of their numbers");
        }
        nodes.nodes.push_back(std::move(node));
    }
    return LeaderMessage(std::move(nodes));
}

}  // namespace

std::string encode(const LeaderMessage& message) {
    skein::v1::LeaderToNode to;
    std::visit([&to](const auto& said) { put(said, to); }, message);
    return to.SerializeAsString();
}

Result<LeaderMessage> decode_leader_message(std::string_view bytes) {
    skein::v1::LeaderToNode from;
    TRY(parse(bytes, from));
    switch (from.message_case()) {
        case skein::v1::LeaderToNode::kWelcome:
            return take(from.welcome());
        case skein::v1::LeaderToNode::kRedirect:
            return take(from.redirect());
        case skein::v1::LeaderToNode::kRefused:
            return take(from.refused());
        case skein::v1::LeaderToNode::kLease:
            return take(from.lease());
        case skein::v1::LeaderToNode::kAssign:
            return take_assignment(from.assign());
        case skein::v1::LeaderToNode::kNodes:
            return take(from.nodes());
        case skein::v1::LeaderToNode::MESSAGE_NOT_SET:
            break;
    }
    return fail(Code::kCorrupt, "a session's message of a kind that is not known");
}

}  // namespace shard
