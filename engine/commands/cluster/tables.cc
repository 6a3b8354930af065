#include "engine/commands/cluster/tables.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace engine {

using base::JsonValue;

namespace {

using Rows = std::vector<std::vector<std::string>>;

// Letters, not bytes: names may be of any language.
size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::ranges::count_if(
        text, [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; }));
}

std::string number_text(const JsonValue& object, std::string_view name) {
    const JsonValue* const found = object.find(name);
    double number = 0;
    if (found == nullptr || !found->number(number)) {
        return "-";
    }
    char text[64];
    std::snprintf(text, sizeof text, std::floor(number) == number ? "%.0f" : "%.3f", number);
    return text;
}

std::string share_text(const JsonValue& object, std::string_view name) {
    const JsonValue* const found = object.find(name);
    double number = 0;
    if (found == nullptr || !found->number(number)) {
        return "-";
    }
    char text[64];
    std::snprintf(text, sizeof text, "%.1f %%", number * 100);
    return text;
}

std::string memory_text(const JsonValue& node) {
    const JsonValue* const found = node.find("memory_bytes");
    double bytes = 0;
    if (found == nullptr || !found->number(bytes)) {
        return "-";
    }
    constexpr double kMiB = 1024.0 * 1024.0;
    char text[64];
    std::snprintf(text, sizeof text, "%.0f MiB", bytes / kMiB);
    return text;
}

std::string flag_text(const JsonValue& object, std::string_view name) {
    const JsonValue* const found = object.find(name);
    return found == nullptr || found->boolean() == nullptr ? "-" : *found->boolean() ? "yes" : "no";
}

std::string or_dash(std::string text) {
    return text.empty() ? "-" : text;
}

std::string joined(const JsonValue* array) {
    std::string out;
    for (const JsonValue& item : items_of(array)) {
        out += (out.empty() ? "" : ",") + (item.string() == nullptr ? "nobody" : *item.string());
    }
    return or_dash(std::move(out));
}

std::string nodes_text(const JsonValue::Array& nodes) {
    Rows rows;
    std::string problems;
    for (const JsonValue& node : nodes) {
        rows.push_back({text_of(node, "id"),
                        text_of(node, "state"),
                        text_of(node, "role"),
                        or_dash(text_of(node, "zone")),
                        number_text(node, "targets"),
                        number_text(node, "active_series"),
                        number_text(node, "series_budget"),
                        share_text(node, "share"),
                        memory_text(node),
                        text_of(node, "address")});
        if (const std::string problem = text_of(node, "problem"); !problem.empty()) {
            problems += "node " + text_of(node, "id") + ": " + problem + "\n";
        }
    }
    return table_text({"NODE",
                       "STATE",
                       "ROLE",
                       "ZONE",
                       "#TARGETS",
                       "#SERIES",
                       "#BUDGET",
                       "#LOAD",
                       "#MEMORY",
                       "ADDRESS"},
                      rows) +
           problems;
}

std::string status_text(const JsonValue& status) {
    const Rows facts{
        {"cluster", or_dash(text_of(status, "cluster_id"))},
        {"leader", or_dash(text_of(status, "leader"))},
        {"term, epoch", number_text(status, "term") + ", " + number_text(status, "epoch")},
        {"paused", flag_text(status, "paused")},
        {"targets", number_text(status, "targets")},
        {"without an owner", number_text(status, "unplaced")},
        {"moves in flight", number_text(status, "moves_in_flight")},
        {"needed nodes", number_text(status, "needed_nodes")},
        {"fullest / mean", number_text(status, "imbalance")},
        {"over budget", joined(status.find("over_budget"))},
    };
    return table_text({}, facts) + "\n" + nodes_text(items_of(status.find("nodes")));
}

std::string targets_text(const JsonValue& targets) {
    Rows rows;
    for (const JsonValue& target : items_of(&targets)) {
        std::string owners = joined(target.find("owners"));
        if (const std::string to = text_of(target, "moving_to"); !to.empty()) {
            owners += " > " + to;
        }
        rows.push_back({text_of(target, "id"),
                        text_of(target, "job"),
                        or_dash(text_of(target, "instance")),
                        owners,
                        joined(target.find("standing_in")),
                        number_text(target, "series"),
                        text_of(target, "health")});
    }
    return table_text({"TARGET", "JOB", "INSTANCE", "OWNER", "STANDING IN", "#SERIES", "HEALTH"},
                      rows);
}

std::string moves_text(const JsonValue& plan) {
    Rows rows;
    for (const JsonValue& move : items_of(plan.find("moves"))) {
        const JsonValue* const target = move.find("target");
        const std::string job = target == nullptr ? "" : text_of(*target, "job");
        rows.push_back({target == nullptr ? "" : text_of(*target, "id"),
                        or_dash(job.empty() ? "" : job + " " + text_of(*target, "instance")),
                        or_dash(text_of(move, "from")),
                        text_of(move, "to"),
                        number_text(move, "series"),
                        share_text(move, "from_before") + " > " + share_text(move, "from_after"),
                        share_text(move, "to_before") + " > " + share_text(move, "to_after"),
                        text_of(move, "why")});
    }
    return rows.empty()
               ? ""
               : table_text(
                     {"TARGET", "NAME", "FROM", "TO", "#SERIES", "#LOAD FROM", "#LOAD TO", "WHY"},
                     rows);
}

std::string plan_text(const JsonValue& plan) {
    const Rows facts{
        {"moves", number_text(plan, "moves_total")},
        {"held back", number_text(plan, "held_back")},
        {"needed nodes", number_text(plan, "needed_nodes")},
        {"fullest / mean",
         number_text(plan, "imbalance_before") + " > " + number_text(plan, "imbalance_after")},
        {"over budget", joined(plan.find("over_budget"))}};
    const std::string moves = moves_text(plan);
    return table_text({}, facts) + (moves.empty() ? "" : "\n" + moves);
}

std::string simulate_text(const JsonValue& trial) {
    Rows rows;
    for (const JsonValue& node : items_of(trial.find("nodes"))) {
        rows.push_back({text_of(node, "id"),
                        number_text(node, "targets_before"),
                        number_text(node, "targets_after"),
                        number_text(node, "series_before"),
                        number_text(node, "series_after"),
                        number_text(node, "series_budget"),
                        share_text(node, "share_before"),
                        share_text(node, "share_after")});
    }
    const Rows facts{
        {"moves", number_text(trial, "moves_total")},
        {"needed nodes", number_text(trial, "needed_nodes")},
        {"without an owner", number_text(trial, "unplaced")},
        {"fullest / mean",
         number_text(trial, "imbalance_before") + " > " + number_text(trial, "imbalance_after")},
        {"over budget", joined(trial.find("over_budget"))}};
    return table_text({}, facts) + "\n" +
           table_text(
               {"NODE", "#TARGETS", "#AFTER", "#SERIES", "#AFTER", "#BUDGET", "#LOAD", "#AFTER"},
               rows);
}

std::string history_text(const JsonValue& events) {
    Rows rows;
    for (const JsonValue& event : items_of(&events)) {
        rows.push_back({text_of(event, "time"), text_of(event, "kind"), text_of(event, "text")});
    }
    return table_text({"TIME", "KIND", "WHAT"}, rows);
}

}  // namespace

std::string text_of(const JsonValue& object, std::string_view name) {
    const JsonValue* const found = object.find(name);
    return found == nullptr || found->string() == nullptr ? std::string() : *found->string();
}

const JsonValue::Array& items_of(const JsonValue* array) {
    static const JsonValue::Array none;
    return array == nullptr || array->array() == nullptr ? none : *array->array();
}

std::string table_text(const std::vector<std::string>& names, const Rows& rows) {
    std::vector<size_t> widths;
    const auto fit = [&widths](const std::vector<std::string>& cells, bool header) {
        widths.resize(std::max(widths.size(), cells.size()));
        for (size_t i = 0; i < cells.size(); ++i) {
            const size_t mark = header && cells[i].starts_with('#') ? 1 : 0;
            widths[i] = std::max(widths[i], width_of(cells[i]) - mark);
        }
    };
    fit(names, true);
    for (const auto& row : rows) {
        fit(row, false);
    }
    std::string out;
    const auto write = [&](const std::vector<std::string>& cells, bool header) {
        std::string line;
        for (size_t i = 0; i < cells.size(); ++i) {
            const bool right = i < names.size() && names[i].starts_with('#');
            const std::string_view text =
                header && right ? std::string_view(cells[i]).substr(1) : cells[i];
            const std::string space(widths[i] - std::min(widths[i], width_of(text)), ' ');
            line += i == 0 ? "" : "  ";
            line += right ? space : "";
            line += text;
            line += right ? "" : space;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        out += line + "\n";
    };
    if (!names.empty()) {
        write(names, true);
    }
    for (const auto& row : rows) {
        write(row, false);
    }
    return out;
}

std::string cluster_text(std::string_view path, const JsonValue& data) {
    if (path == "status") {
        return status_text(data);
    }
    if (path == "nodes") {
        return nodes_text(items_of(&data));
    }
    if (path == "targets") {
        return targets_text(data);
    }
    if (path == "plan") {
        return plan_text(data);
    }
    if (path == "simulate") {
        return simulate_text(data);
    }
    if (path == "history") {
        return history_text(data);
    }
    return text_of(data, "done") + "\n";
}

}  // namespace engine
