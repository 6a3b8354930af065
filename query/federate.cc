// /federate: the latest sample of every series that matches, as a metrics page.
#include <algorithm>
#include <map>

#include "base/float_format.h"
#include "model/quote.h"
#include "model/sample.h"
#include "query/exec/columns.h"
#include "query/http_api.h"
#include "query/http_params.h"

namespace query {
namespace {

using base::Result;
using base::http::Request;
using base::http::Response;

constexpr const char* kTextFormat = "text/plain; version=0.0.4; charset=utf-8";

struct Latest {
    model::Labels labels;
    int64_t t = 0;
    double v = 0;
};

// The latest float of one series; histograms have no place on a text page.
bool latest_of(const exec::Columns& columns, Latest& out) {
    if (columns.t.empty() ||
        (!columns.histogram_t.empty() && columns.histogram_t.back() >= columns.t.back()) ||
        model::is_stale(columns.v.back())) {
        return false;
    }
    out.t = columns.t.back();
    out.v = columns.v.back();
    return true;
}

Result<std::vector<Latest>> select_latest(model::Queryable& queryable,
                                          std::span<const std::vector<model::Matcher>> selectors,
                                          int64_t start,
                                          int64_t end,
                                          const model::QueryContext& context,
                                          size_t& warnings) {
    TRY(const auto querier, queryable.querier(start, end));
    model::SelectHints hints;
    hints.min_t = start;
    hints.max_t = end;
    std::map<model::Labels, Latest> found;
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
                Latest latest;
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
    std::vector<Latest> out;
    for (auto& [labels, latest] : found) {
        if (!labels.metric_name().empty()) {
            out.push_back(std::move(latest));
        }
    }
    std::ranges::stable_sort(out, {}, [](const Latest& one) { return one.labels.metric_name(); });
    return out;
}

void append_escaped(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '\\':
                out += "\\\\";
                break;
            case '"':
                out += "\\\"";
                break;
            case '\n':
                out += "\\n";
                break;
            default:
                out += c;
        }
    }
}

// Writes lines, with a TYPE in front of every new name.
class Page {
  public:
    explicit Page(const model::Labels& external) {
        for (const model::LabelView label : external) {
            external_.emplace(label.name, label.value);
        }
        // An empty label keeps the reader from putting its own instance in.
        external_.try_emplace("instance", "");
    }

    void add(const Latest& latest) {
        const std::string_view name = latest.labels.metric_name();
        const bool plain = model::is_valid_metric_name(name, model::NameScheme::kLegacy);
        if (out_.empty() || name != last_name_) {
            out_ += "# TYPE ";
            if (plain) {
                out_ += name;
            } else {
                model::append_quoted(out_, name);
            }
            out_ += " untyped\n";
            last_name_ = name;
        }
        if (plain) {
            out_ += name;
        }
        out_ += '{';
        first_ = true;
        if (!plain) {
            model::append_quoted(out_, name);
            first_ = false;
        }
        for (const model::LabelView label : latest.labels) {
            if (label.name != model::kMetricName) {
                add_label(label.name, label.value);
            }
        }
        for (const auto& [label, value] : external_) {
            if (!latest.labels.has(label)) {
                add_label(label, value);
            }
        }
        out_ += "} ";
        base::append_float_g(out_, latest.v);
        out_ += ' ';
        base::append_integer(out_, latest.t);
        out_ += '\n';
    }

    [[nodiscard]] std::string take() { return std::move(out_); }

  private:
    void add_label(std::string_view name, std::string_view value) {
        if (!first_) {
            out_ += ',';
        }
        first_ = false;
        model::append_label_name(out_, name);
        out_ += "=\"";
        append_escaped(out_, value);
        out_ += '"';
    }

    std::map<std::string, std::string, std::less<>> external_;
    std::string out_;
    std::string last_name_;
    bool first_ = true;
};

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
    Page page(sources.external_labels ? sources.external_labels() : model::Labels());
    for (const Latest& one : latest.value()) {
        page.add(one);
    }
    Response response = Response::text(200, page.take());
    response.headers.set("Content-Type", kTextFormat);
    return response;
}

}  // namespace query
