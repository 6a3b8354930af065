#include "query/exec/row_merger.h"

namespace query::exec {
namespace {

using base::Code;

constexpr int64_t kIndexBytesPerRow = 64;  // a hash table's node and bucket
constexpr size_t kTouchedPerRow = 16;      // looking a row up takes as long as so many samples

class MergeOperator final : public Blocking {
  public:
    MergeOperator(OperatorPtr input, size_t steps, bool drop, ExecContext& context)
        : input_(std::move(input)), steps_(steps), drop_names_(drop), context_(context) {}

  protected:
    base::Result<Block> compute() override {
        RowMerger merger(context_, steps_);
        HeldSamples held(context_.samples);
        Block in;
        while (true) {
            TRY(context_.check());
            TRY(const bool more, input_->next(in));
            if (!more) {
                input_.reset();  // with what it holds
                return merger.finish();
            }
            TRY(held.add(static_cast<int64_t>(in.samples())));
            for (size_t r = 0; r < in.rows(); ++r) {
                TRY(add(merger, in, r));
            }
        }
    }

  private:
    base::Status add(RowMerger& merger, Block& in, size_t r) {
        RowLabels labels = in.row(r);
        if (drop_names_) {
            if (labels.drop_name) {
                labels.labels = context_.labels.without_metadata(labels.labels);
            }
            labels.drop_name = false;
        }
        return merger.add_as(labels, in, r);
    }

    OperatorPtr input_;
    size_t steps_;
    bool drop_names_;
    ExecContext& context_;
};

// Lets rows through and knows of those that went where they have values.
class ApartOperator final : public Operator {
  public:
    ApartOperator(OperatorPtr input, size_t steps, bool refused, ExecContext& context)
        : input_(std::move(input)),
          words_(refused ? 0 : (steps + 63) / 64),
          refused_(refused),
          context_(context),
          memory_(context.budget),
          pace_(context) {}

    base::Result<bool> next(Block& out) override {
        TRY(context_.check());
        TRY(const bool more, input_->next(out));
        if (!more) {
            rows_ = LabelSetMap<size_t>();
            there_ = std::vector<uint64_t>();
            memory_.reset();
            return false;
        }
        // With what growing copies.
        const auto bytes = kIndexBytesPerRow + static_cast<int64_t>(2 * words_ * sizeof(uint64_t));
        TRY(memory_.grow(bytes * static_cast<int64_t>(out.rows())));
        for (size_t r = 0; r < out.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow + words_));
            TRY(add(out, r));
        }
        return true;
    }

  private:
    base::Status add(const Block& block, size_t r) {
        const auto [found, inserted] = rows_.try_emplace(block.row(r).labels, rows_.size());
        if (!inserted && refused_) {
            return base::fail(Code::kExecution, kDuplicateLabels);
        }
        there_.resize(rows_.size() * words_, 0);
        const auto row = block.present(r).words();
        for (size_t w = 0; w < words_; ++w) {
            uint64_t& there = there_[found->second * words_ + w];
            if ((there & row[w]) != 0) {
                return base::fail(Code::kExecution, kDuplicateLabels);
            }
            there |= row[w];
        }
        return base::success();
    }

    OperatorPtr input_;
    size_t words_;  // of a row's presence; none where that does not matter
    bool refused_;
    ExecContext& context_;
    LabelSetMap<size_t> rows_;
    std::vector<uint64_t> there_;
    base::Reservation memory_;
    Pace pace_;
};

}  // namespace

base::Result<size_t> RowMerger::row(const RowLabels& labels) {
    if (!started_) {
        started_ = true;
        // An empty reset only sets the number of steps.
        base::ignore(block_.reset(context_.budget, 0, steps_), "zero bytes are always there");
    }
    const auto found = rows_.find(labels.labels);
    if (found != rows_.end()) {
        return found->second;
    }
    TRY(index_memory_.grow(kIndexBytesPerRow));
    TRY(block_.make_room(context_.budget));
    rows_.emplace(labels.labels, block_.rows());
    return block_.add_row(labels);
}

base::Status RowMerger::add(const Block& from, size_t from_row, std::string_view conflict) {
    return add_as(from.row(from_row), from, from_row, conflict);
}

base::Status RowMerger::add_as(const RowLabels& labels,
                               const Block& from,
                               size_t from_row,
                               std::string_view conflict) {
    TRY(pace_.touch(kTouchedPerRow + steps_));
    TRY(const size_t to, row(labels));
    bool clash = false;
    from.present(from_row).for_each([&](size_t step) {
        clash |= block_.present(to).get(step);
        block_.copy(to, step, from, from_row, step);
    });
    if (clash) {
        return base::fail(Code::kExecution, conflict);
    }
    return block_.account(context_.budget);
}

base::Result<Block> RowMerger::finish() {
    rows_ = LabelSetMap<size_t>();
    index_memory_.reset();
    bool all = true;
    for (size_t r = 0; r < block_.rows(); ++r) {
        all &= block_.present(r).any();
    }
    if (all) {
        return std::move(block_);
    }
    Block out;
    TRY(out.reset(context_.budget, block_.rows(), steps_));
    for (size_t r = 0; r < block_.rows(); ++r) {
        TRY(pace_.touch(kTouchedPerRow + steps_));
        if (block_.present(r).any()) {
            out.copy_row(out.add_row(block_.row(r)), block_, r);
        }
    }
    return out;
}

OperatorPtr make_merge(OperatorPtr input, size_t steps, Alike alike, ExecContext& context) {
    if (alike == Alike::kMerged) {
        return std::make_unique<MergeOperator>(std::move(input), steps, false, context);
    }
    return std::make_unique<ApartOperator>(
        std::move(input), steps, alike == Alike::kRefused, context);
}

OperatorPtr make_name_removal(OperatorPtr input, size_t steps, ExecContext& context) {
    return std::make_unique<MergeOperator>(std::move(input), steps, true, context);
}

}  // namespace query::exec
