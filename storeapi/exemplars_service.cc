// Exemplars of the series that an expression selects.
#include <utility>

#include "storeapi/label_message.h"
#include "storeapi/proto/exemplars.pb.h"
#include "storeapi/service_methods.h"

namespace storeapi {
namespace {

using Responses = std::vector<thanos::ExemplarsResponse>;
using Groups = std::vector<std::vector<model::Matcher>>;

// A querier takes matchers on the node's labels out of the selectors, and may leave one without
// any, which PromQL refuses. It stands for every series. Texts in quotes stay as they are.
std::string fill_empty_selectors(std::string_view query) {
    constexpr std::string_view kEmpty = "{}";
    constexpr std::string_view kEverything = "{__name__!=\"\"}";
    std::string filled;
    char quote = 0;
    for (size_t i = 0; i < query.size(); ++i) {
        const char c = query[i];
        if (quote != 0 && c == '\\' && quote != '`') {
            filled += c;
            filled += ++i < query.size() ? query.substr(i, 1) : "";
        } else if (quote == 0 && (i == 0 || query[i - 1] == '+') &&
                   query.substr(i).starts_with(kEmpty)) {
            filled += kEverything;
            ++i;
        } else {
            filled += c;
            if (quote == 0 && (c == '"' || c == '\'' || c == '`')) {
                quote = c;
            } else if (c == quote) {
                quote = 0;
            }
        }
    }
    return filled;
}

// Who asks has looked at the node's labels already; a matcher that is left is judged by them.
void take_external(Groups& groups, const model::Labels& external) {
    std::erase_if(groups, [&](std::vector<model::Matcher>& group) {
        bool possible = true;
        std::erase_if(group, [&](const model::Matcher& matcher) {
            const std::string_view own = external.get(matcher.name());
            possible = possible && (own.empty() || matcher.matches(own));
            return !own.empty();
        });
        return !possible;
    });
}

base::Result<Responses> exemplars(const Sources& sources,
                                  const thanos::ExemplarsRequest& request,
                                  const base::rpc::CallContext& call) {
    if (!sources.exemplars || !sources.parse_selectors) {
        return base::fail(base::Code::kUnsupported, "this node keeps no exemplars");
    }
    const model::Labels external = sources.labels();
    TRY(Groups groups, sources.parse_selectors(fill_empty_selectors(request.query())));
    take_external(groups, external);
    const model::QueryContext context{
        .stop = call.stop, .deadline = call.deadline, .clock = &sources.clock};
    TRY(const auto found,
        sources.exemplars().exemplars(groups, request.start(), request.end(), context));
    Responses responses;
    for (const model::SeriesExemplars& series : found) {
        thanos::ExemplarData& data = *responses.emplace_back().mutable_data();
        put_labels(with_external(series.series, external), *data.mutable_serieslabels());
        for (const model::Exemplar& exemplar : series.exemplars) {
            thanos::Exemplar& added = *data.add_exemplars();
            put_labels(exemplar.labels, *added.mutable_labels());
            added.set_value(exemplar.v);
            added.set_ts(exemplar.t);
        }
    }
    return responses;
}

}  // namespace

void add_exemplars_service(const Sources& sources, std::vector<base::rpc::Method>& methods) {
    methods.push_back(list_method<thanos::ExemplarsRequest>(
        sources,
        "/thanos.Exemplars/Exemplars",
        [&sources](const thanos::ExemplarsRequest& request, const base::rpc::CallContext& call) {
            return exemplars(sources, request, call);
        }));
}

}  // namespace storeapi
