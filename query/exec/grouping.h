// by(…) and without(…): which group a series belongs to.
#pragma once

#include <vector>

#include "query/ast.h"
#include "query/exec/context.h"

namespace query::exec {

// Numbers groups in the order they come up. Threads: one.
class Grouping {
  public:
    Grouping(ExecContext& context, std::span<const std::string> names, bool without);

    // The group of these labels.
    [[nodiscard]] size_t group_of(LabelSet labels);

    [[nodiscard]] size_t size() const { return labels_.size(); }

    [[nodiscard]] LabelSet labels(size_t group) const { return labels_[group]; }

  private:
    [[nodiscard]] bool listed(Symbol name) const;

    ExecContext& context_;
    bool without_;
    std::vector<Symbol> names_;
    LabelSetMap<size_t> groups_;
    std::vector<LabelSet> labels_;
    std::vector<LabelPair> key_;
};

}  // namespace query::exec
