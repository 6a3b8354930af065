// Which rows of two vectors belong together: on(…) and ignoring(…).
#pragma once

#include <optional>
#include <vector>

#include "query/ast.h"
#include "query/exec/context.h"

namespace query::exec {

// Numbers the match groups in the order they come up. Threads: one.
class Signatures {
  public:
    Signatures(ExecContext& context, const VectorMatching& matching);

    // The match group of these labels.
    [[nodiscard]] size_t of(LabelSet labels);
    // The same, if it came up before.
    [[nodiscard]] std::optional<size_t> find(LabelSet labels);

    [[nodiscard]] size_t size() const { return labels_.size(); }

    // The labels that a group has in common.
    [[nodiscard]] LabelSet labels(size_t signature) const { return labels_[signature]; }

    // The names of on(…) or ignoring(…).
    [[nodiscard]] std::span<const Symbol> names() const { return {names_.data(), written_}; }

  private:
    void make_key(LabelSet labels);

    ExecContext& context_;
    bool on_;
    std::vector<Symbol> names_;
    size_t written_;
    LabelSetMap<size_t> groups_;
    std::vector<LabelSet> labels_;
    std::vector<LabelPair> key_;
};

}  // namespace query::exec
