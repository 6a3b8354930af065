#include "query/http_scope.h"

#include <algorithm>
#include <array>
#include <optional>

#include "model/labels.h"
#include "model/quote.h"
#include "query/http_params.h"

namespace query {
namespace {

using base::Code;
using base::Result;
using base::http::Params;

constexpr std::string_view kAddress = "__address__";
constexpr int64_t kStepsPerAuto = 5;

std::string quoted(std::string_view text) {
    std::string out;
    model::append_quoted(out, text);
    return out;
}

base::Error invalid(std::string_view name, std::string text) {
    return invalid_param(name, base::Error(Code::kInvalid, std::move(text)));
}

Result<std::vector<std::string>> replica_labels(const Params& params) {
    constexpr std::string_view kName = "replicaLabels[]";
    std::vector<std::string> labels;
    for (const std::string_view label : params.get_all(kName)) {
        if (label.empty()) {
            continue;
        }
        if (!model::is_valid_label_name(label, model::NameScheme::kUtf8)) {
            return base::fail(invalid(kName, "invalid label name: " + quoted(label)));
        }
        labels.emplace_back(label);
    }
    return labels;
}

Result<std::vector<std::vector<model::Matcher>>> stores(const Params& params) {
    constexpr std::string_view kName = "storeMatch[]";
    std::vector<std::vector<model::Matcher>> selectors;
    for (const std::string_view text : params.get_all(kName)) {
        if (text.empty()) {
            continue;
        }
        auto selector = compile_selector(text);
        if (!selector) {
            return base::fail(invalid_param(kName, selector.error()));
        }
        for (const model::Matcher& matcher : selector.value()) {
            if (matcher.name() != kAddress) {
                return base::fail(invalid(kName,
                                          "stores are known by their __address__ only, not by " +
                                              matcher.to_string() +
                                              ". Try {__address__=\"host:port\"}"));
            }
        }
        selectors.push_back(std::move(selector).value());
    }
    return selectors;
}

Result<int64_t> resolution(const Params& params, int64_t step_ms) {
    constexpr std::string_view kName = "max_source_resolution";
    const std::string_view text = params.get(kName);
    if (text.empty()) {
        return int64_t{0};
    }
    if (text == "auto") {
        return step_ms / kStepsPerAuto;
    }
    const auto parsed = parse_duration(text);
    if (!parsed) {
        return base::fail(invalid_param(kName, parsed.error()));
    }
    if (parsed.value() < 0) {
        return base::fail(invalid(
            kName, "negative resolutions are not accepted. Try a positive duration, 0s or auto"));
    }
    return parsed.value();
}

}  // namespace

Result<model::QueryScope> scope_params(const Params& params, int64_t step_ms) {
    model::QueryScope scope;
    TRY(scope.local, bool_param(params, "local", scope.local));
    TRY(scope.dedup, bool_param(params, "dedup", scope.dedup));
    TRY(scope.replica_labels, replica_labels(params));
    TRY(scope.partial_response, bool_param(params, "partial_response", scope.partial_response));
    TRY(scope.stores, stores(params));
    TRY(scope.max_source_resolution_ms, resolution(params, step_ms));
    return scope;
}

}  // namespace query
