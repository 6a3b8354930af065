// What a request selects, once the node's own labels are taken out of it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace google::protobuf {
template <class Element>
class RepeatedPtrField;
}  // namespace google::protobuf

namespace thanos {
class LabelMatcher;
}  // namespace thanos

namespace storeapi {

struct Selection {
    bool possible = true;                  // false: the node's labels do not match
    std::vector<model::Matcher> matchers;  // those on other labels
};

// Matchers on labels of the node are judged by the node's values and not kept.
//   external  the node's labels
//   errors    kInvalid: an expression, or a kind of matcher that is not known; kLimit: its size
[[nodiscard]] base::Result<Selection> read_selection(
    const google::protobuf::RepeatedPtrField<thanos::LabelMatcher>& matchers,
    const model::Labels& external);

}  // namespace storeapi
