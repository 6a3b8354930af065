// /federate: the latest sample of every series that matches, as a metrics page.
#include <algorithm>
#include <map>

#include "model/sample.h"
#include "query/exec/columns.h"
#include "query/federate_page.h"
#include "query/http_api.h"
#include "query/http_params.h"

namespace query {
namespace {

using base::Result;
using base::http::Request;
using base::http::Response;

// The latest sample of one series; nothing when that is a stale marker.
bool latest_of(const exec::Columns& columns, FederatedSample& out) {
    const bool floats = !columns.t.empty();
    if (!columns.histogram_t.empty() &&
        (!floats || columns.histogram_t.back() >= columns.t.back())) {
        out.t = columns.histogram_t.back();
        out.histogram = columns.histogram.back();
        return !model::is_stale(out.histogram->sum);
    }
    if (!floats || model::is_stale(columns.v.back())) {
        return false;
    }
    out.t = columns.t.back();
    out.v = columns.v.back();
    return true;
}

Result<std::vector<FederatedSample>> select_latest(
    model::Queryable& queryable,
    std::span<const std::vector<model::Matcher>> selectors,
    int64_t start,
    int64_t end,
    const model::QueryContext& context,
    size_t& warnings) {
    TRY(const auto querier, queryable.querier(start, end));
    model::SelectHints hints;
    hints.min_t = start;
    hints.max_t = end;
    std::map<model::Labels, FederatedSample> found;
    model::SeriesBatch batch;
    exec::Columns columns;
    std::vector<model::LabelView> views;
    for (const auto& matchers : selectors) {
        TRY(const auto set, querier->select(hints, matchers, context));
        while (true) {
            TRY(const bool more, set->next(batch));
            if (!more) {
                break;
            }
            for (const model::SeriesView& series : batch.series) {
                TRY(exec::decode(series.chunks, start, end, false, columns));
                FederatedSample latest;
                if (!latest_of(columns, latest)) {
                    continue;
                }
                views.clear();
                for (const model::LabelSymbols label : series.labels) {
                    views.push_back({batch.text(label.name), batch.text(label.value)});
                }
                latest.labels = model::Labels::from_sorted(views);
                found.try_emplace(latest.labels, latest);
            }
        }
        warnings += set->warnings().size();
    }
    std::vector<FederatedSample> out;
    for (auto& [labels, latest] : found) {
        if (!labels.metric_name().empty()) {
            out.push_back(std::move(latest));
        }
    }
    std::ranges::stable_sort(
        out, {}, [](const FederatedSample& one) { return one.labels.metric_name(); });
    return out;
}

}  // namespace

Response handle_federate(const ApiSources& sources, const Request& request, const Caller& caller) {
    const auto params = request.form();
    if (!params) {
        return Response::text(400, "error parsing form values: " + params.error().message() + "\n");
    }
    const auto selectors = matcher_params(params.value());
    if (!selectors) {
        return Response::text(400, selectors.error().message() + "\n");
    }
    model::QueryContext query_context;
    query_context.stop = caller.stop;
    query_context.deadline = caller.deadline;
    query_context.clock = sources.clock;
    const int64_t end = sources.clock->now_ms();
    const int64_t start = end - sources.engine().options().lookback_delta.count();
    size_t warnings = 0;
    const auto latest = select_latest(
        sources.local_queryable(), selectors.value(), start, end, query_context, warnings);
    if (sources.metrics != nullptr) {
        sources.metrics->federation_warnings.add(warnings);
        sources.metrics->federation_errors.add(latest ? 0U : 1U);
    }
    if (!latest) {
        const bool early = latest.error().code() == base::Code::kUnavailable;
        return Response::text(early ? 503 : 500, latest.error().message() + "\n");
    }
    const FederatedFormat format = federated_format(request.headers.get("Accept"));
    Response response = Response::text(
        200,
        federated_page(format,
                       latest.value(),
                       sources.external_labels ? sources.external_labels() : model::Labels()));
    response.headers.set("Content-Type", std::string(content_type(format)));
    return response;
}

}  // namespace query
