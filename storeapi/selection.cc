#include "storeapi/selection.h"

#include <utility>

#include "storeapi/proto/types.pb.h"

namespace storeapi {
namespace {

base::Result<model::Matcher> read_matcher(const thanos::LabelMatcher& matcher) {
    const int type = matcher.type();
    if (type < 0 || type > static_cast<int>(model::MatchType::kNotRegex)) {
        return base::fail(base::Code::kInvalid, "unknown kind of matcher", type);
    }
    return base::context(model::Matcher::create(
                             static_cast<model::MatchType>(type), matcher.name(), matcher.value()),
                         "matcher on",
                         matcher.name());
}

}  // namespace

base::Result<Selection> read_selection(
    const google::protobuf::RepeatedPtrField<thanos::LabelMatcher>& matchers,
    const model::Labels& external) {
    Selection selection;
    for (const thanos::LabelMatcher& wanted : matchers) {
        TRY(auto matcher, read_matcher(wanted));
        const std::string_view own = external.get(matcher.name());
        if (own.empty()) {
            selection.matchers.push_back(std::move(matcher));
        } else if (!matcher.matches(own)) {
            selection.possible = false;
        }
    }
    return selection;
}

}  // namespace storeapi
