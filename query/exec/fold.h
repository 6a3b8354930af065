// The accumulators of aggregations: one place per group and step, added to row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "query/exec/block.h"
#include "query/types.h"

namespace query::exec {

// Places are numbered group × steps + step.
class Fold {
  public:
    virtual ~Fold() = default;
    // Makes room for `places` places; those there are kept.
    virtual void grow(size_t places) = 0;
    // Adds the values of a row to the places from `first` on.
    virtual void add_row(size_t first, const double* values, Bits present) = 0;
    virtual void add(size_t place, double value) = 0;
    // The result of a place to which something was added. `param` is the parameter at its step. Of
    // a quantile: on any thread, several at once.
    [[nodiscard]] virtual double value(size_t place, double param) = 0;

    // Parts of a result, worked out apart, are put together by their states. How many numbers the
    // state of a place is; 0: there are no parts, save() and merge() are not called.
    [[nodiscard]] virtual uint32_t width() const { return 1; }

    // Writes `width` numbers.
    virtual void save(size_t place, double* state) const;
    // Adds a state that was saved; whatever the numbers are, this is safe.
    virtual void merge(size_t place, const double* state);
};

[[nodiscard]] std::unique_ptr<Fold> make_fold(AggregateOp op);

}  // namespace query::exec
