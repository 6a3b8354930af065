// Functions of histograms: native ones in the values, and classic ones spread over series with an
// `le` label.
#include <algorithm>
#include <cmath>
#include <optional>

#include "query/exec/functions.h"
#include "query/exec/row_merger.h"
#include "query/histogram/quantile.h"
#include "query/number.h"

namespace query::exec {
namespace {

using model::FloatHistogram;

// histogram_count and the like: a float of every native histogram; floats are left out.
class HistogramMap final : public Operator {
  public:
    using Function = double (*)(const FloatHistogram&);

    HistogramMap(FunctionInputs inputs, Function function)
        : inputs_(std::move(inputs)), function_(function) {}

    base::Result<bool> next(Block& out) override {
        TRY(const bool more, inputs_.inputs[0]->next(out));
        for (size_t r = 0; r < out.rows(); ++r) {
            Bits present = out.present(r);
            base::Status status = base::success();
            present.for_each([&](size_t step) {
                if (!status) {
                    return;
                }
                if (const HistogramPtr histogram = out.histogram(r, step)) {
                    status = pace_.touch_histograms(sample_weight(*histogram));
                    out.set(r, step, function_(*histogram));
                    out.drop_histogram(r, step);
                } else {
                    present.clear(step);
                }
            });
            TRY(std::move(status));
            inputs_.context.drop_name(out.row(r));
        }
        return more;
    }

  private:
    FunctionInputs inputs_;
    Function function_;
    Pace pace_{inputs_.context};
};

// The series of one classic histogram, or one native histogram: rows that differ in `le` at most.
struct Group {
    struct Member {
        double bound = 0;
        size_t row = 0;
    };

    RowLabels labels;              // without `le`
    std::vector<Member> classic;   // sorted by bound
    std::optional<size_t> native;  // the row that may hold native histograms
};

// Groups rows once; every step then only looks at its own values.
class HistogramOperator : public Blocking {
  public:
    HistogramOperator(FunctionInputs inputs, size_t vector)
        : inputs_(std::move(inputs)), vector_(vector), table_(inputs_.context) {}

  protected:
    base::Result<Block> compute() final {
        ExecContext& context = inputs_.context;
        TRY(prepare());
        TRY(table_.drain(*inputs_.inputs[vector_], context));
        TRY(group_rows());
        RowMerger merger(context, inputs_.steps());
        merger_ = &merger;
        for (size_t step = 0; step < inputs_.steps(); ++step) {
            TRY(context.check());
            for (Group& group : groups_) {
                TRY(pace_.touch(kTouchedPerGroup + group.classic.size()));
                TRY(evaluate(group, step));
            }
        }
        return merger.finish();
    }

    virtual base::Status prepare() = 0;
    virtual base::Status native(const Group& group, const FloatHistogram& h, size_t step) = 0;
    virtual base::Status classic(const Group& group,
                                 std::vector<histogram::ClassicBucket>& buckets,
                                 size_t step) = 0;

    [[nodiscard]] PositionRange position() const {
        return place_of(*inputs_.call.args[vector_], inputs_.call);
    }

    [[nodiscard]] histogram::Place place(const Group& group) const {
        return {inputs_.context.labels.metric_name(group.labels.labels),
                position(),
                inputs_.context.annotations};
    }

    // The name for annotations, which only delayed name removal still knows.
    [[nodiscard]] std::string_view late_name(LabelSet labels) const {
        return inputs_.context.options.delayed_name_removal
                   ? inputs_.context.labels.metric_name(labels)
                   : std::string_view();
    }

    base::Status emit(RowLabels labels, size_t step, double value) {
        inputs_.context.drop_name(labels);
        TRY(const size_t row, merger_->row(labels));
        if (merger_->block().present(row).get(step)) {
            return base::fail(base::Code::kExecution, kDuplicateLabels);
        }
        merger_->block().set(row, step, value);
        return base::success();
    }

    base::Result<std::vector<double>> scalar(size_t argument) {
        return read_scalar(*inputs_.inputs[argument], inputs_.context, inputs_.steps());
    }

    FunctionInputs inputs_;

  private:
    static constexpr size_t kTouchedPerRow = 64;
    static constexpr size_t kTouchedPerGroup = 16;

    base::Status group_rows() {
        LabelTable& labels = inputs_.context.labels;
        LabelSetMap<size_t> known;
        const auto group_of = [&](LabelSet set, const RowLabels& row) -> Group& {
            const auto [found, inserted] = known.try_emplace(set, groups_.size());
            if (inserted) {
                groups_.push_back({{set, row.drop_name}, {}, std::nullopt});
            }
            return groups_[found->second];
        };
        const Symbol le[] = {kBucketSymbol};
        for (size_t r = 0; r < table_.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow));
            const RowLabels& row = table_.labels(r);
            if (holds(r, true)) {
                group_of(row.labels, row).native = r;
            }
            if (!holds(r, false)) {
                continue;
            }
            const std::string_view text = labels.text(row.labels.get(kBucketSymbol));
            if (const auto bound = parse_float(text)) {
                group_of(labels.remove(row.labels, le), row).classic.push_back({*bound, r});
            } else {
                inputs_.context.annotations.bad_bucket_label(
                    late_name(row.labels), text, position());
            }
        }
        for (Group& group : groups_) {
            TRY(pace_.touch(kTouchedPerGroup * group.classic.size()));
            std::ranges::stable_sort(group.classic, {}, &Group::Member::bound);
        }
        return base::success();
    }

    // Whether a row has histograms (or floats) at any step.
    [[nodiscard]] bool holds(size_t r, bool histograms) const {
        if (!table_.block(r).has_histograms()) {
            return !histograms;
        }
        bool any = false;
        table_.present(r).for_each(
            [&](size_t step) { any |= (table_.histogram(r, step) != nullptr) == histograms; });
        return any;
    }

    base::Status evaluate(Group& group, size_t step) {
        buckets_.clear();
        for (const Group::Member& member : group.classic) {
            if (table_.present(member.row).get(step) &&
                table_.histogram(member.row, step) == nullptr) {
                buckets_.push_back({member.bound, table_.values(member.row)[step]});
            }
        }
        const HistogramPtr* native_value = nullptr;
        if (group.native && table_.present(*group.native).get(step) &&
            table_.histogram(*group.native, step) != nullptr) {
            native_value = &table_.histogram(*group.native, step);
        }
        if (native_value != nullptr && !buckets_.empty()) {
            inputs_.context.annotations.mixed_classic_native(late_name(group.labels.labels),
                                                             position());
            return base::success();
        }
        if (native_value != nullptr) {
            TRY(pace_.touch_histograms(sample_weight(**native_value)));
            return native(group, **native_value, step);
        }
        return buckets_.empty() ? base::Status(base::success()) : classic(group, buckets_, step);
    }

    size_t vector_;
    Table table_;
    std::vector<Group> groups_;
    std::vector<histogram::ClassicBucket> buckets_;
    RowMerger* merger_ = nullptr;
    Pace pace_{inputs_.context};
};

// histogram_quantile, and histogram_quantiles with a label per quantile.
class QuantileOperator final : public HistogramOperator {
  public:
    QuantileOperator(FunctionInputs inputs, bool many)
        : HistogramOperator(std::move(inputs), many ? 0 : 1), many_(many) {}

  protected:
    base::Status prepare() override {
        const size_t first = many_ ? 2 : 0;
        const size_t last = many_ ? inputs_.call.args.size() : 1;
        for (size_t i = first; i < last; ++i) {
            TRY(auto values, scalar(i));
            for (const double q : values) {
                if (std::isnan(q) || q < 0 || q > 1) {
                    inputs_.context.annotations.invalid_quantile(
                        q, place_of(*inputs_.call.args[i], inputs_.call));
                }
            }
            quantiles_.push_back(std::move(values));
        }
        if (many_) {
            label_ = inputs_.context.labels.intern(inputs_.text(1));
        }
        return base::success();
    }

    base::Status native(const Group& group, const FloatHistogram& h, size_t step) override {
        for (const std::vector<double>& values : quantiles_) {
            const double q = values[step];
            TRY(emit(labels_of(group, q), step, histogram::quantile(q, h, place(group))));
        }
        return base::success();
    }

    base::Status classic(const Group& group,
                         std::vector<histogram::ClassicBucket>& buckets,
                         size_t step) override {
        for (const std::vector<double>& values : quantiles_) {
            const double q = values[step];
            std::optional<histogram::Monotonicity> forced;
            const double value = histogram::classic_quantile(q, buckets, forced);
            if (forced) {
                inputs_.context.annotations.forced_monotonicity(late_name(group.labels.labels),
                                                                position(),
                                                                inputs_.node.grid.at(step),
                                                                forced->min_bucket,
                                                                forced->max_bucket,
                                                                forced->max_diff);
            }
            TRY(emit(labels_of(group, q), step, value));
        }
        return base::success();
    }

  private:
    RowLabels labels_of(const Group& group, double q) {
        RowLabels labels = group.labels;
        if (many_) {
            LabelTable& table = inputs_.context.labels;
            labels.labels = table.with(labels.labels, label_, table.intern(format_label_value(q)));
        }
        return labels;
    }

    bool many_;
    Symbol label_ = kEmptySymbol;
    std::vector<std::vector<double>> quantiles_;
};

class FractionOperator final : public HistogramOperator {
  public:
    explicit FractionOperator(FunctionInputs inputs) : HistogramOperator(std::move(inputs), 2) {}

  protected:
    base::Status prepare() override {
        TRY(lower_, scalar(0));
        TRY(upper_, scalar(1));
        return base::success();
    }

    base::Status native(const Group& group, const FloatHistogram& h, size_t step) override {
        return emit(
            group.labels, step, histogram::fraction(lower_[step], upper_[step], h, place(group)));
    }

    base::Status classic(const Group& group,
                         std::vector<histogram::ClassicBucket>& buckets,
                         size_t step) override {
        return emit(
            group.labels, step, histogram::classic_fraction(lower_[step], upper_[step], buckets));
    }

  private:
    std::vector<double> lower_, upper_;
};

HistogramMap::Function function_of(FunctionId id) {
    switch (id) {
        case FunctionId::kHistogramAvg:
            return [](const FloatHistogram& h) { return h.sum / h.count; };
        case FunctionId::kHistogramCount:
            return [](const FloatHistogram& h) { return h.count; };
        case FunctionId::kHistogramSum:
            return [](const FloatHistogram& h) { return h.sum; };
        case FunctionId::kHistogramStddev:
            return [](const FloatHistogram& h) { return std::sqrt(histogram::variance(h)); };
        case FunctionId::kHistogramStdvar:
            return [](const FloatHistogram& h) { return histogram::variance(h); };
        default:
            return nullptr;
    }
}

}  // namespace

OperatorPtr make_histogram_function(FunctionInputs& inputs) {
    const FunctionId id = inputs.call.function->id;
    if (const auto function = function_of(id)) {
        return std::make_unique<HistogramMap>(std::move(inputs), function);
    }
    switch (id) {
        case FunctionId::kHistogramFraction:
            return std::make_unique<FractionOperator>(std::move(inputs));
        case FunctionId::kHistogramQuantile:
            return std::make_unique<QuantileOperator>(std::move(inputs), false);
        case FunctionId::kHistogramQuantiles:
            return std::make_unique<QuantileOperator>(std::move(inputs), true);
        default:
            return nullptr;
    }
}

}  // namespace query::exec
