// A plan on its way into the table: its parts are carried out on copies of the targets that they
// name, and only when all made sense are the copies put back.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "shard/assignment/change_list.h"
#include "shard/assignment/edits.h"
#include "shard/assignment/table_content.h"

namespace shard {

//   lifetime  table and plan outlive it; the table does not change between check() and commit()
class PlanDraft {
  public:
    PlanDraft(const TableContent& table, const EditPlan& plan);

    // Carries all parts out on copies.
    //   errors  kInvalid, kLimit: the first part that makes no sense, and why
    [[nodiscard]] base::Status check();
    // Puts the copies into the table, which is the one that was given. After check() succeeded.
    void commit(TableContent& table, ChangeList& change);

  private:
    static constexpr uint32_t kSameJob = UINT32_MAX;

    struct Draft {
        bool was = false;  // in the table, of the job was_job
        uint32_t was_job = 0;
        bool is = false;
        bool changed = false;
        TargetState state;
        uint32_t plan_job = kSameJob;  // number in the plan
        uint32_t expires_s = 0;        // of the tombstone when it is gone; 0: none
    };

    base::Status carry_out(const Assign& part);
    base::Status carry_out(const StartMove& part);
    base::Status carry_out(const FinishMove& part);
    base::Status carry_out(const AbortMove& part);
    base::Status carry_out(const Weigh& part);
    base::Status carry_out(const Forget& part);

    // Valid until the next one is asked for.
    Draft& draft(model::TargetId id);
    // The draft of a target that is there.
    base::Result<Draft*> known(model::TargetId id);
    base::Status check_owners(const Assign& part) const;
    base::Status check_jobs();
    base::Status check_create();
    void commit_one(const Draft& draft, TableContent& table) const;
    // returns  whether a job has got a number
    bool hold_jobs(TableContent& table);
    void release_jobs(TableContent& table) const;

    const TableContent& table_;
    const EditPlan& plan_;
    std::vector<Draft> drafts_;
    std::unordered_map<model::TargetId, size_t> places_;  // in drafts_
    size_t targets_;                                      // there would be
    std::vector<uint32_t> job_numbers_;  // by job of the plan, in the table; while it commits
    std::vector<bool> job_used_;         // by job of the plan
};

}  // namespace shard
