// /api/v1/query_exemplars: the exemplars of the series that an expression reads.
#include "model/api_answer.h"
#include "query/http_api.h"
#include "query/http_params.h"
#include "query/parser.h"
#include "query/result_json.h"
#include "query/selectors.h"

namespace query {
namespace {

using base::Code;
using base::Result;
using base::http::Params;
using base::http::Request;
using base::http::Response;

using Groups = std::vector<std::vector<model::Matcher>>;

struct Asked {
    int64_t start = model::kMinTime;
    int64_t end = model::kMaxTime;
    Groups groups;
};

Result<Asked> read_asked(const ApiSources& sources, const Request& request) {
    Asked asked;
    TRY(const Params params, request.form());
    TRY(asked.start, time_param(params, "start", model::kMinTime));
    TRY(asked.end, time_param(params, "end", model::kMaxTime));
    if (asked.end < asked.start) {
        return base::fail(Code::kInvalid, "end timestamp must not be before start timestamp");
    }
    const std::string_view text = params.get("query");
    auto parsed = parse_query(text, sources.engine().parse_options());
    if (!parsed) {
        return base::fail(parsed.error());
    }
    TRY(asked.groups, selectors_of(*parsed.value()));
    return asked;
}

std::string exemplars_json(const std::vector<model::SeriesExemplars>& found) {
    std::string out;
    base::JsonWriter json(out);
    json.begin_array();
    for (const model::SeriesExemplars& series : found) {
        json.begin_object();
        json.key("seriesLabels");
        json.separate();
        append_labels(out, series.series);
        json.key("exemplars");
        json.begin_array();
        for (const model::Exemplar& exemplar : series.exemplars) {
            json.begin_object();
            json.key("labels");
            json.separate();
            append_labels(out, exemplar.labels);
            json.key("value");
            json.sample_value(exemplar.v);
            json.key("timestamp");
            json.timestamp_ms(exemplar.t);
            json.end_object();
        }
        json.end_array();
        json.end_object();
    }
    json.end_array();
    return out;
}

}  // namespace

Response handle_query_exemplars(const ApiSources& sources,
                                const Request& request,
                                const Caller& caller) {
    const auto asked = read_asked(sources, request);
    if (!asked) {
        return model::api_error(asked.error());
    }
    const auto& [start, end, groups] = asked.value();
    if (groups.empty()) {
        return Response::json(200, R"({"status":"success"})");
    }
    model::QueryContext context;
    context.stop = caller.stop;
    context.deadline = caller.deadline;
    context.clock = sources.clock;
    const auto found = sources.exemplars().exemplars(groups, start, end, context);
    return found ? model::api_success(exemplars_json(found.value()))
                 : model::api_error(found.error());
}

}  // namespace query
