// The accumulators of an aggregation's groups, one place per group and step, with which of them
// were added to, and what they cost.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "query/exec/context.h"
#include "query/exec/fold.h"

namespace query::exec {

// Groups are numbered from 0. Threads: one.
class FoldTable {
  public:
    FoldTable(AggregateOp op, size_t steps, ExecContext& context)
        : steps_(steps),
          words_((steps + 63) / 64),
          fold_(make_fold(op)),
          held_(context.samples),
          memory_(context.budget) {}

    // Makes room for that many groups, which are not fewer than before.
    //   errors  kLimit naming the budget; kExecution: too many samples
    [[nodiscard]] base::Status grow(size_t groups);

    [[nodiscard]] size_t groups() const { return groups_; }

    // The place of a group's step.
    [[nodiscard]] size_t place(size_t group, size_t step) const { return group * steps_ + step; }

    void add_row(size_t group, const double* values, Bits present);

    void add(size_t group, size_t step, double value) {
        fold_->add(place(group, step), value);
        seen(group).set(step);
    }

    // Adds a state that was saved.
    void merge(size_t group, size_t step, const double* state) {
        fold_->merge(place(group, step), state);
        seen(group).set(step);
    }

    [[nodiscard]] const Fold& fold() const { return *fold_; }

    [[nodiscard]] double value(size_t group, size_t step, double param) {
        return fold_->value(place(group, step), param);
    }

    // The steps at which anything was added.
    [[nodiscard]] Bits seen(size_t group) { return {seen_.data() + group * words_, steps_}; }

  private:
    static constexpr size_t kBytesPerPlace = 24;  // of the largest accumulator with fixed size

    size_t steps_;
    size_t words_;
    std::unique_ptr<Fold> fold_;
    std::vector<uint64_t> seen_;  // group × words
    size_t groups_ = 0;
    size_t room_ = 0;  // places that are paid for
    HeldSamples held_;
    base::Reservation memory_;
};

}  // namespace query::exec
