// sort, sort_desc, sort_by_label, sort_by_label_desc. Only an instant query has an order.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "query/exec/functions.h"
#include "query/exec/pieces.h"
#include "query/exec/row_merger.h"

namespace query::exec {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// The run of digits, or of other bytes, at the front.
std::string_view take_run(std::string_view& text) {
    size_t length = 1;
    while (length < text.size() && is_digit(text[length]) == is_digit(text[0])) {
        ++length;
    }
    const std::string_view run = text.substr(0, length);
    text.remove_prefix(length);
    return run;
}

int compare_numbers(std::string_view a, std::string_view b) {
    const auto digits = [](std::string_view run) {
        run.remove_prefix(std::min(run.find_first_not_of('0'), run.size()));
        return run;
    };
    const std::string_view left = digits(a);
    const std::string_view right = digits(b);
    if (left.size() != right.size()) {
        return left.size() < right.size() ? -1 : 1;
    }
    return left.compare(right);
}

// Numbers inside texts compare as numbers: "disk9" before "disk10".
int natural_compare(std::string_view a, std::string_view b) {
    while (!a.empty() && !b.empty()) {
        const std::string_view left = take_run(a);
        const std::string_view right = take_run(b);
        const bool numbers = is_digit(left[0]) && is_digit(right[0]);
        int order = numbers ? compare_numbers(left, right) : left.compare(right);
        if (order == 0 && left.size() != right.size()) {
            order = left.size() < right.size() ? 1 : -1;  // more leading zeros first
        }
        if (order != 0) {
            return order;
        }
    }
    return a.empty() ? (b.empty() ? 0 : -1) : 1;
}

class SortOperator final : public Blocking {
  public:
    explicit SortOperator(FunctionInputs inputs) : inputs_(std::move(inputs)) {}

  protected:
    base::Result<Block> compute() override {
        Table table(inputs_.context);
        TRY(table.drain(*inputs_.inputs[0], inputs_.context));
        if (by_value() && table.has_histograms()) {
            for (Block& block : table.blocks()) {
                block.erase_histograms();
            }
        }
        std::vector<size_t> order;
        for (size_t r = 0; r < table.rows(); ++r) {
            if (table.present(r).any()) {
                order.push_back(r);
            }
        }
        if (inputs_.node.grid.count == 1) {
            TRY(sort(table, order));
        }
        Block out;
        TRY(out.reset(inputs_.context.budget, order.size(), inputs_.steps()));
        Pace pace(inputs_.context);
        for (const size_t r : order) {
            TRY(pace.touch(kTouchedPerRow + inputs_.steps()));
            out.copy_row(out.add_row(table.labels(r)), table.block(r), table.index(r));
        }
        return out;
    }

  private:
    static constexpr size_t kTouchedPerRow = 16;

    [[nodiscard]] bool by_value() const {
        return id() == FunctionId::kSort || id() == FunctionId::kSortDesc;
    }

    [[nodiscard]] FunctionId id() const { return inputs_.call.function->id; }

    base::Status sort(const Table& table, std::vector<size_t>& order) {
        if (by_value()) {
            const bool descending = id() == FunctionId::kSortDesc;
            return sort_in_pieces(inputs_.context, order, [&](size_t a, size_t b) {
                const double left = table.values(a)[0];
                const double right = table.values(b)[0];
                if (std::isnan(left) || std::isnan(right)) {
                    return !std::isnan(left);
                }
                return descending ? left > right : left < right;
            });
        }
        std::vector<Symbol> names;
        for (size_t i = 1; i < inputs_.call.args.size(); ++i) {
            names.push_back(inputs_.context.labels.intern(inputs_.text(i)));
        }
        const bool descending = id() == FunctionId::kSortByLabelDesc;
        return sort_in_pieces(inputs_.context, order, [&](size_t a, size_t b) {
            const int less = compare(table.labels(a).labels, table.labels(b).labels, names);
            return descending ? less > 0 : less < 0;
        });
    }

    int compare(LabelSet a, LabelSet b, const std::vector<Symbol>& names) {
        const LabelTable& labels = inputs_.context.labels;
        for (const Symbol name : names) {
            const Symbol left = a.get(name);
            const Symbol right = b.get(name);
            if (left != right) {
                return natural_compare(labels.text(left), labels.text(right));
            }
        }
        return labels.compare(a, b);
    }

    FunctionInputs inputs_;
};

}  // namespace

OperatorPtr make_sort_function(FunctionInputs& inputs) {
    switch (inputs.call.function->id) {
        case FunctionId::kSort:
        case FunctionId::kSortDesc:
        case FunctionId::kSortByLabel:
        case FunctionId::kSortByLabelDesc:
            if (inputs.node.grid.count > 1) {
                inputs.context.annotations.sort_in_range_query(inputs.call.position);
            }
            return std::make_unique<SortOperator>(std::move(inputs));
        default:
            return nullptr;
    }
}

}  // namespace query::exec
