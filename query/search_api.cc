// /api/v1/search/*: names and values that fit what somebody has typed, as lines of JSON.
#include <algorithm>

#include "base/json.h"
#include "base/number.h"
#include "model/api_answer.h"
#include "query/http_api.h"
#include "query/http_params.h"
#include "query/http_scope.h"
#include "query/search_match.h"

namespace query {
namespace {

using base::Code;
using base::JsonWriter;
using base::Result;
using base::http::Params;
using base::http::Request;
using base::http::Response;

constexpr int64_t kLookBackMs = 3'600'000;  // of a search without a start
constexpr uint64_t kLimitDefault = 100;
constexpr uint64_t kBatchDefault = 100;
constexpr uint64_t kBatchMax = 1000;  // results of one line
constexpr size_t kTermsMax = 32;

enum class Order : uint8_t { kAscending, kDescending, kScore };

struct Search {
    std::vector<std::vector<model::Matcher>> matchers;
    model::QueryScope scope;
    std::vector<std::string> terms;
    SearchOptions options;
    Order order = Order::kAscending;
    bool scores = false;    // told with every result
    bool metadata = false;  // of metrics
    std::string label;      // whose values
    int64_t start = 0;
    int64_t end = 0;
    uint64_t limit = 0;
    uint64_t batch = 0;
};

struct Hit {
    std::string name;
    double score = 0;
};

base::Error bad(std::string message) {
    return base::Error(Code::kInvalid, std::move(message));
}

// A whole number above 0.
Result<uint64_t> count_param(const Params& params, std::string_view name, uint64_t absent) {
    const std::string_view text = params.get(name);
    if (text.empty()) {
        return absent;
    }
    int64_t count = 0;
    if (!base::parse_integer(text, count) || count <= 0) {
        return base::fail(bad("invalid " + std::string(name) + " \"" + std::string(text) +
                              "\": must be a positive integer"));
    }
    return static_cast<uint64_t>(count);
}

Result<SearchOptions> read_options(const Params& params) {
    SearchOptions options;
    if (const std::string_view text = params.get("fuzz_threshold"); !text.empty()) {
        int64_t percent = 0;
        if (!base::parse_integer(text, percent) || percent < 0 || percent > 100) {
            return base::fail(
                bad("invalid fuzz_threshold \"" + std::string(text) + "\": must be 0-100"));
        }
        options.threshold = static_cast<double>(percent) / 100;
    }
    const std::string_view algorithm = params.get("fuzz_alg");
    if (algorithm == "jarowinkler") {
        options.algorithm = SearchAlgorithm::kJaroWinkler;
    } else if (!algorithm.empty() && algorithm != "subsequence") {
        return base::fail(bad("unsupported fuzz_alg \"" + std::string(algorithm) +
                              "\": must be one of [subsequence jarowinkler]"));
    }
    TRY(options.case_sensitive, bool_param(params, "case_sensitive", true));
    return options;
}

Result<Order> read_order(const Params& params, bool terms) {
    const std::string_view by = params.get("sort_by");
    const std::string_view direction = params.get("sort_dir");
    if (!by.empty() && by != "alpha" && by != "score") {
        return base::fail(
            bad("invalid sort_by \"" + std::string(by) + "\": must be \"alpha\" or \"score\""));
    }
    if (!direction.empty() && by != "alpha") {
        return base::fail(bad("sort_dir is only valid with sort_by=alpha"));
    }
    if (!direction.empty() && direction != "asc" && direction != "dsc") {
        return base::fail(
            bad("invalid sort_dir \"" + std::string(direction) + "\": must be \"asc\" or \"dsc\""));
    }
    if (by == "score") {
        if (!terms) {
            return base::fail(bad("sort_by=score requires search[] to be set"));
        }
        return Order::kScore;
    }
    return direction == "dsc" ? Order::kDescending : Order::kAscending;
}

Result<Search> read_search(const ApiSources& sources, const Params& params, SearchFor kind) {
    Search search;
    const int64_t now = sources.clock->now_ms();
    TRY(search.start, time_param(params, "start", now - kLookBackMs));
    TRY(search.end, time_param(params, "end", now));
    if (search.end < search.start) {
        return base::fail(bad("end timestamp must not be before start timestamp"));
    }
    TRY(search.matchers, matcher_params(params));
    TRY(search.scope, scope_params(params));
    for (const std::string_view term : params.get_all("search[]")) {
        search.terms.emplace_back(term);
    }
    if (search.terms.size() > kTermsMax) {
        return base::fail(bad("too many search[] terms: got " +
                              std::to_string(search.terms.size()) + ", maximum is " +
                              std::to_string(kTermsMax)));
    }
    TRY(search.options, read_options(params));
    TRY(search.order, read_order(params, !search.terms.empty()));
    TRY(search.scores, bool_param(params, "include_score", false));
    TRY(search.metadata, bool_param(params, "include_metadata", false));
    const uint64_t most = sources.search_limit_max == 0 ? UINT64_MAX : sources.search_limit_max;
    TRY(search.limit, count_param(params, "limit", std::min(kLimitDefault, most)));
    if (search.limit > most) {
        return base::fail(bad("limit " + std::to_string(search.limit) +
                              " exceeds the configured maximum (" + std::to_string(most) +
                              ", see --web.search.max-limit)"));
    }
    TRY(search.batch, count_param(params, "batch_size", kBatchDefault));
    search.batch = std::min({search.batch, search.limit, kBatchMax});
    search.label = kind == SearchFor::kMetricNames ? std::string(model::kMetricName)
                                                   : std::string(params.get("label"));
    if (kind == SearchFor::kLabelValues && search.label.empty()) {
        return base::fail(bad("missing required parameter \"label\""));
    }
    return search;
}

// What fits, each once, in order.
Result<std::vector<Hit>> find(const ApiSources& sources,
                              const Search& search,
                              SearchFor kind,
                              const Caller& caller,
                              std::vector<std::string>& warnings) {
    model::QueryContext context;
    context.stop = caller.stop;
    context.deadline = caller.deadline;
    context.clock = sources.clock;
    const std::shared_ptr<model::Queryable> storage = sources.queryable(search.scope);
    TRY(const auto querier, storage->querier(search.start, search.end));
    std::vector<std::vector<model::Matcher>> matchers = search.matchers;
    if (matchers.empty()) {
        matchers.emplace_back();
    }
    std::vector<std::string> names;
    for (const auto& set : matchers) {
        auto some = kind == SearchFor::kLabelNames
                        ? querier->label_names({}, set, context)
                        : querier->label_values(search.label, {}, set, context);
        if (!some) {
            return base::fail(std::move(some).error());
        }
        names.insert(names.end(), some.value().begin(), some.value().end());
    }
    for (const std::string& warning : querier->warnings()) {
        warnings.push_back(warning);
    }
    std::ranges::sort(names);
    const auto repeats = std::ranges::unique(names);
    names.erase(repeats.begin(), repeats.end());
    std::vector<Hit> hits;
    const SearchMatcher matcher(search.terms, search.options);
    for (std::string& name : names) {
        if (const auto score = matcher.score(name)) {
            hits.push_back({std::move(name), *score});
        }
    }
    if (search.order == Order::kDescending) {
        std::ranges::reverse(hits);
    } else if (search.order == Order::kScore) {
        std::ranges::stable_sort(hits, std::greater<>(), &Hit::score);
    }
    return hits;
}

using KnownMetadata = std::map<std::string, std::set<model::Metadata>, std::less<>>;

// Whether series of a family of this type may have the suffix.
bool may_end_with(std::string_view suffix, model::MetricType type) {
    using enum model::MetricType;
    const bool histogram = type == kHistogram || type == kGaugeHistogram;
    if (suffix == "_sum" || suffix == "_count") {
        return histogram || type == kSummary;
    }
    return (suffix == "_total" && type == kCounter) || (suffix == "_bucket" && histogram) ||
           (suffix == "_info" && type == kInfo) ||
           ((suffix == "_gsum" || suffix == "_gcount") && type == kGaugeHistogram);
}

// Of the metric, or of the family that it is a series of; null: nothing is known.
const model::Metadata* metadata_of(const KnownMetadata& known, std::string_view name) {
    const auto exact = known.find(name);
    if (exact != known.end() && !exact->second.empty()) {
        return &*exact->second.begin();
    }
    const size_t at = name.rfind('_');
    if (at == std::string_view::npos) {
        return nullptr;
    }
    const auto family = known.find(name.substr(0, at));
    if (family == known.end()) {
        return nullptr;
    }
    for (const model::Metadata& metadata : family->second) {
        if (may_end_with(name.substr(at), metadata.type)) {
            return &metadata;
        }
    }
    return nullptr;
}

void write_hit(JsonWriter& json,
               const KnownMetadata& known,
               const Search& search,
               SearchFor kind,
               const Hit& hit) {
    json.begin_object();
    json.member(kind == SearchFor::kLabelValues ? "value" : "name", hit.name);
    if (search.scores) {
        json.key("score");
        json.number(hit.score);
    }
    if (const model::Metadata* const metadata = metadata_of(known, hit.name)) {
        json.member("type", model::metric_type_name(metadata->type));
        json.member("help", metadata->help);
        json.member("unit", metadata->unit);
    }
    json.end_object();
}

// A line per batch, the first one also when there is nothing; then how it ended.
std::string write_lines(const KnownMetadata& known,
                        const Search& search,
                        SearchFor kind,
                        const std::vector<Hit>& hits,
                        const std::vector<std::string>& warnings) {
    std::string out;
    const size_t count = std::min<size_t>(hits.size(), search.limit);
    for (size_t at = 0; at == 0 || at < count; at += search.batch) {
        JsonWriter json(out);
        json.begin_object();
        json.key("results");
        json.begin_array();
        for (size_t i = at; i < std::min<size_t>(count, at + search.batch); ++i) {
            write_hit(json, known, search, kind, hits[i]);
        }
        json.end_array();
        if (at == 0 && !warnings.empty()) {
            json.key("warnings");
            json.begin_array();
            for (const std::string& warning : warnings) {
                json.string(warning);
            }
            json.end_array();
        }
        json.end_object();
        out += '\n';
    }
    out += R"({"status":"success","has_more":)";
    out += hits.size() > count ? "true}\n" : "false}\n";
    return out;
}

}  // namespace

Response handle_search(const ApiSources& sources,
                       const Request& request,
                       const Caller& caller,
                       SearchFor kind) {
    if (!sources.search) {
        return model::api_error(base::Error(
            Code::kUnavailable, "search API disabled: it needs --enable-feature=search-api"));
    }
    const auto params = request.form();
    if (!params) {
        return model::api_error(params.error());
    }
    const auto search = read_search(sources, params.value(), kind);
    if (!search) {
        return model::api_error(search.error());
    }
    std::vector<std::string> warnings;
    const auto hits = find(sources, search.value(), kind, caller, warnings);
    if (!hits) {
        return model::api_error(hits.error());
    }
    KnownMetadata known;
    if (kind == SearchFor::kMetricNames && search.value().metadata && sources.metadata &&
        !hits.value().empty()) {
        known = sources.metadata();
    }
    Response response =
        Response::text(200, write_lines(known, search.value(), kind, hits.value(), warnings));
    response.headers.set("Content-Type", "application/x-ndjson; charset=utf-8");
    return response;
}

}  // namespace query
