#include "scrape/http_api.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/duration.h"
#include "base/http/url.h"
#include "base/json.h"
#include "base/number.h"
#include "base/time_format.h"
#include "model/api_answer.h"
#include "scrape/known_metadata.h"

namespace scrape {
namespace {

using base::JsonWriter;
using base::http::Request;
using base::http::Response;

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

std::string_view health_name(Health health) {
    switch (health) {
        case Health::kUnknown:
            return "unknown";
        case Health::kUp:
            return "up";
        case Health::kDown:
            return "down";
    }
    return "";
}

Response bad_data(const std::string& message) {
    return model::api_error(base::Error(base::Code::kInvalid, message));
}

// {"status":"success","data":…}
template <class Write>
Response success(Write&& write) {
    std::string out;
    JsonWriter json(out);
    write(json);
    return model::api_success(out);
}

void write_labels(JsonWriter& json, const model::Labels& labels) {
    json.begin_object();
    for (const model::LabelView label : labels) {
        json.member(label.name, label.value);
    }
    json.end_object();
}

void write_metadata(JsonWriter& json, const model::Metadata& metadata) {
    json.member("type", model::metric_type_name(metadata.type));
    json.member("help", metadata.help);
    json.member("unit", metadata.unit);
}

// A limit parameter: absent is -1, none. False: not a number.
bool read_limit(const Request& request, std::string_view name, int64_t& limit) {
    limit = -1;
    const std::string_view text = request.query.get(name);
    return text.empty() || base::parse_integer(text, limit);
}

bool is_local(std::string_view host) {
    return host == "localhost" || host == "127.0.0.1" || host == "::1";
}

bool matches_all(const std::vector<model::Matcher>& matchers, const model::Labels& labels) {
    return std::all_of(matchers.begin(), matchers.end(), [&](const model::Matcher& matcher) {
        return matcher.matches(labels.get(matcher.name()));
    });
}

}  // namespace

std::string global_url(const std::string& text, const ApiOptions& options) {
    auto url = base::http::Url::parse(text);
    if (!url || options.external_host.empty() || !is_local(url.value().host)) {
        return text;
    }
    const auto external = base::http::parse_host_port(options.external_host, 80);
    if (!external) {
        return text;
    }
    base::http::Url global = url.value();
    const bool ourselves = std::to_string(global.effective_port()) == options.listen_port;
    global.host = external.value().host;
    if (ourselves) {
        global.scheme = options.external_scheme;
        global.port = external.value().port;
    }
    return global.to_string();
}

ApiOptions api_options(const std::string& external_url, const std::string& listen_address) {
    ApiOptions options;
    const auto external = base::http::Url::parse(external_url);
    if (external) {
        options.external_scheme = external.value().scheme;
        options.external_host = external.value().address();
    }
    options.listen_port = listen_address.substr(listen_address.rfind(':') + 1);
    return options;
}

void HttpApi::write_active(JsonWriter& json, const TargetView& view) const {
    json.begin_object();
    json.key("discoveredLabels");
    write_labels(json, view.target->discovered);
    json.key("labels");
    write_labels(json, view.target->labels);
    json.member("scrapePool", view.job);
    json.member("scrapeUrl", view.target->url);
    json.member("globalUrl", global_url(view.target->url, options_));
    json.member("lastError", view.status.last_error);
    json.member("lastScrape",
                view.status.last_scrape_ns == 0
                    ? std::string(kNever)
                    : base::format_rfc3339_ns(view.status.last_scrape_ns));
    json.key("lastScrapeDuration");
    json.number(view.status.last_duration_seconds);
    json.member("health", health_name(view.status.health));
    json.member("scrapeInterval", base::format_duration_ms(view.target->interval.count()));
    json.member("scrapeTimeout", base::format_duration_ms(view.target->timeout.count()));
    if (!options_.node.empty()) {
        json.member("node", options_.node);
    }
    json.end_object();
}

std::string HttpApi::active_targets(std::string_view pool) const {
    std::string out;
    JsonWriter json(out);
    json.begin_array();
    for (const TargetView& view : manager_.targets()) {
        if (pool.empty() || pool == view.job) {
            write_active(json, view);
        }
    }
    json.end_array();
    return out;
}

std::string HttpApi::pools() const {
    std::string out;
    JsonWriter json(out);
    json.begin_array();
    for (const std::string& job : manager_.jobs()) {
        json.string(job);
    }
    json.end_array();
    return out;
}

TargetsWanted targets_wanted(const Request& request) {
    std::string state(request.query.get("state"));
    std::transform(state.begin(), state.end(), state.begin(), [](unsigned char byte) {
        return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte - 'A' + 'a' : byte);
    });
    const bool any = state.empty() || state == "any";
    return {.active = any || state == "active",
            .dropped = any || state == "dropped",
            .pool = std::string(request.query.get("scrapePool"))};
}

Response HttpApi::targets(const Request& request) const {
    const TargetsWanted asked = targets_wanted(request);
    const bool dropped = asked.dropped;
    const auto wanted = [&](std::string_view job) {
        return asked.pool.empty() || asked.pool == job;
    };
    return success([&](JsonWriter& json) {
        json.begin_object();
        json.key("activeTargets");
        json.raw(asked.active ? active_targets(asked.pool) : "[]");
        json.key("droppedTargets");
        json.begin_array();
        const auto resolved = manager_.resolved();
        if (dropped) {
            for (const auto& [job, targets] : resolved) {
                for (const model::DroppedTarget& target : targets->dropped) {
                    if (wanted(job)) {
                        json.begin_object();
                        json.key("discoveredLabels");
                        write_labels(json, target.discovered);
                        json.member("scrapePool", job);
                        json.end_object();
                    }
                }
            }
        }
        json.end_array();
        json.key("droppedTargetCounts");
        if (dropped) {
            json.begin_object();
            for (const auto& [job, targets] : resolved) {
                json.key(job);
                json.natural(targets->dropped_count);
            }
            json.end_object();
        } else {
            json.null();
        }
        json.end_object();
    });
}

Response HttpApi::targets_metadata(const Request& request) const {
    int64_t limit = -1;
    if (!read_limit(request, "limit", limit)) {
        return bad_data("limit must be a number");
    }
    std::vector<model::Matcher> matchers;
    const std::string_view selector = request.query.get("match_target");
    if (!selector.empty()) {
        if (!parse_selector_) {
            return bad_data("match_target is not built in; leave it out");
        }
        auto parsed = parse_selector_(selector);
        if (!parsed) {
            return bad_data("invalid parameter \"match_target\": " + parsed.error().message());
        }
        matchers = std::move(parsed).value();
    }
    const std::string_view metric = request.query.get("metric");
    return success([&](JsonWriter& json) {
        json.begin_array();
        int64_t written = 0;
        for (const TargetMetadata& target : manager_.metadata()) {
            if (!matches_all(matchers, target.target->labels)) {
                continue;
            }
            for (const SharedMetadata& entry : target.metadata) {
                if (limit >= 0 && written >= limit) {
                    break;
                }
                if (!metric.empty() && entry->metric != metric) {
                    continue;
                }
                json.begin_object();
                json.key("target");
                write_labels(json, target.target->labels);
                if (metric.empty()) {
                    json.member("metric", entry->metric);
                }
                write_metadata(json, entry->metadata);
                json.end_object();
                ++written;
            }
        }
        json.end_array();
    });
}

Response HttpApi::metadata(const Request& request) const {
    int64_t limit = -1;
    int64_t per_metric = -1;
    if (!read_limit(request, "limit", limit)) {
        return bad_data("limit must be a number");
    }
    if (!read_limit(request, "limit_per_metric", per_metric)) {
        return bad_data("limit_per_metric must be a number");
    }
    const std::string_view only = request.query.get("metric");
    const MetadataByMetric all = known_metadata(manager_, only, per_metric);
    return success([&](JsonWriter& json) {
        json.begin_object();
        int64_t written = 0;
        for (const auto& [metric, list] : all) {
            if (limit >= 0 && written++ >= limit) {
                break;
            }
            json.key(metric);
            json.begin_array();
            for (const model::Metadata& entry : list) {
                json.begin_object();
                write_metadata(json, entry);
                json.end_object();
            }
            json.end_array();
        }
        json.end_object();
    });
}

Response HttpApi::scrape_pools(const Request& /*request*/) const {
    return success([&](JsonWriter& json) {
        json.begin_object();
        json.key("scrapePools");
        json.raw(pools());
        json.end_object();
    });
}

void register_routes(base::http::Router& router, const RouteParts& parts) {
    const auto api = std::make_shared<const HttpApi>(
        parts.manager, parts.parse_selector, api_options(parts.external_url, parts.listen_address));
    using Handle = Response (HttpApi::*)(const Request&) const;
    const auto add = [&](const char* path, Handle handle) {
        base::http::RouteOptions route;
        route.pool = parts.pool;
        route.cors = true;
        router.add(
            {base::http::Method::kGet},
            path,
            [api, handle](const Request& request, const base::http::RequestContext&) {
                return ((*api).*handle)(request);
            },
            route);
    };
    if (parts.lists_targets) {
        add("/api/v1/targets", &HttpApi::targets);
        add("/api/v1/scrape_pools", &HttpApi::scrape_pools);
    }
    add("/api/v1/targets/metadata", &HttpApi::targets_metadata);
    add("/api/v1/metadata", &HttpApi::metadata);
}

}  // namespace scrape
