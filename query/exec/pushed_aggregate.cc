#include "query/exec/pushed_aggregate.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include "query/exec/partial.h"
#include "query/exec/row_merger.h"

namespace query::exec {
namespace {

using base::Result;
using model::Partial;

// Only the series with some hashes, whoever holds them.
class SelectOnly final : public model::Querier {
  public:
    SelectOnly(model::PushDown& push_down, std::span<const uint64_t> hashes)
        : push_down_(push_down), hashes_(hashes) {}

    Result<std::unique_ptr<model::SeriesSet>> select(const model::SelectHints& hints,
                                                     std::span<const model::Matcher> matchers,
                                                     const model::QueryContext& context) override {
        return push_down_.select_only(hints, matchers, hashes_, context);
    }

    Result<std::vector<std::string>> label_names(const model::LabelHints&,
                                                 std::span<const model::Matcher>,
                                                 const model::QueryContext&) override {
        return base::fail(base::Code::kUnsupported, "labels are not asked for");
    }

    Result<std::vector<std::string>> label_values(std::string_view,
                                                  const model::LabelHints&,
                                                  std::span<const model::Matcher>,
                                                  const model::QueryContext&) override {
        return base::fail(base::Code::kUnsupported, "labels are not asked for");
    }

  private:
    model::PushDown& push_down_;
    std::span<const uint64_t> hashes_;
};

// Who has which series, over the answers of one round.
struct Holdings {
    std::vector<uint64_t> shared;  // in more than one answer; ascending
    size_t distinct = 0;
};

Holdings compare(std::span<const Partial> answers) {
    std::vector<uint64_t> all;
    for (const Partial& answer : answers) {
        const auto middle = static_cast<std::ptrdiff_t>(all.size());
        all.insert(all.end(), answer.series.begin(), answer.series.end());
        std::inplace_merge(all.begin(), all.begin() + middle, all.end());
    }
    Holdings out;
    for (size_t i = 0; i < all.size();) {
        size_t next = i + 1;
        while (next < all.size() && all[next] == all[i]) {
            ++next;
        }
        if (next - i > 1) {
            out.shared.push_back(all[i]);
        }
        ++out.distinct;
        i = next;
    }
    return out;
}

class PushedAggregate final : public Operator {
  public:
    explicit PushedAggregate(PushedInputs inputs)
        : inputs_(std::move(inputs)),
          context_(inputs_.context),
          held_(context_.samples),
          memory_(context_.budget) {}

    Result<bool> next(Block& out) override {
        if (!merged_ && !given_up_) {
            TRY(const bool in_parts, work_out());
            given_up_ = !in_parts;
            // Nobody needs these any more, in either case.
            parts_.clear();
            memory_.reset();
            TRY(held_.replace(0));
        }
        return merged_ ? merged_->next(out) : inputs_.ordinary->next(out);
    }

  private:
    // False: it cannot be had in parts.
    Result<bool> work_out() {
        if (!inputs_.push_down.possible(inputs_.fragment)) {
            return false;
        }
        TRY(const bool disjoint, ask_until_disjoint());
        if (!disjoint) {
            return false;
        }
        if (!inputs_.fragment.without.empty()) {
            SelectOnly shared(inputs_.push_down, inputs_.fragment.without);
            TRY(Partial part, work_out_here(shared, {}));
            if (part.refused) {
                return false;
            }
            TRY(take(std::move(part)));
        }
        TRY(Block block, merge_parts(inputs_.node, parts_, context_));
        for (size_t i = 0; i < parts_.size(); ++i) {
            report(parts_[i], i >= theirs_begin_ && i < theirs_end_);
        }
        merged_.emplace(std::move(block));
        inputs_.ordinary.reset();
        return true;
    }

    // Asks everybody for what they alone hold: parts_ are then of different series. False when it
    // does not come to that, or somebody holds what has no parts.
    Result<bool> ask_until_disjoint() {
        for (int round = 0; round < kPushRoundsMax; ++round) {
            TRY(const bool complete, ask());
            if (!complete) {
                return false;
            }
            Holdings holdings = compare(parts_);
            if (holdings.shared.empty()) {
                return true;
            }
            // Selecting is cheaper than to ask again for the little that is left.
            if (round == 0 && holdings.shared.size() > holdings.distinct / 2) {
                return false;
            }
            leave_out(holdings.shared);
        }
        return false;
    }

    // One round: this node's part is worked out while the others are busy. False when somebody
    // refused.
    Result<bool> ask() {
        parts_.clear();
        memory_.reset();
        TRY(held_.replace(0));
        points_ = 0;
        TRY(auto pending, inputs_.push_down.ask(inputs_.fragment, context_.request));
        TRY(Partial own, work_out_here(inputs_.push_down.own(), inputs_.fragment.without));
        if (own.refused) {
            return false;
        }
        TRY(take(std::move(own)));
        theirs_begin_ = parts_.size();
        for (const auto& answer : pending) {
            TRY(context_.check());
            auto waited = answer->wait();
            if (!waited && cannot(waited.error())) {
                return false;
            }
            TRY(Partial part, std::move(waited));
            // An empty answer need not know the width.
            if (part.rows.empty()) {
                part.width = parts_.front().width;
            }
            if (part.refused || part.width != parts_.front().width) {
                return false;
            }
            if (!std::ranges::is_sorted(part.series)) {
                return base::fail(base::Code::kCorrupt,
                                  "a node's part of an aggregation names its series out of order");
            }
            TRY(take(std::move(part)));
        }
        theirs_end_ = parts_.size();
        return true;
    }

    // Whether a node of another version says that it does not understand what was asked: that is
    // no reason to fail.
    static bool cannot(const base::Error& error) {
        return error.code() == base::Code::kInvalid || error.code() == base::Code::kUnsupported;
    }

    // In a context of its own, as what a round says may be thrown away.
    Result<Partial> work_out_here(model::Querier& series, std::span<const uint64_t> without) {
        ExecContext own(context_.options,
                        context_.request,
                        context_.queryable,
                        context_.budget,
                        context_.samples.left());
        auto part = work_out_part({inputs_.node, series, without}, own);
        // For the peak.
        HeldSamples while_working(context_.samples);
        TRY(while_working.add(own.samples.peak()));
        return part;
    }

    base::Status take(Partial part) {
        for (const model::PartialRow& row : part.rows) {
            points_ += static_cast<int64_t>(row.values.size()) / std::max<int64_t>(part.width, 1);
        }
        TRY(held_.replace(points_));
        TRY(memory_.grow(bytes_of(part)));
        parts_.push_back(std::move(part));
        return base::success();
    }

    void leave_out(std::span<const uint64_t> shared) {
        std::vector<uint64_t> both;
        std::ranges::set_union(inputs_.fragment.without, shared, std::back_inserter(both));
        inputs_.fragment.without = std::move(both);
    }

    // Passes on what a part has to say and what it cost. Theirs speak of the fragment's text.
    void report(Partial& part, bool theirs) {
        const int32_t shift = theirs ? inputs_.node.expr->position.start : 0;
        for (model::PartialNote& note : part.notes) {
            context_.annotations.take(std::move(note), shift);
        }
        for (std::string& warning : part.warnings) {
            context_.annotations.storage_warning(std::move(warning));
        }
        context_.samples.read(part.samples_read);
        context_.samples.queried(part.samples_queried * inputs_.node.sample_weight);
    }

    PushedInputs inputs_;
    ExecContext& context_;
    std::vector<Partial> parts_;  // own, the others' in their order, the shared series'
    size_t theirs_begin_ = 0;
    size_t theirs_end_ = 0;
    int64_t points_ = 0;
    HeldSamples held_;
    base::Reservation memory_;
    bool given_up_ = false;
    std::optional<OneBlock> merged_;
};

}  // namespace

OperatorPtr make_pushed_aggregate(PushedInputs inputs) {
    return std::make_unique<PushedAggregate>(std::move(inputs));
}

}  // namespace query::exec
