// Arithmetic and comparison between two vectors. Rows are matched once per query, by signatures;
// then whole rows are computed. That at one step two rows claim the same partner is looked for only
// where a match group has several rows.
#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "query/exec/binary.h"
#include "query/exec/row_merger.h"
#include "query/exec/signature.h"

namespace query::exec {
namespace {

using base::Code;

using Words = std::vector<uint64_t>;

// Of match groups, at most: the group itself, its place in tables and its lists of rows.
constexpr size_t kGroupBytesPerRow = 320;

class VectorBinary final : public Blocking {
  public:
    explicit VectorBinary(BinaryInputs inputs)
        : inputs_(std::move(inputs)),
          context_(inputs_.context),
          expr_(inputs_.expr),
          matching_(*inputs_.expr.matching),
          swapped_(matching_.card == MatchCard::kOneToMany),
          one_to_one_(matching_.card == MatchCard::kOneToOne),
          words_((inputs_.steps() + 63) / 64),
          signatures_(context_, matching_),
          many_(context_),
          one_(context_),
          merger_(context_, inputs_.steps()),
          pace_(context_),
          group_memory_(context_.budget),
          op_(float_op(expr_.op)),
          test_(float_test(expr_.op)) {
        for (const std::string& name : matching_.include) {
            include_.push_back(context_.labels.intern(name));
        }
    }

  protected:
    base::Result<Block> compute() override {
        TRY(many_.drain(swapped_ ? *inputs_.rhs : *inputs_.lhs, context_));
        TRY(one_.drain(swapped_ ? *inputs_.lhs : *inputs_.rhs, context_));
        const size_t rows = many_.rows() + one_.rows();
        TRY(group_memory_.grow(static_cast<int64_t>(rows * kGroupBytesPerRow)));
        TRY(find_groups());
        find_active_steps();
        for (Group& group : groups_) {
            TRY(context_.check());
            TRY(join(group));
            group.matched = {};
            group.produced = {};
        }
        return merger_.finish();
    }

  private:
    struct Group {
        LabelSet labels;
        std::vector<size_t> many;
        std::vector<size_t> one;
        // Where result labels have been produced already, when that can happen twice.
        LabelSetMap<Words> produced;
        Words matched;  // where any row of the many side found a partner
    };

    // fill_right stands in for the side that is unique, fill_left for the other one, also when
    // group_right swaps them: so Prometheus has it.
    [[nodiscard]] std::optional<double> fill_one() const { return matching_.fill_right; }

    [[nodiscard]] std::optional<double> fill_many() const { return matching_.fill_left; }

    static constexpr size_t kTouchedPerRow = 64;  // finding a group takes as long

    base::Status find_groups() {
        const auto group_of = [&](LabelSet labels) -> Group& {
            const size_t signature = signatures_.of(labels);
            if (signature == groups_.size()) {
                groups_.push_back({signatures_.labels(signature), {}, {}, {}, {}});
            }
            return groups_[signature];
        };
        for (size_t r = 0; r < many_.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow));
            group_of(many_.labels(r).labels).many.push_back(r);
        }
        for (size_t r = 0; r < one_.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow));
            group_of(one_.labels(r).labels).one.push_back(r);
        }
        return base::success();
    }

    static Words union_of(const Table& table, size_t words) {
        Words all(words, 0);
        for (size_t r = 0; r < table.rows(); ++r) {
            const auto row = table.present(r).words();
            for (size_t w = 0; w < words; ++w) {
                all[w] |= row[w];
            }
        }
        return all;
    }

    // Where one side has no values at all nothing is matched, so nothing can go wrong either.
    void find_active_steps() {
        active_ = union_of(many_, words_);
        const Words other = union_of(one_, words_);
        const bool fills = fill_one() || fill_many();
        for (size_t w = 0; w < words_; ++w) {
            active_[w] = fills ? active_[w] | other[w] : active_[w] & other[w];
        }
    }

    base::Status join(Group& group) {
        TRY(check_one_side(group));
        Words one_there(words_, 0);
        for (const size_t o : group.one) {
            or_into(one_there, one_.present(o));
        }
        group.matched.assign(words_, 0);
        for (const size_t m : group.many) {
            for (const size_t o : group.one) {
                TRY(pace_.touch(words_));
                TRY(pair(group, m, o));
            }
            if (fill_one()) {
                TRY(fill_for_many(group, m, one_there));
            }
        }
        if (fill_many()) {
            for (const size_t o : group.one) {
                TRY(fill_for_one(group, o));
            }
        }
        return base::success();
    }

    void or_into(Words& words, Bits bits) const {
        for (size_t w = 0; w < words_; ++w) {
            words[w] |= bits.words()[w];
        }
    }

    base::Status check_one_side(const Group& group) {
        for (size_t i = 1; i < group.one.size(); ++i) {
            const auto row = one_.present(group.one[i]).words();
            for (size_t j = 0; j < i; ++j) {
                TRY(pace_.touch(words_));
                const auto before = one_.present(group.one[j]).words();
                for (size_t w = 0; w < words_; ++w) {
                    if ((row[w] & before[w] & active_[w]) != 0) {
                        return many_to_many(group, group.one[j], group.one[i]);
                    }
                }
            }
        }
        return base::success();
    }

    base::Status many_to_many(const Group& group, size_t a, size_t b) const {
        std::string first = context_.labels.to_labels(one_.labels(a).labels).to_string();
        std::string second = context_.labels.to_labels(one_.labels(b).labels).to_string();
        if (second < first) {
            std::swap(first, second);
        }
        return base::fail(
            Code::kExecution,
            "found duplicate series for the match group " +
                context_.labels.to_labels(group.labels).to_string() + " on the " +
                (swapped_ ? "left" : "right") + " hand-side of the operation: [" + first + ", " +
                second +
                "];many-to-many matching not allowed: matching labels must be unique on one side");
    }

    base::Status pair(Group& group, size_t m, size_t o) {
        Words both(words_);
        uint64_t any = 0;
        for (size_t w = 0; w < words_; ++w) {
            both[w] = many_.present(m).words()[w] & one_.present(o).words()[w] & active_[w];
            any |= both[w];
        }
        if (any == 0) {
            return base::success();
        }
        return produce(group, many_.labels(m).labels, one_.labels(o).labels, both, m, o);
    }

    // Values of the many side without a partner get the fill value as partner.
    base::Status fill_for_many(Group& group, size_t m, const Words& one_there) {
        Words alone(words_);
        uint64_t any = 0;
        for (size_t w = 0; w < words_; ++w) {
            alone[w] = many_.present(m).words()[w] & ~one_there[w] & active_[w];
            any |= alone[w];
        }
        return any == 0
                   ? base::Status(base::success())
                   : produce(group, many_.labels(m).labels, group.labels, alone, m, std::nullopt);
    }

    base::Status fill_for_one(Group& group, size_t o) {
        Words alone(words_);
        uint64_t any = 0;
        for (size_t w = 0; w < words_; ++w) {
            alone[w] = one_.present(o).words()[w] & ~group.matched[w] & active_[w];
            any |= alone[w];
        }
        return any == 0
                   ? base::Status(base::success())
                   : produce(group, group.labels, one_.labels(o).labels, alone, std::nullopt, o);
    }

    base::Status produce(Group& group,
                         LabelSet many_labels,
                         LabelSet one_labels,
                         const Words& where,
                         std::optional<size_t> m,
                         std::optional<size_t> o) {
        RowLabels labels{result_labels(many_labels, one_labels), false};
        labels.drop_name = expr_.return_bool && context_.options.delayed_name_removal;
        TRY(claim(group, labels.labels, where));
        TRY(const size_t row, merger_.row(labels));
        TRY(check_free(row, where));
        compute_row(row, where, m, o);
        return merger_.block().account(context_.budget);
    }

    LabelSet result_labels(LabelSet many, LabelSet one) {
        LabelTable& table = context_.labels;
        LabelSet labels = many;
        if (changes_meaning(expr_.op) ||
            (expr_.return_bool && !context_.options.delayed_name_removal)) {
            labels = table.without_metadata(labels);
        }
        if (one_to_one_) {
            labels = matching_.on ? table.keep(labels, signatures_.names())
                                  : table.remove(labels, signatures_.names());
        }
        for (const Symbol name : include_) {
            labels = table.with(labels, name, one.get(name));
        }
        return labels;
    }

    // Notes that the group yields `labels` at these steps; an error when it did so before.
    base::Status claim(Group& group, LabelSet labels, const Words& where) {
        for (size_t w = 0; w < words_; ++w) {
            if (one_to_one_ && (group.matched[w] & where[w]) != 0) {
                return base::fail(Code::kExecution,
                                  "multiple matches for labels: many-to-one matching must be "
                                  "explicit (group_left/group_right)");
            }
            group.matched[w] |= where[w];
        }
        if (one_to_one_ || group.many.size() < 2) {
            return base::success();
        }
        const auto [found, inserted] = group.produced.try_emplace(labels, words_, 0);
        for (size_t w = 0; w < words_; ++w) {
            if ((found->second[w] & where[w]) != 0) {
                return base::fail(Code::kExecution,
                                  "multiple matches for labels: grouping labels must ensure "
                                  "unique matches");
            }
            found->second[w] |= where[w];
        }
        return base::success();
    }

    base::Status check_free(size_t row, const Words& where) {
        const auto there = merger_.block().present(row).words();
        for (size_t w = 0; w < words_; ++w) {
            if ((there[w] & where[w]) != 0) {
                return base::fail(Code::kExecution, kDuplicateLabels);
            }
        }
        return base::success();
    }

    void compute_row(size_t row,
                     const Words& where,
                     std::optional<size_t> m,
                     std::optional<size_t> o) {
        const Bits steps(const_cast<uint64_t*>(where.data()), inputs_.steps());
        const bool histograms = (m && many_.block(*m).has_histograms()) ||
                                (o && one_.block(*o).has_histograms()) || is_trim(expr_.op);
        if (histograms) {
            steps.for_each([&](size_t step) { compute_any(row, step, m, o); });
            return;
        }
        const double* many = m ? many_.values(*m) : nullptr;
        const double* one = o ? one_.values(*o) : nullptr;
        const double many_fill = fill_many().value_or(0);
        const double one_fill = fill_one().value_or(0);
        Block& out = merger_.block();
        double* values = out.values(row);
        Bits present = out.present(row);
        steps.for_each([&](size_t step) {
            double lhs = many != nullptr ? many[step] : many_fill;
            double rhs = one != nullptr ? one[step] : one_fill;
            if (swapped_) {
                std::swap(lhs, rhs);
            }
            const bool keep = test_ == nullptr || test_(lhs, rhs);
            if (expr_.return_bool) {
                values[step] = keep ? 1 : 0;
                present.set(step);
            } else if (keep) {
                values[step] = op_(lhs, rhs);
                present.set(step);
            }
        });
    }

    void compute_any(size_t row, size_t step, std::optional<size_t> m, std::optional<size_t> o) {
        Operand lhs = m ? Operand{many_.values(*m)[step], many_.histogram(*m, step).get()}
                        : Operand{fill_many().value_or(0), nullptr};
        Operand rhs = o ? Operand{one_.values(*o)[step], one_.histogram(*o, step).get()}
                        : Operand{fill_one().value_or(0), nullptr};
        if (swapped_) {
            std::swap(lhs, rhs);
        }
        Outcome outcome = combine(expr_, lhs, rhs, context_.annotations);
        if (!outcome.valid || (!outcome.keep && !expr_.return_bool)) {
            return;
        }
        Block& out = merger_.block();
        if (expr_.return_bool) {
            out.set(row, step, outcome.keep ? 1.0 : 0.0);
        } else if (outcome.histogram) {
            out.set(row, step, std::move(outcome.histogram));
        } else {
            out.set(row, step, outcome.value);
        }
    }

    BinaryInputs inputs_;
    ExecContext& context_;
    const BinaryExpr& expr_;
    const VectorMatching& matching_;
    bool swapped_;
    bool one_to_one_;
    size_t words_;
    Signatures signatures_;
    Table many_;
    Table one_;
    RowMerger merger_;
    Pace pace_;
    base::Reservation group_memory_;
    FloatOp op_;
    FloatTest test_;
    std::vector<Symbol> include_;
    std::vector<Group> groups_;
    Words active_;
};

}  // namespace

OperatorPtr make_vector_binary(BinaryInputs inputs) {
    return std::make_unique<VectorBinary>(std::move(inputs));
}

}  // namespace query::exec
