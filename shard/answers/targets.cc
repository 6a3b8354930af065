#include "shard/answers/targets.h"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "base/json.h"
#include "shard/answers/parameters.h"
#include "shard/target_text.h"

namespace shard {

namespace {

// What is taken from the view; the rest is asked of `descriptor` afterwards.
struct Row {
    model::TargetId id = 0;
    std::string job;
    std::vector<std::string> owners;  // empty text: nobody
    std::string moving_to;
    std::vector<std::string> standing_in;
    std::optional<uint64_t> series;
    bool measured = false;
    std::optional<bool> up;
    std::shared_ptr<const TargetDescriptor> descriptor;
};

struct Filter {
    std::string job, node, state, search;
    std::optional<model::TargetId> id;
    uint64_t limit = kTargetsLimit;
};

constexpr std::string_view kStates[] = {"up", "down", "unknown", "moving", "orphan", "standing_in"};

std::string_view health_of(const Row& row) {
    return !row.up ? "unknown" : *row.up ? "up" : "down";
}

base::Result<Filter> read_filter(const Parameters& parameters) {
    TRY(check_names(parameters, {"job", "node", "state", "search", "id", "limit"}));
    Filter filter{.job = std::string(text_of(parameters, "job")),
                  .node = std::string(text_of(parameters, "node")),
                  .state = std::string(text_of(parameters, "state")),
                  .search = std::string(text_of(parameters, "search"))};
    if (!filter.state.empty() && std::ranges::find(kStates, filter.state) == std::end(kStates)) {
        return base::fail(base::Code::kInvalid,
                          "state is up, down, unknown, moving, orphan or standing_in, not \"" +
                              filter.state + "\"");
    }
    if (const std::string_view id = text_of(parameters, "id"); !id.empty()) {
        filter.id = parse_target(id);
        if (!filter.id) {
            return base::fail(
                base::Code::kInvalid,
                "id is a target's 16 hexadecimal digits, not \"" + std::string(id) + "\"");
        }
    }
    TRY(filter.limit, number_of(parameters, "limit", kTargetsLimit));
    filter.limit = std::clamp<uint64_t>(filter.limit, 1, kTargetsLimitMax);
    return filter;
}

bool passes(const Filter& filter, const Row& row) {
    if (!filter.node.empty() && std::ranges::find(row.owners, filter.node) == row.owners.end() &&
        std::ranges::find(row.standing_in, filter.node) == row.standing_in.end() &&
        row.moving_to != filter.node) {
        return false;
    }
    if (filter.state.empty()) {
        return true;
    }
    if (filter.state == "moving") {
        return !row.moving_to.empty();
    }
    if (filter.state == "orphan") {
        return std::ranges::find(row.owners, "") != row.owners.end();
    }
    if (filter.state == "standing_in") {
        return !row.standing_in.empty();
    }
    return health_of(row) == filter.state;
}

bool found_in(const Row& row, const std::string& search) {
    if (search.empty() || row.job.find(search) != std::string::npos) {
        return true;
    }
    if (row.descriptor == nullptr) {
        return target_text(row.id).find(search) != std::string::npos;
    }
    if (row.descriptor->url.find(search) != std::string::npos) {
        return true;
    }
    return std::ranges::any_of(row.descriptor->labels, [&](const model::LabelView label) {
        return label.value.find(search) != std::string_view::npos;
    });
}

std::string node_id(const Table& table, NodeNumber number) {
    const NodeRecord* const record = table.node(number);
    return record == nullptr ? std::string() : record->id;
}

Row row_of(const ClusterView& view, const TargetView& target) {
    const Table& table = *view.table;
    Row row{.id = target.id, .job = table.jobs()[target.job]};
    for (const Owner& owner : target.owners) {
        row.owners.push_back(node_id(table, owner.node));
    }
    if (target.move != nullptr) {
        row.moving_to = node_id(table, target.move->to);
    }
    if (view.leader == nullptr) {
        if (target.weight != 0) {
            row.series = class_series(target.weight);
        }
        return row;
    }
    const TargetStatus status = view.leader->target(target.id);
    row.series = status.series;
    row.measured = status.measured;
    row.up = status.up;
    for (const Holder& holder : status.holders) {
        if (holder.holding == Holding::kStandIn) {
            row.standing_in.push_back(node_id(table, holder.node));
        }
    }
    return row;
}

// A worker that hears of no leader knows its own targets.
std::vector<Row> own_rows(const ClusterView& view, const Filter& filter) {
    std::vector<Row> rows;
    if (view.holds == nullptr) {
        return rows;
    }
    for (const auto& [id, held] : *view.holds) {
        Row row{.id = id, .job = held.descriptor->job, .descriptor = held.descriptor};
        (held.holding == Holding::kStandIn ? row.standing_in : row.owners).push_back(view.self_id);
        if (passes(filter, row) && (!filter.id || *filter.id == id) &&
            (filter.job.empty() || filter.job == row.job)) {
            rows.push_back(std::move(row));
        }
    }
    return rows;
}

base::Result<std::vector<Row>> table_rows(const ClusterView& view, const Filter& filter) {
    const Table& table = *view.table;
    if (!filter.node.empty() && table.node(filter.node) == nullptr) {
        std::string known;
        for (const NodeRecord& record : table.nodes()) {
            known += (known.empty() ? "" : ", ") + record.id;
        }
        return base::fail(base::Code::kNotFound,
                          "there is no node \"" + filter.node + "\"; there are: " + known);
    }
    std::vector<Row> rows;
    const auto take = [&](const TargetView& target) {
        if (!filter.job.empty() && table.jobs()[target.job] != filter.job) {
            return;
        }
        if (Row row = row_of(view, target); passes(filter, row)) {
            rows.push_back(std::move(row));
        }
    };
    if (filter.id) {
        if (const auto target = table.target(*filter.id)) {
            take(*target);
        }
    } else {
        table.for_each_target(take);
    }
    return rows;
}

void write_row(base::JsonWriter& json, const Row& row) {
    json.begin_object();
    json.member("id", target_text(row.id));
    json.member("job", row.job);
    const TargetDescriptor* const known = row.descriptor.get();
    json.member("instance", known == nullptr ? "" : known->labels.get("instance"));
    json.key("labels");
    json.begin_object();
    if (known != nullptr) {
        for (const model::LabelView label : known->labels) {
            json.member(label.name, label.value);
        }
    }
    json.end_object();
    json.member("url", known == nullptr ? "" : known->url);
    json.key("owners");
    json.begin_array();
    for (const std::string& owner : row.owners) {
        owner.empty() ? json.null() : json.string(owner);
    }
    json.end_array();
    json.key("standing_in");
    json.begin_array();
    for (const std::string& node : row.standing_in) {
        json.string(node);
    }
    json.end_array();
    json.key("series");
    row.series ? json.natural(*row.series) : json.null();
    json.key("measured");
    json.boolean(row.measured);
    json.member("health", health_of(row));
    json.key("moving_to");
    row.moving_to.empty() ? json.null() : json.string(row.moving_to);
    json.end_object();
}

// Those that are found, by job and instance; at most one more than the limit is looked for.
Reply finish(
    std::vector<Row> rows,
    const Filter& filter,
    const std::function<std::shared_ptr<const TargetDescriptor>(model::TargetId)>& describe,
    std::vector<std::string> warnings) {
    std::vector<Row> chosen;
    for (Row& row : rows) {
        if (row.descriptor == nullptr && describe) {
            row.descriptor = describe(row.id);
        }
        if (found_in(row, filter.search)) {
            chosen.push_back(std::move(row));
        }
        if (chosen.size() > filter.limit) {
            chosen.pop_back();
            warnings.push_back("there are more than " + std::to_string(filter.limit) +
                               " such targets; narrow it down by job, node, state or search, or "
                               "raise limit (at most " +
                               std::to_string(kTargetsLimitMax) + ")");
            break;
        }
    }
    std::ranges::sort(chosen, [](const Row& left, const Row& right) {
        const auto key = [](const Row& row) {
            return std::tuple(std::string_view(row.job),
                              row.descriptor == nullptr ? std::string_view()
                                                        : row.descriptor->labels.get("instance"),
                              row.id);
        };
        return key(left) < key(right);
    });
    Reply reply{.json = {}, .warnings = std::move(warnings)};
    base::JsonWriter json(reply.json);
    json.begin_array();
    for (const Row& row : chosen) {
        write_row(json, row);
    }
    json.end_array();
    return reply;
}

}  // namespace

base::Result<Finish> targets_reply(const ClusterView& view, const Parameters& parameters) {
    TRY(const Filter filter, read_filter(parameters));
    std::vector<std::string> warnings;
    std::vector<Row> rows;
    if (view.table == nullptr || view.table->nodes().empty()) {
        rows = own_rows(view, filter);
        warnings.push_back("no leader answers: these are the targets of node " + view.self_id +
                           " alone");
    } else {
        TRY(rows, table_rows(view, filter));
        if (view.leader == nullptr) {
            warnings.push_back("no leader answers: this is what node " + view.self_id +
                               " last knew");
        }
    }
    return Finish([rows = std::move(rows),
                   filter,
                   describe = view.descriptor,
                   warnings = std::move(warnings)]() mutable -> base::Result<Reply> {
        return finish(std::move(rows), filter, describe, std::move(warnings));
    });
}

void write_target_name(std::string& out,
                       model::TargetId id,
                       const std::shared_ptr<const TargetDescriptor>& descriptor) {
    base::JsonWriter json(out);
    json.begin_object();
    json.member("id", target_text(id));
    if (descriptor != nullptr) {
        json.member("job", descriptor->job);
        json.member("instance", descriptor->labels.get("instance"));
    }
    json.end_object();
}

}  // namespace shard
