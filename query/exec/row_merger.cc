#include "query/exec/row_merger.h"

namespace query::exec {
namespace {

using base::Code;

constexpr int64_t kIndexBytesPerRow = 64;  // a hash table's node and bucket
constexpr size_t kTouchedPerRow = 16;      // looking a row up takes as long as so many samples

class MergeOperator final : public Blocking {
  public:
    MergeOperator(OperatorPtr input, size_t steps, bool strict, bool drop, ExecContext& context)
        : input_(std::move(input)),
          steps_(steps),
          strict_(strict),
          drop_names_(drop),
          context_(context) {}

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
        const size_t before = merger.block().rows();
        TRY(const size_t row, merger.row(labels));
        if (strict_ && row < before) {
            return base::fail(Code::kExecution, kDuplicateLabels);
        }
        return merger.add_as(labels, in, r);
    }

    OperatorPtr input_;
    size_t steps_;
    bool strict_;
    bool drop_names_;
    ExecContext& context_;
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

OperatorPtr make_merge(OperatorPtr input, size_t steps, bool strict, ExecContext& context) {
    return std::make_unique<MergeOperator>(std::move(input), steps, strict, false, context);
}

OperatorPtr make_name_removal(OperatorPtr input, size_t steps, ExecContext& context) {
    return std::make_unique<MergeOperator>(std::move(input), steps, false, true, context);
}

}  // namespace query::exec
