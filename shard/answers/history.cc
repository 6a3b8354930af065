#include "shard/answers/history.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/time_format.h"
#include "shard/answers/parameters.h"
#include "shard/answers/targets.h"

namespace shard {

namespace {

constexpr int64_t kMsPerSecond = 1'000;
constexpr double kSecondsMax = 1e12;

void write_node(base::JsonWriter& json,
                std::string_view key,
                const Table& table,
                NodeNumber number) {
    json.key(key);
    const NodeRecord* const record = table.node(number);
    if (number == kNoNode) {
        json.null();
    } else {
        json.string(record == nullptr ? std::to_string(number) : record->id);
    }
}

void write_event(base::JsonWriter& json, const ClusterView& view, const LeaderEvent& event) {
    json.begin_object();
    json.key("number");
    json.natural(event.number);
    json.member("time", base::format_rfc3339_ms(event.time_ms));
    json.member("kind", name(event.kind));
    write_node(json, "node", *view.table, event.node);
    write_node(json, "other", *view.table, event.other);
    json.key("target");
    if (event.target == 0) {
        json.null();
    } else {
        std::string target;
        write_target_name(
            target, event.target, view.descriptor ? view.descriptor(event.target) : nullptr);
        json.raw(target);
    }
    json.member("text", event.text);
    json.end_object();
}

base::Result<int64_t> read_since(const Parameters& parameters) {
    TRY(const double seconds, factor_of(parameters, "since", 0));
    if (!std::isfinite(seconds) || std::abs(seconds) > kSecondsMax) {
        return base::fail(base::Code::kInvalid, "since is in seconds since 1970");
    }
    return static_cast<int64_t>(seconds * kMsPerSecond);
}

base::Status check_kind(std::string_view kind) {
    std::string known;
    for (size_t i = 0; i < kEventKinds; ++i) {
        const std::string_view one = name(static_cast<EventKind>(i));
        if (kind.empty() || kind == one) {
            return base::success();
        }
        known += (known.empty() ? "" : ", ") + std::string(one);
    }
    return base::fail(
        base::Code::kInvalid,
        "there is no kind of event \"" + std::string(kind) + "\"; there are: " + known);
}

}  // namespace

base::Result<Finish> history_reply(const ClusterView& view, const Parameters& parameters) {
    TRY(check_names(parameters, {"limit", "since", "kind", "node"}));
    TRY(uint64_t limit, number_of(parameters, "limit", kHistoryLimit));
    limit = std::min(limit, kHistoryLimitMax);
    TRY(const int64_t since, read_since(parameters));
    const std::string_view kind = text_of(parameters, "kind");
    TRY(check_kind(kind));
    const std::string_view id = text_of(parameters, "node");
    if (view.leader == nullptr) {
        return base::fail(base::Code::kUnavailable,
                          "the history is the leader's, and no leader answers; ask again in a few "
                          "seconds");
    }
    const NodeRecord* const node = id.empty() ? nullptr : view.table->node(id);
    if (!id.empty() && node == nullptr) {
        return base::fail(base::Code::kNotFound, "there is no node \"" + std::string(id) + "\"");
    }
    Reply reply;
    base::JsonWriter json(reply.json);
    json.begin_array();
    const auto& events = view.leader->events();
    uint64_t written = 0;
    for (auto event = events.rbegin(); event != events.rend() && written < limit; ++event) {
        if (event->time_ms <= since) {
            break;
        }
        const bool named =
            node == nullptr || event->node == node->number || event->other == node->number;
        if (named && (kind.empty() || kind == name(event->kind))) {
            write_event(json, view, *event);
            ++written;
        }
    }
    json.end_array();
    return Finish([reply = std::move(reply)]() -> base::Result<Reply> { return reply; });
}

}  // namespace shard
