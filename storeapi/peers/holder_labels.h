// What a query's scope does to the labels of this node's series, and of other nodes': with dedup
// the replica labels are taken off, without it the holder's own are put on.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/labels.h"
#include "model/matcher.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "storeapi/final_labels.h"

namespace storeapi {

// Of one holder. Threads: immutable.
class HolderLabels {
  public:
    // holder  labels of the holder, that tell its series from those of others
    HolderLabels(const model::QueryScope& scope, const model::Labels& holder);

    // Whether series stay as they lie.
    [[nodiscard]] bool nothing() const { return put_on_.empty() && take_off_.empty(); }

    // The matchers that are left for the stored series: those on labels that are put on are judged
    // here. False: no series can match.
    [[nodiscard]] bool narrow(std::span<const model::Matcher> matchers,
                              std::vector<model::Matcher>& left) const;

    [[nodiscard]] std::unique_ptr<FinalLabels> final_labels() const;

    // Names of labels as the series show them, for those stored.
    void rewrite_names(std::vector<std::string>& names) const;
    [[nodiscard]] bool takes_off(std::string_view name) const;

    // The value that all series have for this name; "": not put on.
    [[nodiscard]] std::string_view put_on(std::string_view name) const { return put_on_.get(name); }

    // Names to ask for beyond a limit, as they may be taken off.
    [[nodiscard]] size_t taken_off() const { return take_off_.size(); }

  private:
    model::Labels put_on_;
    std::vector<std::string> take_off_;
};

}  // namespace storeapi
