// The shape of every operator: blocks are pulled out of it until there are none left.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "query/exec/block.h"
#include "query/exec/context.h"

namespace query::exec {

// Threads: one. Dropping an operator before it is drained is allowed.
class Operator {
  public:
    virtual ~Operator() = default;

    // Fills `out` with the next rows; what was in it is lost. Rows without any value are left out.
    // Returns false when there are none left, `out` is then empty.
    //   errors   kExecution, kTimeout, kCanceled, kLimit, and those of the storage
    [[nodiscard]] virtual base::Result<bool> next(Block& out) = 0;
};

using OperatorPtr = std::unique_ptr<Operator>;

// All rows of an operator, held in memory and counted as samples.
class Table {
  public:
    explicit Table(ExecContext& context) : held_(context.samples) {}

    [[nodiscard]] base::Status drain(Operator& from, ExecContext& context);

    // Lets go of them.
    void clear();

    // Nobody looks at row `r` any more; said once. What all rows of a block take goes with the
    // last.
    void let_go(size_t r) {
        const uint32_t block = places_[r].block;
        if (--rows_left_[block] == 0) {
            blocks_[block] = Block();
        }
    }

    struct Place {
        uint32_t block = 0;
        uint32_t row = 0;
    };

    [[nodiscard]] size_t rows() const { return places_.size(); }

    [[nodiscard]] const Block& block(size_t r) const { return blocks_[places_[r].block]; }

    [[nodiscard]] Block& block(size_t r) { return blocks_[places_[r].block]; }

    // The index of row `r` in block(r).
    [[nodiscard]] size_t index(size_t r) const { return places_[r].row; }

    [[nodiscard]] const RowLabels& labels(size_t r) const { return block(r).row(index(r)); }

    [[nodiscard]] const double* values(size_t r) const { return block(r).values(index(r)); }

    [[nodiscard]] Bits present(size_t r) const { return block(r).present(index(r)); }

    [[nodiscard]] const HistogramPtr& histogram(size_t r, size_t step) const {
        return block(r).histogram(index(r), step);
    }

    [[nodiscard]] bool has_histograms() const { return has_histograms_; }

    [[nodiscard]] std::vector<Block>& blocks() { return blocks_; }

  private:
    std::vector<Block> blocks_;
    std::vector<uint32_t> rows_left_;  // of each block, those that were not let go
    std::vector<Place> places_;
    HeldSamples held_;
    bool has_histograms_ = false;
};

// The values of a scalar expression at every step: one row, always present.
[[nodiscard]] base::Result<std::vector<double>> read_scalar(Operator& from,
                                                            ExecContext& context,
                                                            size_t steps);

}  // namespace query::exec
