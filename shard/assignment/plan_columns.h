// The parts of a plan as columns of its message, and back.
#pragma once

#include "base/result.h"
#include "shard/assignment/edits.h"

namespace skein::v1 {
class EditPlan;
}

namespace shard {

void write_plan(const EditPlan& plan, skein::v1::EditPlan& message);
// errors  kCorrupt: columns that do not fit each other; kLimit; kUnsupported: a kind of part that
//         this program does not know
[[nodiscard]] base::Result<EditPlan> read_plan(const skein::v1::EditPlan& message);

// What a part adds to a message, in bytes, but for the number of its job; and what it costs at most
// when it is of another kind than the one before.
[[nodiscard]] size_t column_bytes(const PlanEdit& edit);
inline constexpr size_t kRunBytesMax = 4;

}  // namespace shard
