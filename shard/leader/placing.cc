#include "shard/leader/placing.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

namespace shard {

namespace {

// The planner's input, and the way back from its positions.
class Draft {
  public:
    Draft(const PlacingView& view, const PlacingOptions& options) : view_(view), options_(options) {
        take_nodes();
        take_targets();
        take_marks();
    }

    [[nodiscard]] Placing finish() {
        const Plan plan = make_plan({.nodes = nodes_,
                                     .targets = targets_,
                                     .owners = owners_,
                                     .unable = unable_,
                                     .previous = previous_,
                                     .foreign_jobs = foreign_,
                                     .now_s = view_.now_s,
                                     .recent_moves = view_.recent_moves,
                                     .recent_series = view_.recent_series,
                                     .options = options_.planner});
        Placing placing{.edits = {.expected = view_.table.epoch(), .now_s = view_.now_s},
                        .ratio_before = plan.ratio_before,
                        .ratio_after = plan.ratio_after,
                        .mean = plan.mean,
                        .unplaced = plan.unplaced,
                        .held_back = plan.held_back,
                        .needed_nodes = plan.needed_nodes};
        for (const uint32_t node : plan.over_budget) {
            placing.over_budget.push_back(nodes_[node].number);
        }
        for (const PlannedMove& move : plan.moves) {
            explain(move, placing);
            carry_out(move);
        }
        assign(placing.edits);
        // After those: a target that moves is not assigned.
        std::ranges::copy_if(starts_,
                             std::back_inserter(placing.edits.edits),
                             [](const StartMove& start) { return start.to != kNoNode; });
        correct_classes(placing.edits);
        forget(placing.edits);
        return placing;
    }

  private:
    // --- what goes in ---------------------------------------------------------------------------

    void take_nodes() {
        std::map<std::string_view, uint32_t> zones;
        for (const NodeRecord& record : view_.table.nodes()) {
            const NodeView known = view_.node(record);
            uint32_t zone = 0;
            if (!record.zone.empty()) {
                zone = zones.try_emplace(record.zone, static_cast<uint32_t>(zones.size() + 1))
                           .first->second;
            }
            places_[record.number] = static_cast<uint32_t>(nodes_.size());
            nodes_.push_back({.number = record.number,
                              .use = known.use,
                              .zone = zone,
                              .capacity = std::max<uint64_t>(record.series_budget, 1),
                              .other_series = known.other_series,
                              .ghost_series = known.ghost_series});
            take_foreign(known.foreign_jobs);
        }
        std::ranges::sort(
            foreign_, {}, [](const PlanJobMark& mark) { return std::pair(mark.job, mark.node); });
    }

    void take_foreign(const std::vector<std::string>& jobs) {
        for (const std::string& job : jobs) {
            foreign_.push_back(
                {.job = job_number(job), .node = static_cast<uint32_t>(nodes_.size() - 1)});
        }
    }

    // Those of the table that stay, and the fresh ones between them, by id.
    void take_targets() {
        size_t fresh = 0;
        size_t gone = 0;
        targets_.reserve(view_.table.targets() + view_.fresh.size());
        owners_.reserve(targets_.capacity());
        const auto jobs = view_.table.jobs();
        std::vector<uint32_t> numbers;  // of the table's jobs
        for (const std::string& job : jobs) {
            numbers.push_back(job_number(job));
        }
        view_.table.for_each_target([&](const TargetView& target) {
            while (fresh < view_.fresh.size() && view_.fresh[fresh].id < target.id) {
                take_fresh(view_.fresh[fresh++]);
            }
            while (gone < view_.gone.size() && view_.gone[gone] < target.id) {
                ++gone;
            }
            if (gone < view_.gone.size() && view_.gone[gone] == target.id) {
                return;
            }
            if (fresh < view_.fresh.size() && view_.fresh[fresh].id == target.id) {
                ++fresh;
            }
            take_known(target, numbers[target.job]);
        });
        while (fresh < view_.fresh.size()) {
            take_fresh(view_.fresh[fresh++]);
        }
    }

    void take_known(const TargetView& target, uint32_t job) {
        const LoadView::Weighed weighed = view_.loads.look(target.id, target.job, target.weight);
        PlanTarget planned{.id = target.id,
                           .job = job,
                           .first_owner = static_cast<uint32_t>(owners_.size()),
                           .slots = replicas_of(job),
                           .series = weighed.series};
        if (target.move != nullptr) {
            // It has its slots until the move is over.
            planned.slots = static_cast<uint8_t>(target.owners.size());
        }
        for (size_t slot = 0; slot < planned.slots; ++slot) {
            if (slot >= target.owners.size()) {
                owners_.push_back(kNoOwner);
                continue;
            }
            owners_.push_back(place_of(target.owners[slot].node));
            planned.moved_s = std::max(planned.moved_s, target.owners[slot].since_s);
        }
        if (target.move != nullptr) {
            const uint32_t to = place_of(target.move->to);
            if (to != kNoOwner) {
                planned.moving_slot = target.move->slot;
                planned.moving_to = to;
                ++nodes_[to].moves_in;
            }
            if (const uint32_t from = place_of(target.move->from); from != kNoOwner) {
                ++nodes_[from].moves_out;
            }
        }
        if (planned.slots != target.owners.size()) {
            changed_.push_back(targets_.size());
        }
        if (weighed.better != 0) {
            better_.emplace_back(targets_.size(), weighed.better);
        }
        weights_.push_back(target.weight);
        targets_.push_back(planned);
    }

    void take_fresh(const WantedTarget& wanted) {
        const uint32_t job = job_number(wanted.job);
        const uint8_t slots = replicas_of(job);
        targets_.push_back({.id = wanted.id,
                            .job = job,
                            .first_owner = static_cast<uint32_t>(owners_.size()),
                            .slots = slots,
                            .series = fresh_series(wanted)});
        weights_.push_back(0);
        take_predecessor(wanted, slots, targets_.back());
        changed_.push_back(targets_.size() - 1);
        if (const auto tombstone = view_.table.tombstone(wanted.id)) {
            for (const NodeNumber owner : tombstone->owners) {
                if (const uint32_t place = place_of(owner); place != kNoOwner) {
                    previous_.push_back({.target = wanted.id, .node = place});
                }
            }
        }
    }

    // A target that only its labels tell from one before stays where that was, and weighs the same.
    void take_predecessor(const WantedTarget& wanted, uint8_t slots, PlanTarget& planned) {
        const auto before =
            wanted.predecessor == 0 ? std::nullopt : view_.table.target(wanted.predecessor);
        if (before) {
            weights_.back() = before->weight;
            planned.moved_s = view_.now_s;
        }
        for (size_t slot = 0; slot < slots; ++slot) {
            const bool had = before && slot < before->owners.size();
            const uint32_t place = had ? place_of(before->owners[slot].node) : kNoOwner;
            const bool stays = place != kNoOwner && nodes_[place].use != NodeUse::kGone;
            owners_.push_back(stays ? place : kNoOwner);
        }
    }

    [[nodiscard]] uint64_t fresh_series(const WantedTarget& wanted) const {
        const auto before =
            wanted.predecessor == 0 ? std::nullopt : view_.table.target(wanted.predecessor);
        if (before) {
            return view_.loads.series(wanted.predecessor, before->job, before->weight);
        }
        return view_.loads.series(wanted.id, table_job(wanted.job), 0);
    }

    void take_marks() {
        for (const auto& [mark, until] : view_.unable.all()) {
            if (const uint32_t place = place_of(mark.second);
                until > view_.now_s && place != kNoOwner) {
                unable_.push_back({.target = mark.first, .node = place});
            }
        }
        std::ranges::sort(
            previous_, {}, [](const PlanMark& mark) { return std::pair(mark.target, mark.node); });
    }

    // --- what comes out -------------------------------------------------------------------------

    void explain(const PlannedMove& move, Placing& placing) const {
        const PlanTarget& target = targets_[move.target];
        placing.moves.push_back({.target = target.id,
                                 .slot = move.slot,
                                 .from = move.from == kNoOwner ? kNoNode : nodes_[move.from].number,
                                 .to = nodes_[move.to].number,
                                 .reason = move.reason,
                                 .series = target.series,
                                 .from_before = move.from_before,
                                 .from_after = move.from_after,
                                 .to_before = move.to_before,
                                 .to_after = move.to_after});
    }

    void carry_out(const PlannedMove& move) {
        const PlanTarget& target = targets_[move.target];
        if (move.reason == MoveReason::kOrphan || move.from == kNoOwner) {
            owners_[target.first_owner + move.slot] = place_beside_move(target, move.to);
            changed_.push_back(move.target);
            return;
        }
        started_[target.id] = starts_.size();
        starts_.push_back(
            StartMove{.target = target.id, .slot = move.slot, .to = nodes_[move.to].number});
    }

    // Where an orphan goes that is to have the place of another slot, which makes room for it: as
    // that one has its place until its move is over, the orphan goes there instead, and nothing
    // moves.
    uint32_t place_beside_move(const PlanTarget& target, uint32_t to) {
        const auto started = started_.find(target.id);
        if (started == started_.end()) {
            return to;
        }
        StartMove& start = starts_[started->second];
        if (start.to == kNoNode || owners_[target.first_owner + start.slot] != to) {
            return to;
        }
        return place_of(std::exchange(start.to, kNoNode));
    }

    // Targets that are new, have orphans placed or another number of slots. Those that move are
    // told again when they have arrived.
    void assign(EditPlan& edits) {
        std::ranges::sort(changed_);
        const auto [first, last] = std::ranges::unique(changed_);
        changed_.erase(first, last);
        for (const size_t place : changed_) {
            const PlanTarget& target = targets_[place];
            if (target.moving_slot != PlanTarget::kNotMoving) {
                continue;
            }
            Assign assigned{
                .target = target.id, .job = plan_job(target.job, edits), .weight = weights_[place]};
            for (size_t slot = 0; slot < target.slots; ++slot) {
                const uint32_t owner = owners_[target.first_owner + slot];
                assigned.owners.push_back(owner == kNoOwner ? kNoNode : nodes_[owner].number);
            }
            edits.edits.push_back(std::move(assigned));
        }
    }

    void correct_classes(EditPlan& edits) const {
        for (const auto& [place, better] : better_) {
            if (!std::ranges::binary_search(changed_, place)) {
                edits.edits.push_back(Weigh{.target = targets_[place].id, .weight = better});
            }
        }
    }

    void forget(EditPlan& edits) const {
        for (const model::TargetId id : view_.gone) {
            if (view_.table.target(id)) {
                edits.edits.push_back(Forget{
                    .target = id,
                    .expires_s = view_.now_s + static_cast<uint32_t>(options_.tombstone.count())});
            }
        }
    }

    // --- numbers --------------------------------------------------------------------------------

    // kNoOwner for nobody, and for a node that is no more.
    [[nodiscard]] uint32_t place_of(NodeNumber node) const {
        const auto found = places_.find(node);
        return found == places_.end() ? kNoOwner : found->second;
    }

    uint32_t job_number(std::string_view job) {
        const auto [at, added] =
            job_numbers_.try_emplace(std::string(job), static_cast<uint32_t>(job_names_.size()));
        if (added) {
            job_names_.push_back(at->first);
            const uint8_t wanted = view_.replicas(job);
            replicas_.push_back(std::clamp<uint8_t>(wanted, 1, static_cast<uint8_t>(kReplicasMax)));
        }
        return at->second;
    }

    [[nodiscard]] uint8_t replicas_of(uint32_t job) const { return replicas_[job]; }

    [[nodiscard]] uint32_t table_job(std::string_view job) const {
        const auto jobs = view_.table.jobs();
        const auto found = std::ranges::find(jobs, job);
        return found == jobs.end() ? UINT32_MAX : static_cast<uint32_t>(found - jobs.begin());
    }

    // The job's number in the plan, which has only those that it names.
    uint32_t plan_job(uint32_t job, EditPlan& edits) {
        const auto [at, added] =
            plan_jobs_.try_emplace(job, static_cast<uint32_t>(edits.jobs.size()));
        if (added) {
            edits.jobs.push_back(job_names_[job]);
        }
        return at->second;
    }

    const PlacingView& view_;
    const PlacingOptions& options_;
    std::vector<PlanNode> nodes_;
    std::unordered_map<NodeNumber, uint32_t> places_;
    std::vector<PlanTarget> targets_;
    std::vector<uint32_t> owners_;
    std::vector<WeightClass> weights_;
    std::vector<std::pair<size_t, WeightClass>> better_;  // of targets, by place  // in the table
    std::vector<PlanMark> unable_, previous_;
    std::vector<PlanJobMark> foreign_;
    std::vector<StartMove> starts_;                        // to kNoNode: it is not needed any more
    std::unordered_map<model::TargetId, size_t> started_;  // places in starts_, the latest
    std::vector<size_t> changed_;  // places of targets that are to be assigned
    std::map<std::string, uint32_t, std::less<>> job_numbers_;
    std::vector<std::string> job_names_;
    std::vector<uint8_t> replicas_;
    std::map<uint32_t, uint32_t> plan_jobs_;
};

}  // namespace

Placing place(const PlacingView& view, const PlacingOptions& options) {
    return Draft(view, options).finish();
}

}  // namespace shard
