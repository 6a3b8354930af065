#include "engine/rules_api.h"

#include <utility>

#include "model/api_answer.h"

namespace engine {

void register_rules_routes(base::http::Router& router,
                           std::function<std::shared_ptr<const config::Config>()> config) {
    base::http::RouteOptions options;
    options.cors = true;
    const auto add = [&](const char* path, const char* data) {
        router.add(
            {base::http::Method::kGet},
            path,
            [config, data](const base::http::Request&, const base::http::RequestContext&) {
                model::ApiNotes notes;
                if (!config()->rule_files.empty()) {
                    notes.warnings.emplace_back(
                        "the rules of rule_files are not evaluated by this version");
                }
                return model::api_success(data, notes);
            },
            options);
    };
    add("/api/v1/rules", R"({"groups":[]})");
    add("/api/v1/alerts", R"({"alerts":[]})");
    add("/api/v1/alertmanagers", R"({"activeAlertmanagers":[],"droppedAlertmanagers":[]})");
}

}  // namespace engine
