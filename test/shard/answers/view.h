// A cluster in memory as its leader sees it, and as a node does that hears of no leader.
#pragma once

#include "base/json_read.h"
#include "shard/answers/view.h"
#include "test/shard/leader/cluster.h"

namespace test {

inline shard::ClusterView view_of(Cluster& cluster, bool leads = true) {
    shard::ClusterView view{.cluster_id = "cluster",
                            .self_id = "n1",
                            .leader_id = leads ? "n1" : "",
                            .term = cluster.its_term,
                            .epoch = cluster.table.epoch(),
                            .table = &cluster.table,
                            .leader = leads ? cluster.leader_part.get() : nullptr,
                            .voters = {1, 2},
                            .learners = {3}};
    view.descriptor = [&cluster](model::TargetId id) { return cluster.descriptor(id); };
    return view;
}

inline base::JsonValue read_json(const std::string& text) {
    auto value = base::parse_json(text);
    return value ? std::move(value).value() : base::JsonValue();
}

inline std::string text_at(const base::JsonValue& object, const char* name) {
    const base::JsonValue* const found = object.find(name);
    return found == nullptr || found->string() == nullptr ? "(no text)" : *found->string();
}

inline double number_at(const base::JsonValue& object, const char* name) {
    const base::JsonValue* const found = object.find(name);
    double number = -1;
    return found != nullptr && found->number(number) ? number : -1;
}

inline base::JsonValue::Array array_at(const base::JsonValue& object, const char* name) {
    const base::JsonValue* const found = object.find(name);
    return found == nullptr || found->array() == nullptr ? base::JsonValue::Array()
                                                         : *found->array();
}

}  // namespace test
