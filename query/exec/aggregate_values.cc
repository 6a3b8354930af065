// count_values: how many series of a group have each value.
#include <bit>
#include <unordered_map>

#include "model/labels.h"
#include "model/quote.h"
#include "query/exec/aggregate.h"
#include "query/exec/grouping.h"
#include "query/exec/row_merger.h"
#include "query/histogram/buckets.h"
#include "query/number.h"

namespace query::exec {
namespace {

class CountValues final : public Blocking {
  public:
    explicit CountValues(AggregateInputs inputs)
        : inputs_(std::move(inputs)),
          label_(inputs_.node.inputs[1]->text),
          symbol_(inputs_.context.labels.intern(label_)),
          grouping_(inputs_.context, names(), inputs_.expr.without) {}

  protected:
    base::Result<Block> compute() override {
        if (!model::is_valid_label_name(label_, model::NameScheme::kUtf8)) {
            std::string text = "invalid label name ";
            model::append_quoted(text, label_);
            return base::fail(base::Code::kExecution, text);
        }
        TRY(out_.reset(inputs_.context.budget, 0, inputs_.steps()));
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, inputs_.input->next(in));
            if (!more) {
                return std::move(out_);
            }
            for (size_t r = 0; r < in.rows(); ++r) {
                TRY(add(in, r));
            }
            TRY(out_.account(inputs_.context.budget));
        }
    }

  private:
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> names = inputs_.expr.grouping;
        if (!inputs_.expr.without) {
            names.push_back(label_);
        }
        return names;
    }

    base::Status add(const Block& in, size_t r) {
        std::unordered_map<Symbol, size_t> rows;  // of this series, by value
        const Bits present = in.present(r);
        for (size_t step = 0; step < in.steps(); ++step) {
            if (!present.get(step)) {
                continue;
            }
            const Symbol value = text_of(in, r, step);
            const auto [found, inserted] = rows.try_emplace(value);
            if (inserted) {
                TRY(found->second, row_of(in.row(r).labels, value));
            }
            const size_t row = found->second;
            const double before = out_.present(row).get(step) ? out_.values(row)[step] : 0;
            out_.set(row, step, before + 1);
        }
        return base::success();
    }

    // One series may have as many values as there are steps, and each is a row.
    base::Result<size_t> row_of(LabelSet labels, Symbol value) {
        const LabelSet with_value = inputs_.context.labels.with(labels, symbol_, value);
        const size_t group = grouping_.group_of(with_value);
        while (out_.rows() < grouping_.size()) {
            TRY(out_.make_room(inputs_.context.budget));
            out_.add_row({grouping_.labels(out_.rows()), false});
        }
        return group;
    }

    Symbol text_of(const Block& in, size_t r, size_t step) {
        if (const HistogramPtr& histogram = in.histogram(r, step)) {
            return inputs_.context.labels.intern(histogram::to_string(*histogram));
        }
        const double value = in.values(r)[step];
        const auto [found, inserted] = texts_.try_emplace(std::bit_cast<uint64_t>(value));
        if (inserted) {
            found->second = inputs_.context.labels.intern(format_plain(value));
        }
        return found->second;
    }

    AggregateInputs inputs_;
    std::string label_;
    Symbol symbol_;
    Grouping grouping_;
    Block out_;
    std::unordered_map<uint64_t, Symbol> texts_;
};

}  // namespace

OperatorPtr make_count_values(AggregateInputs inputs) {
    return std::make_unique<CountValues>(std::move(inputs));
}

bool folds(AggregateOp op) {
    switch (op) {
        case AggregateOp::kTopk:
        case AggregateOp::kBottomk:
        case AggregateOp::kLimitk:
        case AggregateOp::kLimitRatio:
        case AggregateOp::kCountValues:
            return false;
        default:
            return true;
    }
}

OperatorPtr make_aggregate(AggregateInputs inputs) {
    switch (inputs.expr.op) {
        case AggregateOp::kTopk:
        case AggregateOp::kBottomk:
        case AggregateOp::kLimitk:
        case AggregateOp::kLimitRatio:
            return make_pick_aggregate(std::move(inputs));
        case AggregateOp::kCountValues:
            return make_count_values(std::move(inputs));
        default:
            return make_fold_aggregate(std::move(inputs));
    }
}

}  // namespace query::exec
