#include "query/exec/partial.h"

#include <optional>

#include "query/exec/aggregate.h"
#include "query/exec/build.h"
#include "query/exec/fold_table.h"
#include "query/exec/grouping.h"
#include "query/exec/hashed_series.h"

namespace query::exec {
namespace {

using base::Result;
using model::Partial;
using model::PartialRow;

// Passes floats on and stops at the first histogram.
class FloatsOnly final : public Operator {
  public:
    FloatsOnly(OperatorPtr input, bool& stopped) : input_(std::move(input)), stopped_(stopped) {}

    Result<bool> next(Block& out) override {
        TRY(const bool more, input_->next(out));
        if (more && out.has_histograms() && any_histogram(out)) {
            stopped_ = true;
            out.clear();
            return false;
        }
        return more;
    }

  private:
    static bool any_histogram(const Block& block) {
        bool any = false;
        for (size_t r = 0; r < block.rows(); ++r) {
            block.present(r).for_each(
                [&](size_t step) { any |= block.histogram(r, step) != nullptr; });
        }
        return any;
    }

    OperatorPtr input_;
    bool& stopped_;
};

int64_t row_bytes(const PartialRow& row) {
    return static_cast<int64_t>(sizeof(PartialRow) + row.labels.packed().size() +
                                (row.present.size() + row.values.size()) * sizeof(double));
}

bool is_folded(AggregateOp op) {
    return op != AggregateOp::kTopk && op != AggregateOp::kBottomk &&
           op != AggregateOp::kCountValues;
}

// Works one part out.
class Part {
  public:
    Part(const PartInputs& inputs, ExecContext& context)
        : node_(inputs.aggregate),
          expr_(as<AggregateExpr>(*node_.expr)),
          context_(context),
          series_(inputs.series, inputs.without),
          builder_(&series_, context),
          memory_(context.budget) {
        builder_.share_nothing();
    }

    Result<Partial> run() {
        input_ = std::make_unique<FloatsOnly>(builder_.build(*node_.inputs[0]), out_.refused);
        TRY(is_folded(expr_.op) ? fold() : keep_rows());
        if (out_.refused || !context_.annotations.give(out_)) {
            Partial refused;
            refused.refused = true;
            return refused;
        }
        out_.series = series_.take_hashes();
        out_.samples_read = context_.samples.total_read();
        out_.samples_queried = context_.samples.total_queried();
        return std::move(out_);
    }

  private:
    base::Status fold() {
        const size_t steps = node_.grid.count;
        Grouping grouping(context_, expr_.grouping, expr_.without);
        FoldTable table(expr_.op, steps, context_);
        out_.width = table.fold().width();
        Block in;
        while (true) {
            TRY(context_.check());
            TRY(const bool more, input_->next(in));
            if (!more) {
                break;
            }
            for (size_t r = 0; r < in.rows(); ++r) {
                const size_t group = grouping.group_of(in.row(r).labels);
                if (group >= table.groups()) {
                    TRY(table.grow(group + 1));
                }
                table.add_row(group, in.values(r), in.present(r));
            }
        }
        for (size_t group = 0; !out_.refused && group < table.groups(); ++group) {
            TRY(add_state(table, group, grouping.labels(group)));
        }
        return base::success();
    }

    base::Status add_state(FoldTable& table, size_t group, LabelSet labels) {
        PartialRow& row = start_row(labels, table.seen(group));
        double* state = row.values.data();
        table.seen(group).for_each([&](size_t step) {
            table.fold().save(table.place(group, step), state);
            state += out_.width;
        });
        return memory_.grow(row_bytes(row));
    }

    // The rows that the aggregation yields of these series, as they are.
    base::Status keep_rows() {
        OperatorPtr param;
        if (node_.inputs[1]->kind != plan::NodeKind::kString) {
            param = builder_.build(*node_.inputs[1]);
        }
        const OperatorPtr rows =
            make_aggregate({node_, expr_, std::move(input_), std::move(param), context_});
        Block in;
        while (true) {
            TRY(const bool more, rows->next(in));
            if (!more || out_.refused) {
                return base::success();
            }
            for (size_t r = 0; r < in.rows(); ++r) {
                PartialRow& row = start_row(in.row(r).labels, in.present(r));
                double* value = row.values.data();
                in.present(r).for_each([&](size_t step) { *value++ = in.values(r)[step]; });
                TRY(memory_.grow(row_bytes(row)));
            }
        }
    }

    PartialRow& start_row(LabelSet labels, Bits present) {
        PartialRow& row = out_.rows.emplace_back();
        row.labels = context_.labels.to_labels(labels);
        row.present.assign(present.words().begin(), present.words().end());
        row.values.resize(present.count() * out_.width);
        return row;
    }

    const plan::Node& node_;
    const AggregateExpr& expr_;
    ExecContext& context_;
    HashedQuerier series_;
    Builder builder_;
    OperatorPtr input_;
    Partial out_;
    base::Reservation memory_;  // of the rows, while those they come from are there too
};

// The labels of a row in the symbols of the query.
LabelSet import(const model::Labels& labels, LabelTable& table) {
    std::vector<LabelPair> pairs;
    pairs.reserve(labels.size());
    for (const model::LabelView label : labels) {
        pairs.push_back({table.intern(label.name), table.intern(label.value)});
    }
    return table.store(pairs);
}

// visit(step, state) for every step of the row.
template <class Visit>
void for_each_state(const PartialRow& row, size_t steps, uint32_t width, Visit&& visit) {
    const double* state = row.values.data();
    const Bits present(const_cast<uint64_t*>(row.present.data()), steps);
    present.for_each([&](size_t step) {
        visit(step, state);
        state += width;
    });
}

bool well_formed(const PartialRow& row, size_t steps, uint32_t width) {
    if (row.present.size() != (steps + 63) / 64) {
        return false;
    }
    const Bits present(const_cast<uint64_t*>(row.present.data()), steps);
    const bool inside = steps % 64 == 0 || row.present.back() >> (steps % 64) == 0;
    return inside && row.values.size() == present.count() * width;
}

base::Status check(std::span<const Partial> parts, size_t steps, uint32_t width) {
    for (const Partial& part : parts) {
        bool good = part.width == width;
        for (const PartialRow& row : part.rows) {
            good = good && well_formed(row, steps, width);
        }
        if (!good) {
            return base::fail(base::Code::kCorrupt,
                              "a node's part of an aggregation does not fit the query: do all "
                              "nodes run the same version?");
        }
    }
    return base::success();
}

// Rows of all parts, as the input of the aggregation that picks among them.
class RowsOfParts final : public Operator {
  public:
    RowsOfParts(std::span<const Partial> parts, size_t steps, ExecContext& context)
        : parts_(parts), steps_(steps), context_(context) {}

    Result<bool> next(Block& out) override {
        const size_t rows = rows_per_block(steps_);
        TRY(out.reset(context_.budget, rows, steps_));
        while (out.rows() < rows && part_ < parts_.size()) {
            if (row_ == parts_[part_].rows.size()) {
                ++part_;
                row_ = 0;
                continue;
            }
            add(parts_[part_].rows[row_++], out);
        }
        return !out.empty();
    }

  private:
    void add(const PartialRow& from, Block& out) {
        const size_t row = out.add_row({import(from.labels, context_.labels), false});
        for_each_state(
            from, steps_, 1, [&](size_t step, const double* value) { out.set(row, step, *value); });
    }

    std::span<const Partial> parts_;
    size_t steps_;
    ExecContext& context_;
    size_t part_ = 0;
    size_t row_ = 0;
};

// Merges rows of equal labels, by the states of `op`.
Result<Block> merge_states(AggregateOp op,
                           size_t steps,
                           std::span<const Partial> parts,
                           ExecContext& context) {
    FoldTable table(op, steps, context);
    TRY(check(parts, steps, table.fold().width()));
    LabelSetMap<size_t> groups;
    std::vector<LabelSet> labels;
    for (const Partial& part : parts) {
        TRY(context.check());
        for (const PartialRow& row : part.rows) {
            const LabelSet key = import(row.labels, context.labels);
            const auto [found, inserted] = groups.try_emplace(key, labels.size());
            if (inserted) {
                labels.push_back(key);
                TRY(table.grow(labels.size()));
            }
            for_each_state(row, steps, part.width, [&](size_t step, const double* state) {
                table.merge(found->second, step, state);
            });
        }
    }
    Block out;
    TRY(out.reset(context.budget, labels.size(), steps));
    for (size_t group = 0; group < labels.size(); ++group) {
        const size_t row = out.add_row({labels[group], false});
        table.seen(group).for_each(
            [&](size_t step) { out.set(row, step, table.value(group, step, 0)); });
        if (!out.present(row).any()) {
            out.drop_last_row();
        }
    }
    return out;
}

Result<Block> pick(const plan::Node& node, std::span<const Partial> parts, ExecContext& context) {
    const size_t steps = node.grid.count;
    TRY(check(parts, steps, 1));
    const OperatorPtr picked =
        make_pick_aggregate({node,
                             as<AggregateExpr>(*node.expr),
                             std::make_unique<RowsOfParts>(parts, steps, context),
                             make_number(node.inputs[1]->number, steps, context),
                             context});
    Block out;
    TRY(const bool any, picked->next(out));
    return any ? std::move(out) : Block();
}

}  // namespace

int64_t bytes_of(const Partial& part) {
    auto bytes = static_cast<int64_t>(sizeof(Partial) + part.series.size() * sizeof(uint64_t));
    for (const PartialRow& row : part.rows) {
        bytes += row_bytes(row);
    }
    return bytes;
}

Result<Partial> work_out_part(const PartInputs& inputs, ExecContext& context) {
    return Part(inputs, context).run();
}

Result<Block> merge_parts(const plan::Node& aggregate,
                          std::span<const Partial> parts,
                          ExecContext& context) {
    switch (const AggregateOp op = as<AggregateExpr>(*aggregate.expr).op) {
        case AggregateOp::kTopk:
        case AggregateOp::kBottomk:
            return pick(aggregate, parts, context);
        case AggregateOp::kCountValues:
            return merge_states(AggregateOp::kCount, aggregate.grid.count, parts, context);
        default:
            return merge_states(op, aggregate.grid.count, parts, context);
    }
}

}  // namespace query::exec
