// Between vectors and scalars, and the functions that answer to absence: scalar, vector, absent.
#include <cmath>
#include <limits>
#include <map>
#include <numbers>
#include <set>

#include "query/exec/functions.h"
#include "query/exec/row_merger.h"
#include "query/exec/simple.h"

namespace query::exec {
namespace {

// The only float of every step, or NaN.
class ToScalar final : public Blocking {
  public:
    explicit ToScalar(FunctionInputs inputs) : inputs_(std::move(inputs)) {}

  protected:
    base::Result<Block> compute() override {
        const size_t steps = inputs_.steps();
        std::vector<uint32_t> counts(steps);
        Block out;
        TRY(out.reset(inputs_.context.budget, 1, steps));
        out.add_row({});
        double* values = out.values(0);
        Block in;
        while (true) {
            TRY(inputs_.context.check());
            TRY(const bool more, inputs_.inputs[0]->next(in));
            if (!more) {
                break;
            }
            in.erase_histograms();
            for (size_t r = 0; r < in.rows(); ++r) {
                in.present(r).for_each([&](size_t step) {
                    ++counts[step];
                    values[step] = in.values(r)[step];
                });
            }
        }
        for (size_t step = 0; step < steps; ++step) {
            out.set(0,
                    step,
                    counts[step] == 1 ? values[step] : std::numeric_limits<double>::quiet_NaN());
        }
        return out;
    }

  private:
    FunctionInputs inputs_;
};

// One row that is there when no row of the input is.
class AbsentOperator final : public Blocking {
  public:
    AbsentOperator(const Expr& argument, OperatorPtr input, size_t steps, ExecContext& context)
        : argument_(argument), input_(std::move(input)), steps_(steps), context_(context) {}

  protected:
    base::Result<Block> compute() override {
        Block out;
        TRY(out.reset(context_.budget, 1, steps_));
        const size_t row = out.add_row({labels(), false});
        std::fill_n(out.values(row), steps_, 1.0);
        Bits present = out.present(row);
        if (steps_ > 0) {
            present.fill();
        }
        Block in;
        while (present.any()) {
            TRY(context_.check());
            TRY(const bool more, input_->next(in));
            if (!more) {
                break;
            }
            for (size_t r = 0; r < in.rows(); ++r) {
                const Bits there = in.present(r);
                for (size_t w = 0; w < present.words().size(); ++w) {
                    present.words()[w] &= ~there.words()[w];
                }
            }
        }
        if (!present.any()) {
            out.clear();
        }
        return out;
    }

  private:
    // What the selector says of labels for certain: values asked for by equality, unless a later
    // matcher of the same label says something else.
    LabelSet labels() {
        const Expr& expr = without_parens(argument_);
        const VectorSelector* selector = try_as<VectorSelector>(expr);
        if (const auto* matrix = try_as<MatrixSelector>(expr)) {
            selector = matrix->selector.get();
        }
        if (selector == nullptr) {
            return {};
        }
        std::map<std::string_view, std::string_view> known;
        std::set<std::string_view> equal;
        for (const MatcherSpec& matcher : selector->matchers) {
            if (matcher.name == model::kMetricName) {
                continue;
            }
            if (matcher.type == MatchType::kEqual && equal.insert(matcher.name).second) {
                known[matcher.name] = matcher.value;
            } else {
                known.erase(matcher.name);
            }
        }
        std::vector<LabelPair> pairs;
        for (const auto& [name, value] : known) {
            pairs.push_back({context_.labels.intern(name), context_.labels.intern(value)});
        }
        return context_.labels.store_unsorted(pairs);
    }

    const Expr& argument_;
    OperatorPtr input_;
    size_t steps_;
    ExecContext& context_;
};

}  // namespace

OperatorPtr make_absent(const Expr& argument,
                        OperatorPtr present,
                        size_t steps,
                        ExecContext& context) {
    return std::make_unique<AbsentOperator>(argument, std::move(present), steps, context);
}

OperatorPtr make_shape_function(FunctionInputs& inputs) {
    switch (inputs.call.function->id) {
        case FunctionId::kPi:
            return make_number(std::numbers::pi, inputs.steps(), inputs.context);
        case FunctionId::kScalar:
            return std::make_unique<ToScalar>(std::move(inputs));
        case FunctionId::kVector:
            return std::move(inputs.inputs[0]);
        case FunctionId::kAbsent:
            return make_absent(
                *inputs.call.args[0], std::move(inputs.inputs[0]), inputs.steps(), inputs.context);
        default:
            return nullptr;
    }
}

OperatorPtr make_function(FunctionInputs inputs) {
    for (const auto family : {make_math_function,
                              make_time_function,
                              make_label_function,
                              make_sort_function,
                              make_shape_function,
                              make_histogram_function}) {
        if (OperatorPtr made = family(inputs)) {
            return made;
        }
    }
    SKEIN_CHECK(false, "a function without an operator", inputs.call.function->name);
    return nullptr;
}

}  // namespace query::exec
