#include "query/http_api.h"

#include <algorithm>

#include "base/rune.h"
#include "model/api_answer.h"
#include "query/answer_frames.h"
#include "query/ast_json.h"
#include "query/http_params.h"
#include "query/http_scope.h"
#include "query/parser.h"
#include "query/printer.h"
#include "query/result_json.h"

namespace query {
namespace {

using base::Code;
using base::Result;
using base::http::Params;
using base::http::Request;
using base::http::Response;

constexpr const char* kTruncated = "results truncated due to limit";

// What instant and range queries have in common.
struct Asked {
    Params params;
    QueryParams query;
    std::shared_ptr<model::Queryable> storage;  // of the query
    uint64_t limit = 0;
    bool stats = false;
};

Result<std::chrono::milliseconds> optional_duration(const Params& params, std::string_view name) {
    const std::string_view text = params.get(name);
    if (text.empty()) {
        return std::chrono::milliseconds(0);
    }
    TRY(const int64_t duration_ms, parse_duration(text));
    return std::chrono::milliseconds(duration_ms);
}

QueryOrigin origin_of(const Request& request) {
    return {.client_ip = request.peer.substr(0, request.peer.rfind(':')),
            .method = request.method_text,
            .path = request.path,
            .user = request.user};
}

Result<Asked> read_params(const Request& request, const Caller& caller) {
    Asked asked;
    asked.query.origin = origin_of(request);
    TRY(asked.params, request.form());
    TRY(asked.limit, limit_param(asked.params));
    auto timeout = optional_duration(asked.params, "timeout");
    if (!timeout) {
        return base::fail(invalid_param("timeout", timeout.error()));
    }
    asked.query.timeout = timeout.value();
    auto lookback = optional_duration(asked.params, "lookback_delta");
    if (!lookback) {
        return base::fail(Code::kInvalid,
                          "error parsing lookback delta duration: " + lookback.error().message());
    }
    asked.query.lookback_delta = lookback.value();
    asked.query.stop = caller.stop;
    asked.query.deadline = caller.deadline;
    asked.stats = !asked.params.get("stats").empty();
    asked.query.per_step_stats = asked.params.get("stats") == "all";
    TRY(asked.query.explain, bool_param(asked.params, "explain", false));
    return asked;
}

// Finds what the query is about.
//   step_ms  0 for instant queries
base::Status aim(const ApiSources& sources, int64_t step_ms, Asked& asked) {
    TRY(const model::QueryScope scope, scope_params(asked.params, step_ms));
    asked.storage = sources.queryable(scope);
    asked.query.queryable = asked.storage.get();
    return base::success();
}

// Whether anything was cut off.
bool truncate(QueryResult& result, uint64_t limit) {
    const auto cut = [limit](auto& elements) {
        if (limit == 0 || elements.size() <= limit) {
            return false;
        }
        elements.resize(limit);
        return true;
    };
    if (auto* vector = std::get_if<VectorValue>(&result.value)) {
        return cut(*vector);
    }
    if (auto* matrix = std::get_if<MatrixValue>(&result.value)) {
        return cut(*matrix);
    }
    return false;
}

// A query's error: what is wrong with the text is a bad parameter.
Response query_error(const base::Error& error) {
    return model::api_error(error.code() == Code::kInvalid ? invalid_param("query", error) : error);
}

// An answer that is still to be written.
struct Answer {
    Answer(QueryResult result, bool stats, exec::Helpers& helpers)
        : frames(std::move(result), stats, &helpers) {}

    // Fills a frame; false when it is the last one.
    bool write(std::string& frame) {
        if (!begun) {
            begun = true;
            model::begin_api_answer(frame);
        }
        if (frames.write(frame, kFrameBytes)) {
            return true;
        }
        model::end_api_answer(frame, {frames.result().warnings, frames.result().infos});
        return false;
    }

    AnswerFrames frames;
    bool begun = false;
};

Response respond(Engine& engine, Result<QueryResult> result, const Asked& asked) {
    if (!result) {
        return query_error(result.error());
    }
    if (truncate(result.value(), asked.limit)) {
        result.value().warnings.emplace_back(kTruncated);
    }
    const auto answer =
        std::make_shared<Answer>(std::move(result).value(), asked.stats, engine.helpers());
    Response response = Response::json(200, {});
    if (answer->write(response.body)) {
        response.stream = [answer](std::string& frame, std::stop_token) -> Result<bool> {
            return answer->write(frame);
        };
    }
    return response;
}

// What series, labels and label values have in common.
struct Selection {
    std::vector<std::vector<model::Matcher>> matchers;
    int64_t start = model::kMinTime;
    int64_t end = model::kMaxTime;
    uint64_t limit = 0;
    model::QueryScope scope;
};

Result<Selection> read_selection(const Params& params) {
    Selection selection;
    TRY(selection.limit, limit_param(params));
    TRY(selection.start, time_param(params, "start", model::kMinTime));
    TRY(selection.end, time_param(params, "end", model::kMaxTime));
    TRY(selection.matchers, matcher_params(params));
    TRY(selection.scope, scope_params(params));
    return selection;
}

// One more than the limit, so that it is known whether something was cut off.
uint64_t limit_hint(uint64_t limit) {
    return limit > 0 && limit < UINT64_MAX ? limit + 1 : limit;
}

model::QueryContext request_context(const ApiSources& sources, const Caller& caller) {
    model::QueryContext out;
    out.stop = caller.stop;
    out.deadline = caller.deadline;
    out.clock = sources.clock;
    return out;
}

// Adds those that are not there yet: several selectors meet the same problem.
void add_warnings(const std::vector<std::string>& warnings, model::ApiNotes& notes) {
    for (const std::string& warning : warnings) {
        if (std::ranges::find(notes.warnings, warning) == notes.warnings.end()) {
            notes.warnings.push_back(warning);
        }
    }
}

Response names_response(std::vector<std::string> names, uint64_t limit, model::ApiNotes notes) {
    std::ranges::sort(names);
    const auto repeats = std::ranges::unique(names);
    names.erase(repeats.begin(), repeats.end());
    if (limit > 0 && names.size() > limit) {
        names.resize(limit);
        notes.warnings.emplace_back(kTruncated);
    }
    std::string data;
    base::JsonWriter json(data);
    json.begin_array();
    for (const std::string& name : names) {
        json.string(name);
    }
    json.end_array();
    return model::api_success(data, notes);
}

// Asks ask(querier, matchers) for every match[], or once without any.
template <class Ask>
Response collect_names(const ApiSources& sources, const Params& params, Ask&& ask) {
    auto selection = read_selection(params);
    if (!selection) {
        return model::api_error(selection.error());
    }
    auto& [matchers, start, end, limit, scope] = selection.value();
    const std::shared_ptr<model::Queryable> storage = sources.queryable(scope);
    auto querier = storage->querier(start, end);
    if (!querier) {
        return model::api_error(querier.error());
    }
    if (matchers.empty()) {
        matchers.emplace_back();
    }
    std::vector<std::string> names;
    for (const auto& set : matchers) {
        auto some = ask(*querier.value(), model::LabelHints{limit_hint(limit)}, set);
        if (!some) {
            return model::api_error(some.error());
        }
        names.insert(names.end(), some.value().begin(), some.value().end());
    }
    model::ApiNotes notes;
    add_warnings(querier.value()->warnings(), notes);
    return names_response(std::move(names), limit, std::move(notes));
}

// The labels of all series that match, sorted, each once.
Result<std::vector<model::Labels>> matching_series(const ApiSources& sources,
                                                   const Selection& selection,
                                                   const Caller& caller,
                                                   model::ApiNotes& notes) {
    const std::shared_ptr<model::Queryable> storage = sources.queryable(selection.scope);
    TRY(const auto querier, storage->querier(selection.start, selection.end));
    const model::QueryContext request = request_context(sources, caller);
    model::SelectHints hints;
    hints.min_t = selection.start;
    hints.max_t = selection.end;
    hints.function = "series";
    hints.skip_chunks = true;
    hints.sorted = selection.limit > 0;
    hints.limit = limit_hint(selection.limit);
    std::vector<model::Labels> found;
    model::SeriesBatch batch;
    std::vector<model::LabelView> views;
    for (const auto& matchers : selection.matchers) {
        TRY(const auto set, querier->select(hints, matchers, request));
        while (true) {
            TRY(const bool more, set->next(batch));
            if (!more) {
                break;
            }
            for (const model::SeriesView& series : batch.series) {
                views.clear();
                for (const model::LabelSymbols label : series.labels) {
                    views.push_back({batch.text(label.name), batch.text(label.value)});
                }
                found.push_back(model::Labels::from_sorted(views));
            }
        }
        add_warnings(set->warnings(), notes);
    }
    std::ranges::sort(found);
    const auto repeats = std::ranges::unique(found);
    found.erase(repeats.begin(), repeats.end());
    return found;
}

std::string unescape_value_encoding(std::string_view name) {
    // U__ in front: _xx_ stands for a code point in hexadecimal, __ for an underscore.
    std::string out;
    for (size_t i = 3; i < name.size(); ++i) {
        if (name[i] != '_') {
            out += name[i];
            continue;
        }
        if (i + 1 < name.size() && name[i + 1] == '_') {
            out += '_';
            ++i;
            continue;
        }
        const size_t end = name.find('_', i + 1);
        if (end == std::string_view::npos || end == i + 1 || end - i > 7) {
            return std::string(name);
        }
        uint32_t rune = 0;
        for (size_t d = i + 1; d < end; ++d) {
            const char c = name[d];
            if (c >= '0' && c <= '9') {
                rune = rune * 16 + static_cast<uint32_t>(c - '0');
            } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
                rune = rune * 16 + static_cast<uint32_t>((c | 0x20) - 'a' + 10);
            } else {
                return std::string(name);
            }
        }
        if (rune > base::kRuneMax) {
            return std::string(name);
        }
        base::append_rune(out, rune);
        i = end;
    }
    return out;
}

Result<ExprPtr> parse_param(const Request& request) {
    TRY(const Params params, request.form());
    auto parsed = parse_query(params.get("query"), ParseOptions::everything());
    if (!parsed) {
        return base::fail(invalid_param("query", parsed.error()));
    }
    return std::move(parsed).value();
}

}  // namespace

Response handle_query(const ApiSources& sources, const Request& request, const Caller& caller) {
    auto asked = read_params(request, caller);
    if (!asked) {
        return model::api_error(asked.error());
    }
    const auto t = time_param(asked.value().params, "time", sources.clock->now_ms());
    if (!t) {
        return model::api_error(t.error());
    }
    if (const auto aimed = aim(sources, 0, asked.value()); !aimed) {
        return model::api_error(aimed.error());
    }
    Engine& engine = sources.engine();
    return respond(
        engine,
        engine.instant(asked.value().params.get("query"), t.value(), asked.value().query),
        asked.value());
}

Response handle_query_range(const ApiSources& sources,
                            const Request& request,
                            const Caller& caller) {
    auto asked = read_params(request, caller);
    if (!asked) {
        return model::api_error(asked.error());
    }
    const Params& params = asked.value().params;
    const auto start = required_time_param(params, "start");
    if (!start) {
        return model::api_error(start.error());
    }
    const auto end = required_time_param(params, "end");
    if (!end) {
        return model::api_error(end.error());
    }
    if (end.value() < start.value()) {
        return model::api_error(invalid_param(
            "end", base::Error(Code::kInvalid, "end timestamp must not be before start time")));
    }
    const auto step = parse_duration(params.get("step"));
    if (!step) {
        return model::api_error(invalid_param("step", step.error()));
    }
    if (step.value() <= 0) {
        return model::api_error(
            invalid_param("step",
                          base::Error(Code::kInvalid,
                                      "zero or negative query resolution step widths are not "
                                      "accepted. Try a positive integer")));
    }
    // Unsigned: the difference of any two times fits.
    const uint64_t span = static_cast<uint64_t>(end.value()) - static_cast<uint64_t>(start.value());
    if (span / static_cast<uint64_t>(step.value()) > static_cast<uint64_t>(kPointsMax)) {
        return model::api_error(
            base::Error(Code::kInvalid,
                        "exceeded maximum resolution of 11,000 points per timeseries. Try "
                        "decreasing the query resolution (?step=XX)"));
    }
    if (const auto aimed = aim(sources, step.value(), asked.value()); !aimed) {
        return model::api_error(aimed.error());
    }
    Engine& engine = sources.engine();
    return respond(
        engine,
        engine.range(
            params.get("query"), start.value(), end.value(), step.value(), asked.value().query),
        asked.value());
}

Response handle_series(const ApiSources& sources, const Request& request, const Caller& caller) {
    const auto params = request.form();
    if (!params) {
        return model::api_error(params.error());
    }
    if (params.value().get_all("match[]").empty()) {
        return model::api_error(base::Error(Code::kInvalid, "no match[] parameter provided"));
    }
    const auto selection = read_selection(params.value());
    if (!selection) {
        return model::api_error(selection.error());
    }
    model::ApiNotes notes;
    auto found = matching_series(sources, selection.value(), caller, notes);
    if (!found) {
        return model::api_error(found.error());
    }
    const uint64_t limit = selection.value().limit;
    if (limit > 0 && found.value().size() > limit) {
        found.value().resize(limit);
        notes.warnings.emplace_back(kTruncated);
    }
    std::string data = "[";
    for (const model::Labels& labels : found.value()) {
        data += data.size() > 1 ? "," : "";
        append_labels(data, labels);
    }
    data += ']';
    return model::api_success(data, notes);
}

Response handle_labels(const ApiSources& sources, const Request& request, const Caller& caller) {
    const auto params = request.form();
    if (!params) {
        return model::api_error(params.error());
    }
    const model::QueryContext query_context = request_context(sources, caller);
    return collect_names(
        sources,
        params.value(),
        [&](model::Querier& querier, const model::LabelHints& hints, const auto& set) {
            return querier.label_names(hints, set, query_context);
        });
}

Response handle_label_values(const ApiSources& sources,
                             const Request& request,
                             const Caller& caller) {
    const auto params = request.form();
    if (!params) {
        return model::api_error(params.error());
    }
    std::string name(request.path_params.get("name"));
    if (name.starts_with("U__")) {
        name = unescape_value_encoding(name);
    }
    if (!model::is_valid_label_name(name, model::NameScheme::kUtf8)) {
        return model::api_error(
            base::Error(Code::kInvalid, "invalid label name: \"" + name + "\""));
    }
    const model::QueryContext query_context = request_context(sources, caller);
    return collect_names(
        sources,
        params.value(),
        [&](model::Querier& querier, const model::LabelHints& hints, const auto& set) {
            return querier.label_values(name, hints, set, query_context);
        });
}

Response handle_format_query(const Request& request) {
    const auto expr = parse_param(request);
    if (!expr) {
        return model::api_error(expr.error());
    }
    std::string data;
    base::append_json_string(data, pretty(*expr.value()));
    return model::api_success(data);
}

Response handle_parse_query(const Request& request) {
    const auto expr = parse_param(request);
    if (!expr) {
        return model::api_error(expr.error());
    }
    return model::api_success(ast_json(*expr.value()));
}

}  // namespace query
