#include "config/discovery_schema.h"

#include <algorithm>
#include <set>

namespace config {
namespace {

std::string text_of(MapReader& map, std::string_view key) {
    const Node* value = map.find(key);
    return value == nullptr ? std::string() : value->text;
}

bool has_http_client(MapReader& map) {
    static constexpr std::string_view kKeys[] = {"basic_auth",
                                                 "authorization",
                                                 "oauth2",
                                                 "tls_config",
                                                 "proxy_url",
                                                 "bearer_token",
                                                 "bearer_token_file",
                                                 "http_headers"};
    return std::any_of(std::begin(kKeys), std::end(kKeys), [&](std::string_view key) {
        return map.find(key) != nullptr;
    });
}

void require(MapReader& map, std::initializer_list<std::string_view> keys, std::string_view why) {
    for (const std::string_view key : keys) {
        if (text_of(map, key).empty()) {
            map.problem(std::string(key) + " is required " + std::string(why));
        }
    }
}

void exactly_one(MapReader& map, std::string_view first, std::string_view second) {
    const bool one = map.find(first) != nullptr;
    const bool other = map.find(second) != nullptr;
    if (one == other) {
        map.problem("exactly one of " + std::string(first) + " and " + std::string(second) +
                    " must be configured");
    }
}

void check_azure(MapReader& map) {
    const std::string method = text_of(map, "authentication_method");
    if (method.empty() || method == "OAuth") {
        require(
            map, {"tenant_id", "client_id", "client_secret"}, "with authentication_method OAuth");
    }
}

void check_url_host(MapReader& map, std::string_view key) {
    const std::string url = text_of(map, key);
    const size_t slashes = url.find("://");
    const bool http = url.starts_with("http://") || url.starts_with("https://");
    if (!http || url.size() == slashes + 3) {
        map.problem(
            map.at(key),
            std::string(key) + " must be an http or https URL with a host, not \"" + url + "\"");
    }
}

void check_eureka(MapReader& map) {
    check_url_host(map, "server");
}

void check_puppetdb(MapReader& map) {
    check_url_host(map, "url");
}

void check_uyuni(MapReader& map) {
    check_url_host(map, "server");
}

void check_marathon(MapReader& map) {
    if (const Node* servers = map.find("servers"); servers == nullptr || servers->items.empty()) {
        map.problem("marathon_sd: must contain at least one Marathon server");
    }
    const bool token = map.find("auth_token") != nullptr;
    const bool file = map.find("auth_token_file") != nullptr;
    if (token && file) {
        map.problem("at most one of auth_token and auth_token_file must be configured");
    }
    if ((token || file) && has_http_client(map) && map.find("tls_config") == nullptr) {
        map.problem(
            "at most one of basic_auth, auth_token, auth_token_file, bearer_token, authorization "
            "must be configured");
    }
}

void check_scaleway(MapReader& map) {
    exactly_one(map, "secret_key", "secret_key_file");
}

void check_outscale(MapReader& map) {
    exactly_one(map, "secret_key", "secret_key_file");
}

void check_stackit(MapReader& map) {
    if (text_of(map, "endpoint").starts_with("://")) {
        map.problem(map.at("endpoint"), "endpoint has no scheme");
    }
}

// What a role can select, as the API server's informers are set up.
std::set<std::string> selectable(const std::string& role) {
    if (role == "pod") {
        return {"pod", "node"};
    }
    if (role == "endpoints") {
        return {"pod", "service", "endpoints"};
    }
    if (role == "endpointslice") {
        return {"pod", "service", "endpointslice"};
    }
    return {role};
}

// "a=b", "a!=b", "a in (b,c)", "a": what label and field selectors look like.
bool is_selector(const std::string& text, bool field) {
    if (text.empty()) {
        return true;
    }
    return field ? text.find('=') != std::string::npos
                 : text.find_first_of("&|;{}") == std::string::npos;
}

void check_selectors(MapReader& map, const std::string& role) {
    const std::set<std::string> allowed = selectable(role);
    std::set<std::string> seen;
    map.each("selectors", [&](const Node& node) {
        MapReader selector(node, "kubernetes_sd_config.selectors", map.problems());
        std::string selected;
        std::string label;
        std::string field;
        selector.read("role", selected);
        selector.read("label", label);
        selector.read("field", field);
        if (!seen.insert(selected).second) {
            selector.problem("duplicated selector role: " + selected);
        }
        const bool any_pod_child = role == "pod" && (selected == "pod" || selected == "node");
        if (!any_pod_child && !allowed.contains(selected)) {
            selector.problem(role + " role supports only selectors of " +
                             (role == "pod" ? std::string("pod, node") : role) + ", not " +
                             selected);
        }
        if (!is_selector(label, false) || !is_selector(field, true)) {
            selector.problem("invalid selector: label \"" + label + "\", field \"" + field + "\"");
        }
    });
}

void check_kubernetes(MapReader& map) {
    const bool kubeconfig = map.find("kubeconfig_file") != nullptr;
    const bool api_server = map.find("api_server") != nullptr;
    const std::string role = text_of(map, "role");
    bool own_namespace = false;
    if (const Node* node = map.find("namespaces")) {
        MapReader namespaces(*node, "kubernetes_sd_config.namespaces", map.problems());
        std::vector<std::string> names;
        namespaces.read("own_namespace", own_namespace);
        namespaces.read("names", names);
    }
    if (const Node* node = map.find("attach_metadata")) {
        MapReader attach(*node, "kubernetes_sd_config.attach_metadata", map.problems());
        bool flag = false;
        for (const std::string_view key : {"node", "namespace", "deployment", "job", "cronjob"}) {
            attach.read(key, flag);
        }
    }
    if (kubeconfig && has_http_client(map)) {
        map.problem(
            "cannot use a custom HTTP client configuration together with 'kubeconfig_file'");
    }
    if (kubeconfig && api_server) {
        map.problem("cannot use 'kubeconfig_file' and 'api_server' simultaneously");
    }
    if (!api_server && !kubeconfig && has_http_client(map)) {
        map.problem(
            "to use custom HTTP client configuration please provide the 'api_server' URL "
            "explicitly");
    }
    if (own_namespace && (api_server || kubeconfig)) {
        map.problem("cannot use 'own_namespace' together with 'api_server' or 'kubeconfig_file'");
    }
    check_selectors(map, role);
}

constexpr DiscoverySchema kSchemas[] = {
    {"azure",
     "environment:text port:int subscription_id:text! tenant_id:text client_id:text "
     "client_secret:secret refresh_interval:duration "
     "authentication_method:text=OAuth|ManagedIdentity|SDK|WorkloadIdentity resource_group:text "
     "@http",
     check_azure},
    {"consul",
     "server:text path_prefix:text token:secret datacenter:text namespace:text partition:text "
     "tag_separator:text scheme:text username:text password:secret allow_stale:bool "
     "refresh_interval:duration services:texts tags:texts node_meta:map filter:text "
     "health_filter:text @http",
     nullptr},
    {"digitalocean",
     "refresh_interval:duration port:int role:text=droplets|databases @http",
     nullptr},
    {"docker",
     "host:text! port:int filters:filters host_networking_host:text match_first_network:bool "
     "refresh_interval:duration @http",
     nullptr},
    {"dockerswarm",
     "host:text! role:text!=services|tasks|nodes port:int filters:filters "
     "refresh_interval:duration @http",
     nullptr},
    {"ec2",
     "endpoint:text region:text access_key:text secret_key:secret profile:text role_arn:text "
     "external_id:text port:int filters:filters refresh_interval:duration @http",
     nullptr},
    {"aws",
     "role:text!=ec2|ecs|lightsail|msk|elasticache|rds endpoint:text region:text access_key:text "
     "secret_key:secret profile:text role_arn:text external_id:text port:int filters:filters "
     "clusters:texts request_concurrency:int refresh_interval:duration @http",
     nullptr},
    {"lightsail",
     "endpoint:text region:text access_key:text secret_key:secret profile:text role_arn:text "
     "external_id:text port:int refresh_interval:duration @http",
     nullptr},
    {"eureka", "server:text! refresh_interval:duration @http", check_eureka},
    {"gce",
     "project:text! zone:text! filter:text refresh_interval:duration port:int tag_separator:text",
     nullptr},
    {"hetzner",
     "role:text!=hcloud|robot port:int refresh_interval:duration label_selector:text @http",
     nullptr},
    {"ionos", "datacenter_id:text! port:int refresh_interval:duration @http", nullptr},
    {"kubernetes",
     "role:text!=node|pod|service|endpoints|endpointslice|ingress api_server:url "
     "kubeconfig_file:text namespaces:any selectors:any attach_metadata:any @http",
     check_kubernetes},
    {"kuma",
     "server:url! client_id:text refresh_interval:duration fetch_timeout:duration @http",
     nullptr},
    {"linode", "port:int tag_separator:text region:text refresh_interval:duration @http", nullptr},
    {"marathon",
     "servers:texts! refresh_interval:duration auth_token:secret auth_token_file:text @http",
     check_marathon},
    {"nerve", "servers:texts! paths:texts! timeout:duration", nullptr},
    {"serverset", "servers:texts! paths:texts! timeout:duration", nullptr},
    {"nomad",
     "server:text! allow_stale:bool namespace:text region:text tag_separator:text "
     "refresh_interval:duration @http",
     nullptr},
    {"oci",
     "region:text tenancy:text user:text fingerprint:text key_file:text key_passphrase:secret "
     "compartments:texts port:int refresh_interval:duration "
     "auth:text=api_key|instance_principal|workload_identity|resource_principal tag_separator:text "
     "@http",
     nullptr},
    {"openstack",
     "identity_endpoint:text username:text userid:text password:secret project_name:text "
     "project_id:text domain_name:text domain_id:text application_credential_name:text "
     "application_credential_id:text application_credential_secret:secret "
     "role:text!=hypervisor|instance|loadbalancer region:text! refresh_interval:duration port:int "
     "all_tenants:bool tls_config:tls availability:text=public|admin|internal",
     nullptr},
    {"outscale",
     "region:text! access_key:text! secret_key:secret secret_key_file:text endpoint:text port:int "
     "refresh_interval:duration @http",
     check_outscale},
    {"ovhcloud",
     "endpoint:text application_key:text! application_secret:secret! consumer_key:secret! "
     "refresh_interval:duration service:text!=vps|dedicated_server",
     nullptr},
    {"puppetdb",
     "url:url! query:text! include_parameters:bool refresh_interval:duration port:int @http",
     check_puppetdb},
    {"scaleway",
     "project_id:text! role:text!=instance|baremetal api_url:text zone:text access_key:text! "
     "secret_key:secret secret_key_file:text name_filter:text tags_filter:texts "
     "refresh_interval:duration port:int @http",
     check_scaleway},
    {"stackit",
     "project:text! region:text endpoint:text service_account_key:secret "
     "service_account_key_path:text private_key:secret private_key_path:text "
     "credentials_file_path:text port:int refresh_interval:duration @http",
     check_stackit},
    {"triton",
     "account:text! role:text=container|cn dns_suffix:text! endpoint:text! groups:texts port:int "
     "refresh_interval:duration version:int tls_config:tls",
     nullptr},
    {"uyuni",
     "server:url! username:text! password:secret! entitlement:text separator:text "
     "refresh_interval:duration @http",
     check_uyuni},
    {"vultr", "port:int refresh_interval:duration @http", nullptr},
};

// One word of a schema.
struct Key {
    std::string_view name, type, words;
    bool required = false;
};

Key parse_key(std::string_view word) {
    Key key;
    const size_t colon = word.find(':');
    key.name = word.substr(0, colon);
    key.type = word.substr(colon + 1);
    if (const size_t equals = key.type.find('='); equals != std::string_view::npos) {
        key.words = key.type.substr(equals + 1);
        key.type = key.type.substr(0, equals);
    }
    if (key.type.ends_with('!')) {
        key.required = true;
        key.type.remove_suffix(1);
    }
    return key;
}

void read_filters(MapReader& map, std::string_view key) {
    map.each(key, [&](const Node& node) {
        MapReader filter(node, std::string(key), map.problems());
        std::string name;
        std::vector<std::string> values;
        filter.read("name", name);
        filter.read("values", values);
        if (values.empty()) {
            filter.problem("filter \"" + name + "\" has no values");
        }
    });
}

bool is_one_of(std::string_view words, std::string_view value) {
    while (!words.empty()) {
        const size_t bar = words.find('|');
        if (words.substr(0, bar) == value) {
            return true;
        }
        words = bar == std::string_view::npos ? std::string_view() : words.substr(bar + 1);
    }
    return false;
}

void read_key(MapReader& map, const Key& key, Scope& scope) {
    std::string text;
    if (key.type == "text") {
        map.read(key.name, text);
    } else if (key.type == "url") {
        map.read_url(key.name, text);
    } else if (key.type == "secret") {
        base::Secret secret;
        map.read(key.name, secret);
    } else if (key.type == "int") {
        int64_t number = 0;
        map.read_int(key.name, number);
    } else if (key.type == "bool") {
        bool flag = false;
        map.read(key.name, flag);
    } else if (key.type == "duration") {
        Milliseconds duration{0};
        map.read(key.name, duration);
    } else if (key.type == "texts") {
        std::vector<std::string> texts;
        map.read(key.name, texts);
    } else if (key.type == "map") {
        std::map<std::string, std::string> entries;
        map.read(key.name, entries);
    } else if (key.type == "filters") {
        read_filters(map, key.name);
    } else if (key.type == "tls") {
        if (const Node* node = map.find(key.name)) {
            base::http::TlsClientOptions tls;
            read_tls(*node, scope, tls);
        }
    } else {
        map.find(key.name);
    }
    const Node* value = map.find(key.name);
    if (key.required &&
        (value == nullptr || (value->kind == Node::Kind::kScalar && value->text.empty()))) {
        map.problem(map.what() + " requires " + std::string(key.name));
    }
    if (value != nullptr && !key.words.empty() && !is_one_of(key.words, value->text)) {
        map.problem(*value,
                    "unknown " + std::string(key.name) + " \"" + value->text +
                        "\", known are: " + std::string(key.words));
    }
}

}  // namespace

std::span<const DiscoverySchema> unbuilt_discoveries() {
    return kSchemas;
}

void check_discovery(const DiscoverySchema& schema, const Node& node, Scope& scope) {
    MapReader map(node, std::string(schema.mechanism) + "_sd_config", scope.problems);
    for (std::string_view rest = schema.keys; !rest.empty();) {
        const size_t space = rest.find(' ');
        const std::string_view word = rest.substr(0, space);
        rest = space == std::string_view::npos ? std::string_view() : rest.substr(space + 1);
        if (word == "@http") {
            base::http::ClientOptions client;
            read_http_client(map, scope, client);
        } else {
            read_key(map, parse_key(word), scope);
        }
    }
    if (schema.check != nullptr) {
        schema.check(map);
    }
}

}  // namespace config
