#include "query/selectors.h"

#include <utility>

namespace query {
namespace {

using Groups = std::vector<std::vector<model::Matcher>>;

base::Status collect(const Expr& expr, Groups& groups) {
    if (const auto* selector = try_as<VectorSelector>(expr)) {
        std::vector<model::Matcher> matchers;
        for (const MatcherSpec& spec : selector->matchers) {
            TRY(auto matcher, model::Matcher::create(spec.type, spec.name, spec.value));
            matchers.push_back(std::move(matcher));
        }
        groups.push_back(std::move(matchers));
    }
    base::Status status = base::success();
    for_each_child(expr, [&](const Expr& child) {
        if (status) {
            status = collect(child, groups);
        }
    });
    return status;
}

}  // namespace

base::Result<Groups> selectors_of(const Expr& expr) {
    Groups groups;
    TRY(collect(expr, groups));
    return groups;
}

}  // namespace query
