// and, or, unless.
#include "query/exec/binary.h"
#include "query/exec/row_merger.h"
#include "query/exec/signature.h"

namespace query::exec {
namespace {

constexpr size_t kGroupBytes = 96;  // of a match group in the table of them

// At which steps the match groups of one side have values.
class Presence {
  public:
    explicit Presence(const BinaryInputs& inputs)
        : words_((inputs.steps() + 63) / 64),
          signatures_(inputs.context, *inputs.expr.matching),
          memory_(inputs.context.budget) {}

    // errors   kLimit
    base::Status mark(const Block& rows) {
        // At most every row is a match group of its own.
        TRY(memory_.grow(static_cast<int64_t>(rows.rows() * group_bytes())));
        const size_t before = signatures_.size();
        for (size_t r = 0; r < rows.rows(); ++r) {
            const size_t signature = signatures_.of(rows.row(r).labels);
            there_.resize(signatures_.size() * words_, 0);
            const auto row = rows.present(r).words();
            for (size_t w = 0; w < words_; ++w) {
                there_[signature * words_ + w] |= row[w];
            }
        }
        const size_t found = rows.rows() - (signatures_.size() - before);
        memory_.shrink(static_cast<int64_t>(found * group_bytes()));
        return base::success();
    }

    // Leaves of a row the steps at which its match group has values, or has none.
    void mask(Block& rows, size_t r, bool with) {
        const auto signature = signatures_.find(rows.row(r).labels);
        const auto row = rows.present(r).words();
        for (size_t w = 0; w < words_; ++w) {
            const uint64_t there = signature ? there_[*signature * words_ + w] : 0;
            row[w] &= with ? there : ~there;
        }
    }

  private:
    // With what growing copies.
    [[nodiscard]] size_t group_bytes() const { return 2 * words_ * sizeof(uint64_t) + kGroupBytes; }

    size_t words_;
    Signatures signatures_;
    std::vector<uint64_t> there_;
    base::Reservation memory_;
};

// and, unless: rows of the left side go through, with what the right side leaves of them.
class MaskBinary final : public Operator {
  public:
    explicit MaskBinary(BinaryInputs inputs) : inputs_(std::move(inputs)), there_(inputs_) {}

    base::Result<bool> next(Block& out) override {
        if (inputs_.rhs) {
            TRY(read_right());
        }
        TRY(inputs_.context.check());
        TRY(const bool more, inputs_.lhs->next(out));
        for (size_t r = 0; r < out.rows(); ++r) {
            there_.mask(out, r, inputs_.expr.op == BinaryOp::kAnd);
        }
        return more;
    }

  private:
    base::Status read_right() {
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, inputs_.rhs->next(in));
            if (!more) {
                inputs_.rhs.reset();  // with all that it holds
                return base::success();
            }
            TRY(there_.mark(in));
        }
    }

    BinaryInputs inputs_;
    Presence there_;
};

// or: all rows of the left side, and what the right side has where no match group is.
class OrBinary final : public Blocking {
  public:
    explicit OrBinary(BinaryInputs inputs)
        : inputs_(std::move(inputs)),
          there_(inputs_),
          merger_(inputs_.context, inputs_.steps()),
          held_(inputs_.context.samples) {}

  protected:
    base::Result<Block> compute() override {
        TRY(merge(*inputs_.lhs, [&](Block& in) { return there_.mark(in); }));
        TRY(merge(*inputs_.rhs, [&](Block& in) {
            for (size_t r = 0; r < in.rows(); ++r) {
                there_.mask(in, r, false);
            }
            return base::Status(base::success());
        }));
        return merger_.finish();
    }

  private:
    template <class Look>
    base::Status merge(Operator& from, Look&& look) {
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, from.next(in));
            if (!more) {
                return base::success();
            }
            TRY(held_.add(static_cast<int64_t>(in.samples())));
            TRY(look(in));
            for (size_t r = 0; r < in.rows(); ++r) {
                TRY(merger_.add(in, r));
            }
        }
    }

    BinaryInputs inputs_;
    Presence there_;
    RowMerger merger_;
    HeldSamples held_;
};

}  // namespace

OperatorPtr make_set_binary(BinaryInputs inputs) {
    if (inputs.expr.op == BinaryOp::kOr) {
        return std::make_unique<OrBinary>(std::move(inputs));
    }
    return std::make_unique<MaskBinary>(std::move(inputs));
}

}  // namespace query::exec
