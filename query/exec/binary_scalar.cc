// Operators with a scalar on at least one side.
#include "query/exec/binary.h"
#include "query/exec/pieces.h"

namespace query::exec {
namespace {

class ScalarBinary final : public Operator {
  public:
    explicit ScalarBinary(BinaryInputs inputs) : inputs_(std::move(inputs)) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, inputs_.lhs->next(out));
        if (!more) {
            return false;
        }
        TRY(const auto rhs, read_scalar(*inputs_.rhs, inputs_.context, inputs_.steps()));
        const FloatOp op = float_op(inputs_.expr.op);
        const FloatTest test = float_test(inputs_.expr.op);
        double* values = out.values(0);
        TRY(in_pieces(inputs_.context, out.steps(), [&](size_t begin, size_t end) {
            for (size_t step = begin; step < end; ++step) {
                values[step] = test != nullptr ? (test(values[step], rhs[step]) ? 1.0 : 0.0)
                                               : op(values[step], rhs[step]);
            }
        }));
        return true;
    }

  private:
    BinaryInputs inputs_;
};

class VectorScalarBinary final : public Operator {
  public:
    VectorScalarBinary(BinaryInputs inputs, bool vector_left)
        : inputs_(std::move(inputs)),
          vector_left_(vector_left),
          op_(float_op(inputs_.expr.op)),
          test_(float_test(inputs_.expr.op)) {}

    base::Result<bool> next(Block& out) override {
        if (!started_) {
            started_ = true;
            Operator& scalar = vector_left_ ? *inputs_.rhs : *inputs_.lhs;
            TRY(scalar_, read_scalar(scalar, inputs_.context, inputs_.steps()));
        }
        Operator& vector = vector_left_ ? *inputs_.lhs : *inputs_.rhs;
        while (true) {
            TRY(const bool more, vector.next(out));
            if (!more) {
                return false;
            }
            for (size_t r = 0; r < out.rows(); ++r) {
                TRY(apply(out, r));
            }
            return true;
        }
    }

  private:
    base::Status apply(Block& out, size_t r) {
        if (out.has_histograms() || is_trim(inputs_.expr.op)) {
            TRY(apply_any(out, r));
        } else if (test_ != nullptr) {
            TRY(compare(out.values(r), out.present(r)));
        } else {
            TRY(compute(out.values(r), out.steps()));
        }
        if (changes_meaning(inputs_.expr.op) || inputs_.expr.return_bool) {
            inputs_.context.drop_name(out.row(r));
        }
        return base::success();
    }

    base::Status compute(double* values, size_t steps) {
        return in_pieces(inputs_.context, steps, [&](size_t begin, size_t end) {
            for (size_t step = begin; step < end; ++step) {
                values[step] = vector_left_ ? op_(values[step], scalar_[step])
                                            : op_(scalar_[step], values[step]);
            }
        });
    }

    base::Status compare(double* values, Bits present) {
        return for_each_set(inputs_.context, present, [&](size_t step) {
            const bool yes = vector_left_ ? test_(values[step], scalar_[step])
                                          : test_(scalar_[step], values[step]);
            if (inputs_.expr.return_bool) {
                values[step] = yes ? 1 : 0;
            } else if (!yes) {
                present.clear(step);
            }
        });
    }

    base::Status apply_any(Block& out, size_t r) {
        Bits present = out.present(r);
        base::Status status = base::success();
        present.for_each([&](size_t step) {
            const HistogramPtr before = out.histogram(r, step);
            if (status) {
                status = before ? pace_.touch_histograms(sample_weight(*before)) : pace_.touch(1);
            }
            if (!status) {
                return;
            }
            const Operand element{out.values(r)[step], before.get()};
            const Operand scalar{scalar_[step], nullptr};
            Outcome outcome =
                vector_left_ ? combine(inputs_.expr, element, scalar, inputs_.context.annotations)
                             : combine(inputs_.expr, scalar, element, inputs_.context.annotations);
            if (!outcome.valid || (!outcome.keep && !inputs_.expr.return_bool)) {
                present.clear(step);
                return;
            }
            if (inputs_.expr.return_bool) {
                out.set(r, step, outcome.keep ? 1.0 : 0.0);
                out.drop_histogram(r, step);
            } else if (test_ == nullptr && outcome.histogram) {
                out.set(r, step, std::move(outcome.histogram));
            } else if (test_ == nullptr) {
                out.set(r, step, outcome.value);
                out.drop_histogram(r, step);
            }
            // A comparison that filters keeps the element as it is.
        });
        return status;
    }

    BinaryInputs inputs_;
    bool vector_left_;
    FloatOp op_;
    FloatTest test_;
    Pace pace_{inputs_.context};
    bool started_ = false;
    std::vector<double> scalar_;
};

}  // namespace

OperatorPtr make_scalar_binary(BinaryInputs inputs) {
    return std::make_unique<ScalarBinary>(std::move(inputs));
}

OperatorPtr make_vector_scalar_binary(BinaryInputs inputs, bool vector_left) {
    return std::make_unique<VectorScalarBinary>(std::move(inputs), vector_left);
}

}  // namespace query::exec
