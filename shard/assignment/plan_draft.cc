#include "shard/assignment/plan_draft.h"

#include <algorithm>
#include <set>
#include <utility>

#include "shard/assignment/names.h"

namespace shard {

namespace {

using base::Code;
using base::fail;

auto refuse(model::TargetId target, std::string_view why) {
    return fail(Code::kInvalid, "target", target, why);
}

bool is_move(const TargetState& state, Epoch epoch) {
    return state.move.has_value() && state.move->epoch == epoch;
}

}  // namespace

PlanDraft::PlanDraft(const TableContent& table, const EditPlan& plan)
    : table_(table), plan_(plan), targets_(table.targets.size()) {
    drafts_.reserve(plan.edits.size());
    places_.reserve(plan.edits.size());
}

base::Status PlanDraft::check() {
    job_used_.assign(plan_.jobs.size(), false);
    for (const PlanEdit& edit : plan_.edits) {
        TRY(std::visit([&](const auto& part) { return carry_out(part); }, edit));
    }
    return check_jobs();
}

PlanDraft::Draft& PlanDraft::draft(model::TargetId id) {
    const auto [place, added] = places_.try_emplace(id, drafts_.size());
    if (added) {
        Draft& fresh = drafts_.emplace_back();
        if (std::optional<TargetState> state = table_.targets.load(id)) {
            fresh.was = true;
            fresh.was_job = state->job;
            fresh.is = true;
            fresh.state = *std::move(state);
        } else {
            fresh.state.id = id;
        }
    }
    return drafts_[place->second];
}

base::Result<PlanDraft::Draft*> PlanDraft::known(model::TargetId id) {
    Draft& found = draft(id);
    if (!found.is) {
        return refuse(id, "is not in the table");
    }
    return &found;
}

base::Status PlanDraft::check_owners(const Assign& part) const {
    if (part.owners.empty() || part.owners.size() > kReplicasMax) {
        return fail(Code::kInvalid,
                    "target",
                    part.target,
                    "would have",
                    part.owners.size(),
                    "slots, not 1 to",
                    kReplicasMax);
    }
    for (size_t slot = 0; slot < part.owners.size(); ++slot) {
        const NodeNumber owner = part.owners[slot];
        if (owner == kNoNode) {
            continue;
        }
        if (find_node(table_.nodes, owner) == nullptr) {
            return fail(Code::kInvalid,
                        "target",
                        part.target,
                        "would go to node",
                        owner,
                        "(there is none)");
        }
        const auto begin = part.owners.begin();
        if (std::find(begin, begin + static_cast<std::ptrdiff_t>(slot), owner) !=
            begin + static_cast<std::ptrdiff_t>(slot)) {
            return refuse(part.target, "would have one node twice");
        }
    }
    return base::success();
}

base::Status PlanDraft::check_create() {
    if (targets_ >= kTargetsMax) {
        return fail(Code::kLimit, "the table has", kTargetsMax, "targets, the most there can be");
    }
    ++targets_;
    return base::success();
}

base::Status PlanDraft::carry_out(const Assign& part) {
    TRY(check_owners(part));
    if (part.job >= plan_.jobs.size()) {
        return refuse(part.target, "has a job that the plan does not name");
    }
    Draft& made = draft(part.target);
    TargetState& state = made.state;
    const uint32_t since_s = made.is ? plan_.now_s : 0;  // who has it first was not moved there
    if (!made.is) {
        TRY(check_create());
        state = TargetState{part.target, 0, 0, 0, {}, std::nullopt};
    } else if (state.move.has_value()) {
        return refuse(part.target, "is on the move");
    }
    for (size_t slot = 0; slot < part.owners.size(); ++slot) {
        Owner& owner = state.owners[slot];
        if (slot >= state.slots || owner.node != part.owners[slot]) {
            owner = {part.owners[slot], since_s};
        }
    }
    state.slots = static_cast<uint8_t>(part.owners.size());
    state.weight = part.weight;
    made.plan_job = part.job;
    made.is = true;
    made.changed = true;
    job_used_[part.job] = true;
    return base::success();
}

base::Status PlanDraft::carry_out(const StartMove& part) {
    TRY(Draft* const found, known(part.target));
    TargetState& state = found->state;
    if (state.move.has_value()) {
        return refuse(part.target, "is on the move already");
    }
    if (part.slot >= state.slots) {
        return refuse(part.target, "has no such slot");
    }
    const NodeNumber from = state.owners[part.slot].node;
    if (from == kNoNode) {
        return refuse(part.target, "has nobody to move from: assign it");
    }
    if (find_node(table_.nodes, part.to) == nullptr) {
        return fail(Code::kInvalid,
                    "target",
                    part.target,
                    "would move to node",
                    part.to,
                    "(there is none)");
    }
    if (state.slot_of(part.to).has_value()) {
        return refuse(part.target, "would move to a node that has it");
    }
    state.move = Move{part.slot, from, part.to, plan_.expected + 1, plan_.now_s};
    found->changed = true;
    return base::success();
}

base::Status PlanDraft::carry_out(const FinishMove& part) {
    Draft& found = draft(part.target);
    if (!found.is || !is_move(found.state, part.epoch)) {
        return base::success();
    }
    const Move& move = *found.state.move;
    found.state.owners[move.slot] = {move.to, plan_.now_s};
    found.state.move.reset();
    found.changed = true;
    return base::success();
}

base::Status PlanDraft::carry_out(const AbortMove& part) {
    Draft& found = draft(part.target);
    if (found.is && is_move(found.state, part.epoch)) {
        found.state.move.reset();
        found.changed = true;
    }
    return base::success();
}

base::Status PlanDraft::carry_out(const Weigh& part) {
    TRY(Draft* const found, known(part.target));
    found->changed = found->changed || found->state.weight != part.weight;
    found->state.weight = part.weight;
    return base::success();
}

base::Status PlanDraft::carry_out(const Forget& part) {
    TRY(Draft* const found, known(part.target));
    found->is = false;
    found->changed = true;
    found->plan_job = kSameJob;
    found->expires_s = part.expires_s;
    found->state.move.reset();
    --targets_;
    return base::success();
}

base::Status PlanDraft::check_jobs() {
    std::set<std::string_view> used;
    for (size_t job = 0; job < plan_.jobs.size(); ++job) {
        if (job_used_[job]) {
            TRY(check_name("a job's name", plan_.jobs[job]));
            used.insert(plan_.jobs[job]);
        }
    }
    return table_.jobs.check_room(std::vector<std::string_view>(used.begin(), used.end()));
}

// Names that are known first, so that a new one takes none of their numbers.
bool PlanDraft::hold_jobs(TableContent& table) {
    bool named = false;
    job_numbers_.assign(plan_.jobs.size(), kSameJob);
    for (const bool fresh : {false, true}) {
        for (size_t job = 0; job < plan_.jobs.size(); ++job) {
            const bool is_known = table.jobs.has(plan_.jobs[job]);
            if (job_used_[job] && job_numbers_[job] == kSameJob && (fresh || is_known)) {
                job_numbers_[job] = table.jobs.hold(plan_.jobs[job]);
                named = named || !is_known;
            }
        }
    }
    return named;
}

void PlanDraft::release_jobs(TableContent& table) const {
    for (const uint32_t number : job_numbers_) {
        if (number != kSameJob) {
            table.jobs.release(number);
        }
    }
}

void PlanDraft::commit_one(const Draft& draft, TableContent& table) const {
    const model::TargetId id = draft.state.id;
    if (draft.was) {
        table.jobs.release(draft.was_job);
    } else {
        table.targets.unbury(id);
    }
    if (draft.is) {
        TargetState state = draft.state;
        if (draft.plan_job != kSameJob) {
            state.job = job_numbers_[draft.plan_job];
        }
        table.jobs.hold(state.job);
        table.targets.store(state);
        return;
    }
    table.targets.erase(id);
    if (draft.expires_s != 0) {
        std::vector<NodeNumber> owners;
        for (const Owner& owner : draft.state.owner_list()) {
            if (owner.node != kNoNode) {
                owners.push_back(owner.node);
            }
        }
        table.targets.bury(id, draft.expires_s, owners);
    }
}

void PlanDraft::commit(TableContent& table, ChangeList& change) {
    if (hold_jobs(table)) {
        change.set_settings();
    }
    std::sort(drafts_.begin(), drafts_.end(), [](const Draft& left, const Draft& right) {
        return left.state.id < right.state.id;
    });
    for (const Draft& draft : drafts_) {
        if (draft.changed) {
            commit_one(draft, table);
            change.add_target(draft.state.id);
        }
    }
    release_jobs(table);
    ++table.epoch;
}

}  // namespace shard
