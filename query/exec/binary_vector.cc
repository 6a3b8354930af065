// Arithmetic and comparison between two vectors. Rows are matched once per query, by signatures;
// then whole rows are computed. That at one step two rows claim the same partner is looked for only
// where a match group has several rows.
#include <algorithm>
#include <bit>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

#include "query/exec/binary.h"
#include "query/exec/row_merger.h"
#include "query/exec/signature.h"

namespace query::exec {
namespace {

using base::Code;

using Words = std::vector<uint64_t>;

// Of match groups, at most: the group itself, its place in tables and in the lists of rows.
constexpr size_t kGroupBytesPerRow = 192;

// Rows of a table that belong together, in lists of numbers.
class RowLists {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;

    struct List {
        uint32_t first = kNone;
        uint32_t last = kNone;
    };

    void resize(size_t rows) { next_.resize(rows, kNone); }

    void append(List& list, size_t row) {
        const auto number = static_cast<uint32_t>(row);
        (list.first == kNone ? list.first : next_[list.last]) = number;
        list.last = number;
    }

    [[nodiscard]] uint32_t next(uint32_t row) const { return next_[row]; }

    void clear() { next_ = std::vector<uint32_t>(); }

  private:
    std::vector<uint32_t> next_;
};

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
        TRY(drain(swapped_ ? inputs_.rhs : inputs_.lhs, many_));
        TRY(drain(swapped_ ? inputs_.lhs : inputs_.rhs, one_));
        const size_t rows = many_.rows() + one_.rows();
        TRY(group_memory_.grow(static_cast<int64_t>(rows * kGroupBytesPerRow)));
        TRY(find_groups());
        find_active_steps();
        for (size_t g = 0; g < groups_.size(); ++g) {
            TRY(context_.check());
            TRY(check_one_side(g));
            TRY(join(groups_[g]));
            let_go(groups_[g]);
        }
        groups_ = std::vector<Group>();
        many_lists_.clear();
        one_lists_.clear();
        group_memory_.reset();
        many_.clear();
        one_.clear();
        return merger_.finish();
    }

  private:
    struct Group {
        LabelSet labels;
        RowLists::List many;
        RowLists::List one;
    };

    // fill_right stands in for the side that is unique, fill_left for the other one, also when
    // group_right swaps them: so Prometheus has it.
    [[nodiscard]] std::optional<double> fill_one() const { return matching_.fill_right; }

    [[nodiscard]] std::optional<double> fill_many() const { return matching_.fill_left; }

    base::Status drain(OperatorPtr& from, Table& to) {
        TRY(to.drain(*from, context_));
        from.reset();  // with what it reads ahead
        return base::success();
    }

    static constexpr size_t kTouchedPerRow = 64;  // finding a group takes as long

    base::Status find_groups() {
        const auto group_of = [&](LabelSet labels) -> Group& {
            const size_t signature = signatures_.of(labels);
            if (signature == groups_.size()) {
                groups_.push_back({signatures_.labels(signature), {}, {}});
            }
            return groups_[signature];
        };
        many_lists_.resize(many_.rows());
        for (size_t r = 0; r < many_.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow));
            many_lists_.append(group_of(many_.labels(r).labels).many, r);
        }
        one_lists_.resize(one_.rows());
        for (size_t r = 0; r < one_.rows(); ++r) {
            TRY(pace_.touch(kTouchedPerRow));
            one_lists_.append(group_of(one_.labels(r).labels).one, r);
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

    base::Status join(const Group& group) {
        Words one_there(words_, 0);
        for (uint32_t o = group.one.first; o != RowLists::kNone; o = one_lists_.next(o)) {
            or_into(one_there, one_.present(o));
        }
        matched_.assign(words_, 0);
        produced_.clear();
        for (uint32_t m = group.many.first; m != RowLists::kNone; m = many_lists_.next(m)) {
            for (uint32_t o = group.one.first; o != RowLists::kNone; o = one_lists_.next(o)) {
                TRY(pace_.touch(words_));
                TRY(pair(group, m, o));
            }
            if (fill_one()) {
                TRY(fill_for_many(group, m, one_there));
            }
        }
        if (fill_many()) {
            for (uint32_t o = group.one.first; o != RowLists::kNone; o = one_lists_.next(o)) {
                TRY(fill_for_one(group, o));
            }
        }
        return base::success();
    }

    void let_go(const Group& group) {
        for (uint32_t m = group.many.first; m != RowLists::kNone; m = many_lists_.next(m)) {
            many_.let_go(m);
        }
        for (uint32_t o = group.one.first; o != RowLists::kNone; o = one_lists_.next(o)) {
            one_.let_go(o);
        }
    }

    void or_into(Words& words, Bits bits) const {
        for (size_t w = 0; w < words_; ++w) {
            words[w] |= bits.words()[w];
        }
    }

    // Two rows of one group, of the side that is unique, with values at one step.
    struct Conflict {
        size_t step = 0;
        size_t first = 0, second = 0;  // rows
    };

    // Puts the conflict that evaluation step by step meets first in a group into `first`, if it
    // comes before what is there. Looks at each row once: there may be very many.
    base::Status find_conflict(const Group& group, std::optional<Conflict>& first) {
        const uint32_t rows = group.one.first;
        if (rows == RowLists::kNone || one_lists_.next(rows) == RowLists::kNone) {
            return base::success();
        }
        Words taken(words_, 0);  // steps at which a row before has a value
        std::optional<Conflict> found;
        for (uint32_t r = rows; r != RowLists::kNone; r = one_lists_.next(r)) {
            TRY(pace_.touch(words_));
            const auto row = one_.present(r).words();
            for (size_t w = 0; w < words_; ++w) {
                const uint64_t both = row[w] & taken[w] & active_[w];
                taken[w] |= row[w];
                if (both != 0) {
                    const size_t step = w * 64 + static_cast<size_t>(std::countr_zero(both));
                    if (!found || step < found->step) {
                        found = {step, 0, r};
                    }
                }
            }
        }
        if (!found || (first && !met_before(*found, *first))) {
            return base::success();
        }
        found->first = rows;
        while (!one_.present(found->first).get(found->step)) {
            found->first = one_lists_.next(static_cast<uint32_t>(found->first));
        }
        first = found;
        return base::success();
    }

    static bool met_before(const Conflict& one, const Conflict& other) {
        return std::tie(one.step, one.second) < std::tie(other.step, other.second);
    }

    // That the side which must be unique is. Where group `g` is not, the groups behind it, which
    // nobody has looked at yet, may have what evaluation step by step meets before.
    base::Status check_one_side(size_t g) {
        std::optional<Conflict> conflict;
        TRY(find_conflict(groups_[g], conflict));
        if (!conflict) {
            return base::success();
        }
        size_t where = g;
        for (size_t other = g + 1; other < groups_.size(); ++other) {
            const Conflict before = *conflict;
            TRY(find_conflict(groups_[other], conflict));
            where = met_before(*conflict, before) ? other : where;
        }
        return many_to_many(groups_[where], *conflict);
    }

    base::Status many_to_many(const Group& group, const Conflict& conflict) const {
        std::string first =
            context_.labels.to_labels(one_.labels(conflict.first).labels).to_string();
        std::string second =
            context_.labels.to_labels(one_.labels(conflict.second).labels).to_string();
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

    base::Status pair(const Group& group, size_t m, size_t o) {
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
    base::Status fill_for_many(const Group& group, size_t m, const Words& one_there) {
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

    base::Status fill_for_one(const Group& group, size_t o) {
        Words alone(words_);
        uint64_t any = 0;
        for (size_t w = 0; w < words_; ++w) {
            alone[w] = one_.present(o).words()[w] & ~matched_[w] & active_[w];
            any |= alone[w];
        }
        return any == 0
                   ? base::Status(base::success())
                   : produce(group, group.labels, one_.labels(o).labels, alone, std::nullopt, o);
    }

    base::Status produce(const Group& group,
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
    base::Status claim(const Group& group, LabelSet labels, const Words& where) {
        for (size_t w = 0; w < words_; ++w) {
            if (one_to_one_ && (matched_[w] & where[w]) != 0) {
                return base::fail(Code::kExecution,
                                  "multiple matches for labels: many-to-one matching must be "
                                  "explicit (group_left/group_right)");
            }
            matched_[w] |= where[w];
        }
        if (one_to_one_ || group.many.first == group.many.last) {
            return base::success();
        }
        const auto [found, inserted] = produced_.try_emplace(labels, words_, 0);
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
    RowLists many_lists_;
    RowLists one_lists_;
    // Of the group that is joined: where any row of the many side found a partner, and where result
    // labels have been produced already, when that can happen twice.
    Words matched_;
    LabelSetMap<Words> produced_;
    Words active_;
};

}  // namespace

OperatorPtr make_vector_binary(BinaryInputs inputs) {
    return std::make_unique<VectorBinary>(std::move(inputs));
}

}  // namespace query::exec
