// Messages of a node to its leader.
#include "shard/proto/session.pb.h"
#include "shard/session/codec.h"
#include "shard/session/codec_parts.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;
using base::Status;
using base::success;

namespace {

void put_jobs(const std::vector<JobHash>& jobs,
              google::protobuf::RepeatedPtrField<skein::v1::SessionJobHash>& to) {
    for (const JobHash& job : jobs) {
        skein::v1::SessionJobHash& one = *to.Add();
        one.set_job(job.job);
        one.set_hash(job.hash);
    }
}

Result<std::vector<JobHash>> take_jobs(
    const google::protobuf::RepeatedPtrField<skein::v1::SessionJobHash>& from) {
    if (static_cast<size_t>(from.size()) > kSessionJobsMax) {
        return fail(Code::kLimit, "more than", kSessionJobsMax, "jobs");
    }
    std::vector<JobHash> jobs;
    for (const skein::v1::SessionJobHash& one : from) {
        TRY(std::string name, take_name(one.job(), "a job's name"));
        if (!jobs.empty() && name <= jobs.back().job) {
            return fail(Code::kCorrupt, "jobs are not in the order of their names");
        }
        jobs.push_back({.job = std::move(name), .hash = one.hash()});
    }
    return jobs;
}

// --- writing
// ---------------------------------------------------------------------------------------

void put(const Hello& hello, skein::v1::NodeToLeader& to) {
    skein::v1::SessionHello& message = *to.mutable_hello();
    message.set_version(hello.version);
    message.set_cluster_id(hello.cluster_id);
    message.set_node_id(hello.node_id);
    message.set_member(hello.member);
    message.set_address(hello.address);
    message.set_zone(hello.zone);
    message.set_series_budget(hello.series_budget);
    message.set_feature_level(hello.feature_level);
    message.set_clock_ms(hello.clock_ms);
    message.set_configuration(hello.configuration);
    put_jobs(hello.jobs, *message.mutable_jobs());
    put(hello.seen, *message.mutable_seen());
}

void put(const Totals& totals, skein::v1::SessionTotals& message) {
    message.set_active_series(totals.active_series);
    message.set_ghost_series(totals.ghost_series);
    message.set_other_series(totals.other_series);
    message.set_memory_bytes(totals.memory_bytes);
    message.set_memory_limit_bytes(totals.memory_limit_bytes);
    message.set_late_ms(totals.late_ms);
    message.set_flags(totals.flags);
    message.set_clock_ms(totals.clock_ms);
}

void put(const Report& report, skein::v1::NodeToLeader& to) {
    skein::v1::SessionReport& message = *to.mutable_report();
    message.set_number(report.number);
    put(report.seen, *message.mutable_seen());
    put(report.totals, *message.mutable_totals());
    for (const TargetLoad& load : report.loads) {
        message.add_targets(load.id);
        message.add_series(load.series);
        message.add_up(load.up);
    }
}

void put(const Progress& progress, skein::v1::NodeToLeader& to) {
    for (const Incoming& target : progress.targets) {
        skein::v1::SessionProgress::Target& message = *to.mutable_progress()->add_targets();
        message.set_id(target.id);
        message.set_since(target.since);
        message.set_good(target.good);
        message.set_failed(target.failed);
        message.set_last_ms(target.last_ms);
        message.set_series(target.series);
    }
    static_cast<void>(to.mutable_progress());
}

void put(const Holdings& holdings, skein::v1::NodeToLeader& to) {
    skein::v1::SessionHoldings& message = *to.mutable_holdings();
    for (const Held& held : holdings.targets) {
        message.add_targets(held.id);
        message.add_slots(held.slot);
        message.add_holdings(static_cast<uint32_t>(held.holding));
        message.add_since(held.since);
    }
    message.set_more(!holdings.last);
}

void put(const Configured& configured, skein::v1::NodeToLeader& to) {
    skein::v1::SessionConfigured& message = *to.mutable_configured();
    message.set_configuration(configured.configuration);
    put_jobs(configured.jobs, *message.mutable_jobs());
}

void put(const Released& released, skein::v1::NodeToLeader& to) {
    skein::v1::SessionReleased& message = *to.mutable_released();
    message.mutable_numbers()->Add(released.numbers.begin(), released.numbers.end());
}

// --- reading
// ---------------------------------------------------------------------------------------

Result<NodeMessage> take(const skein::v1::SessionHello& message) {
    Hello hello{.version = message.version(),
                .member = message.member(),
                .series_budget = message.series_budget(),
                .feature_level = message.feature_level(),
                .clock_ms = message.clock_ms(),
                .configuration = message.configuration(),
                .seen = take_order(message.seen())};
    TRY(hello.cluster_id, take_name(message.cluster_id(), "a cluster's id"));
    TRY(hello.node_id, take_name(message.node_id(), "a node's id"));
    TRY(hello.zone, take_name(message.zone(), "a zone"));
    TRY(hello.address, take_address(message.address()));
    TRY(hello.jobs, take_jobs(message.jobs()));
    if (hello.node_id.empty() || hello.member == 0 || hello.address.empty()) {
        return fail(Code::kCorrupt, "a node without id, member or address");
    }
    return NodeMessage(std::move(hello));
}

Totals take(const skein::v1::SessionTotals& message) {
    return {.active_series = message.active_series(),
            .ghost_series = message.ghost_series(),
            .other_series = message.other_series(),
            .memory_bytes = message.memory_bytes(),
            .memory_limit_bytes = message.memory_limit_bytes(),
            .late_ms = message.late_ms(),
            .flags = message.flags(),
            .clock_ms = message.clock_ms()};
}

Result<NodeMessage> take(const skein::v1::SessionReport& message) {
    Report report{.number = message.number(),
                  .seen = take_order(message.seen()),
                  .totals = take(message.totals())};
    const int loads = message.targets_size();
    if (message.series_size() != loads || message.up_size() != loads) {
        return fail(Code::kCorrupt, "columns of loads differ in length");
    }
    report.loads.reserve(static_cast<size_t>(loads));
    for (int i = 0; i < loads; ++i) {
        report.loads.push_back(
            {.id = message.targets(i), .series = message.series(i), .up = message.up(i)});
    }
    return NodeMessage(std::move(report));
}

Result<NodeMessage> take(const skein::v1::SessionProgress& message) {
    Progress progress;
    progress.targets.reserve(static_cast<size_t>(message.targets_size()));
    for (const skein::v1::SessionProgress::Target& target : message.targets()) {
        progress.targets.push_back({.id = target.id(),
                                    .since = target.since(),
                                    .good = target.good(),
                                    .failed = target.failed(),
                                    .last_ms = target.last_ms(),
                                    .series = target.series()});
    }
    return NodeMessage(std::move(progress));
}

Result<NodeMessage> take(const skein::v1::SessionHoldings& message) {
    const int count = message.targets_size();
    if (message.slots_size() != count || message.holdings_size() != count ||
        message.since_size() != count) {
        return fail(Code::kCorrupt, "columns of holdings differ in length");
    }
    Holdings holdings{.targets = {}, .last = !message.more()};
    holdings.targets.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
        Held held{.id = message.targets(i), .since = message.since(i)};
        TRY(held.slot, take_slot(message.slots(i)));
        TRY(held.holding, take_holding(message.holdings(i)));
        holdings.targets.push_back(held);
    }
    return NodeMessage(std::move(holdings));
}

Result<NodeMessage> take(const skein::v1::SessionConfigured& message) {
    Configured configured{.configuration = message.configuration(), .jobs = {}};
    TRY(configured.jobs, take_jobs(message.jobs()));
    return NodeMessage(std::move(configured));
}

NodeMessage take(const skein::v1::SessionReleased& message) {
    return Released{.numbers = {message.numbers().begin(), message.numbers().end()}};
}

}  // namespace

std::string encode(const NodeMessage& message) {
    skein::v1::NodeToLeader to;
    std::visit([&to](const auto& said) { put(said, to); }, message);
    return to.SerializeAsString();
}

Result<NodeMessage> decode_node_message(std::string_view bytes) {
    skein::v1::NodeToLeader from;
    TRY(parse(bytes, from));
    switch (from.message_case()) {
        case skein::v1::NodeToLeader::kHello:
            return take(from.hello());
        case skein::v1::NodeToLeader::kReport:
            return take(from.report());
        case skein::v1::NodeToLeader::kProgress:
            return take(from.progress());
        case skein::v1::NodeToLeader::kHoldings:
            return take(from.holdings());
        case skein::v1::NodeToLeader::kConfigured:
            return take(from.configured());
        case skein::v1::NodeToLeader::kReleased:
            return take(from.released());
        case skein::v1::NodeToLeader::MESSAGE_NOT_SET:
            break;
    }
    return fail(Code::kCorrupt, "a session's message of a kind that is not known");
}

}  // namespace shard
