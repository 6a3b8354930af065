#include "engine/stores_api.h"

#include <map>
#include <string>
#include <utility>

#include "base/http/router.h"
#include "base/json.h"
#include "base/time_format.h"
#include "model/api_answer.h"

namespace engine {
namespace {

// {name: value, …} of labels.
void write_labels(base::JsonWriter& json, const model::Labels& labels) {
    json.begin_object();
    for (const model::LabelView label : labels) {
        json.member(label.name, label.value);
    }
    json.end_object();
}

void write_endpoint(base::JsonWriter& json, const storeapi::Endpoint& endpoint) {
    json.begin_object();
    json.member("name", endpoint.address);
    json.member("lastCheck", base::format_rfc3339_ms(endpoint.last_check_ms));
    json.key("lastError");
    if (endpoint.last_error.empty()) {
        json.null();
    } else {
        json.string(endpoint.last_error);
    }
    json.key("labelSets");
    json.begin_array();
    for (const model::Labels& labels : endpoint.facts.label_sets) {
        write_labels(json, labels);
    }
    json.end_array();
    json.key("minTime");
    json.integer(endpoint.facts.min_t);
    json.key("maxTime");
    json.integer(endpoint.facts.max_t);
    json.end_object();
}

// What it calls itself; one that never answered goes by what it was configured as.
std::string component_of(const storeapi::Endpoint& endpoint) {
    return endpoint.facts.component.empty() ? std::string(storeapi::kind_name(endpoint.kind))
                                            : endpoint.facts.component;
}

std::string stores_json(const storeapi::EndpointSnapshot& endpoints) {
    std::map<std::string, storeapi::EndpointSnapshot> by_component;
    for (const auto& endpoint : endpoints) {
        by_component[component_of(*endpoint)].push_back(endpoint);
    }
    std::string out;
    base::JsonWriter json(out);
    json.begin_object();
    for (const auto& [component, some] : by_component) {
        json.key(component);
        json.begin_array();
        for (const auto& endpoint : some) {
            write_endpoint(json, *endpoint);
        }
        json.end_array();
    }
    json.end_object();
    return out;
}

}  // namespace

void add_stores_page(base::http::Router& router,
                     std::function<storeapi::EndpointSnapshot()> endpoints) {
    base::http::RouteOptions options;
    options.cors = true;
    router.add(
        {base::http::Method::kGet},
        "/api/v1/stores",
        [endpoints = std::move(endpoints)](const base::http::Request&,
                                           const base::http::RequestContext&) {
            return model::api_success(stores_json(endpoints()));
        },
        options);
}

}  // namespace engine
