// and, or, unless.
#include "query/exec/binary.h"
#include "query/exec/row_merger.h"
#include "query/exec/signature.h"

namespace query::exec {
namespace {

constexpr size_t kGroupBytes = 96;  // of a match group in the table of them

class SetBinary final : public Blocking {
  public:
    explicit SetBinary(BinaryInputs inputs)
        : inputs_(std::move(inputs)),
          signatures_(inputs_.context, *inputs_.expr.matching),
          memory_(inputs_.context.budget) {}

  protected:
    base::Result<Block> compute() override {
        const bool is_or = inputs_.expr.op == BinaryOp::kOr;
        Table kept(inputs_.context);
        Table other(inputs_.context);
        // The side that is only asked where it has values is read first.
        Operator& asked = is_or ? *inputs_.lhs : *inputs_.rhs;
        TRY(other.drain(asked, inputs_.context));
        TRY(kept.drain(is_or ? *inputs_.rhs : *inputs_.lhs, inputs_.context));
        // At most every row is a match group of its own.
        const size_t rows = kept.rows() + other.rows();
        TRY(memory_.grow(static_cast<int64_t>(rows * (words() * sizeof(uint64_t) + kGroupBytes))));
        for (size_t r = 0; r < other.rows(); ++r) {
            mark(other, r);
        }
        RowMerger merger(inputs_.context, inputs_.steps());
        for (size_t r = 0; is_or && r < other.rows(); ++r) {
            TRY(merger.add(other.block(r), other.index(r)));
        }
        for (size_t r = 0; r < kept.rows(); ++r) {
            mask(kept, r, inputs_.expr.op == BinaryOp::kAnd);
            TRY(merger.add(kept.block(r), kept.index(r)));
        }
        return merger.finish();
    }

  private:
    [[nodiscard]] size_t words() const { return (inputs_.steps() + 63) / 64; }

    // Notes at which steps a match group has values.
    void mark(const Table& table, size_t r) {
        const size_t signature = signatures_.of(table.labels(r).labels);
        there_.resize(signatures_.size() * words(), 0);
        const auto row = table.present(r).words();
        for (size_t w = 0; w < words(); ++w) {
            there_[signature * words() + w] |= row[w];
        }
    }

    // Leaves of a row the steps at which its match group has values, or has none.
    void mask(Table& table, size_t r, bool with) {
        const size_t signature = signatures_.of(table.labels(r).labels);
        there_.resize(signatures_.size() * words(), 0);
        const auto row = table.present(r).words();
        for (size_t w = 0; w < words(); ++w) {
            const uint64_t there = there_[signature * words() + w];
            row[w] &= with ? there : ~there;
        }
    }

    BinaryInputs inputs_;
    Signatures signatures_;
    std::vector<uint64_t> there_;
    base::Reservation memory_;
};

}  // namespace

OperatorPtr make_set_binary(BinaryInputs inputs) {
    return std::make_unique<SetBinary>(std::move(inputs));
}

}  // namespace query::exec
