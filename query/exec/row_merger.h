// Rows of equal labels become one row; two values at one step are an error.
#pragma once

#include <string_view>

#include "query/exec/operator.h"

namespace query::exec {

inline constexpr std::string_view kDuplicateLabels =
    "vector cannot contain metrics with the same labelset";

// Collects rows by their labels. Rows keep the order in which their labels came up first.
class RowMerger {
  public:
    RowMerger(ExecContext& context, size_t steps)
        : context_(context), steps_(steps), index_memory_(context.budget), pace_(context) {}

    // The row of `labels`, made when there is none yet.
    //   errors   kLimit
    [[nodiscard]] base::Result<size_t> row(const RowLabels& labels);

    // Adds every value of a row.
    //   errors   kExecution: `conflict`, when there is a value already; kLimit; those of Pace
    [[nodiscard]] base::Status add(const Block& from,
                                   size_t from_row,
                                   std::string_view conflict = kDuplicateLabels);

    // Adds the row whose labels are `labels` instead of its own.
    [[nodiscard]] base::Status add_as(const RowLabels& labels,
                                      const Block& from,
                                      size_t from_row,
                                      std::string_view conflict = kDuplicateLabels);

    [[nodiscard]] Block& block() { return block_; }

    // What was collected, without rows that are empty.
    [[nodiscard]] base::Result<Block> finish();

  private:
    ExecContext& context_;
    size_t steps_;
    Block block_;
    bool started_ = false;
    LabelSetMap<size_t> rows_;
    base::Reservation index_memory_;
    Pace pace_;
};

// What becomes of rows of equal labels.
enum class Alike : uint8_t {
    kMerged,   // one row
    kApart,    // they stay apart: who takes the rows does not mind; values that meet are an error
    kRefused,  // an error, even where their values do not meet
};

// Passes rows on. Holds them only where it merges.
[[nodiscard]] OperatorPtr make_merge(OperatorPtr input,
                                     size_t steps,
                                     Alike alike,
                                     ExecContext& context);

// The end of a query with delayed name removal: names go, and what is equal then is merged.
[[nodiscard]] OperatorPtr make_name_removal(OperatorPtr input, size_t steps, ExecContext& context);

// Hands one finished block out.
class OneBlock final : public Operator {
  public:
    explicit OneBlock(Block block) : block_(std::move(block)) {}

    base::Result<bool> next(Block& out) override {
        if (done_ || block_.empty()) {
            out.clear();
            return false;
        }
        done_ = true;
        out = std::move(block_);
        return true;
    }

  private:
    Block block_;
    bool done_ = false;
};

// An operator that needs all of its input before it can say anything: compute() is called once,
// and what it made handed out page by page, so that it goes as it is used.
class Blocking : public Operator {
  public:
    base::Result<bool> next(Block& out) final {
        if (!done_) {
            done_ = true;
            TRY(result_, compute());
        }
        TRY(const bool more, result_.give_page(given_++, out));
        if (!more) {
            result_ = Block();
            out.clear();
        }
        return more;
    }

  protected:
    // What holds memory for the making alone is to be let go of before it returns.
    [[nodiscard]] virtual base::Result<Block> compute() = 0;

  private:
    bool done_ = false;
    Block result_;
    size_t given_ = 0;  // pages
};

}  // namespace query::exec
