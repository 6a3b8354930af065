// Changes of the table (shard/assignment/table.h), as they stand in the raft log.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "shard/types.h"

namespace shard {

// Names the cluster. Nothing once it has a name.
struct FoundCluster {
    std::string cluster_id;
};

// A node joins, comes back, or says something new of itself: the record of that id is made or
// changed. The answer has its number.
struct PutNode {
    std::string id;
    uint64_t member = 0;
    std::string address;
    std::string zone;
    uint64_t series_budget = 0;
    uint32_t feature_level = 0;
};

struct SetAdmin {
    NodeNumber node = kNoNode;
    Admin admin = Admin::kActive;
    int64_t maintenance_until_ms = 0;
};

// Refused while it owns, gets or takes over anything.
struct RemoveNode {
    NodeNumber node = kNoNode;
};

struct Pause {
    bool paused = false;
};

// Others scrape for a node, or no longer.
struct StartTakeover {
    NodeNumber node = kNoNode;
    std::vector<NodeNumber> by;
};

struct EndTakeover {
    NodeNumber node = kNoNode;
};

// --- parts of a plan
// -------------------------------------------------------------------------------

// Makes a target, or sets all its owners anew (as many as it has slots from now on). Refused while
// it moves, unless the move is aborted before in the same plan. Also for slots whose owner is gone.
struct Assign {
    model::TargetId target = 0;
    uint32_t job = 0;  // number in PlanEdits::jobs
    WeightClass weight = 0;
    std::vector<NodeNumber> owners;  // distinct, beside kNoNode
};

struct StartMove {
    model::TargetId target = 0;
    uint8_t slot = 0;
    NodeNumber to = kNoNode;
};

// The new owner has it. `epoch` is that of the start: another move's end is passed over.
struct FinishMove {
    model::TargetId target = 0;
    Epoch epoch = 0;
};

struct AbortMove {
    model::TargetId target = 0;
    Epoch epoch = 0;
};

struct Weigh {
    model::TargetId target = 0;
    WeightClass weight = 0;
};

// A target is discovered no more.
struct Forget {
    model::TargetId target = 0;
    uint32_t expires_s = 0;  // of its tombstone; 0: none
};

using PlanEdit = std::variant<Assign, StartMove, FinishMove, AbortMove, Weigh, Forget>;

// Carried out all or, when the table has another epoch or one part makes no sense, not at all.
struct EditPlan {
    Epoch expected = 0;
    uint32_t now_s = 0;             // of the leader's clock
    std::vector<std::string> jobs;  // names that Assign::job counts
    std::vector<PlanEdit> edits;
};

struct ExpireTombstones {
    uint32_t now_s = 0;
};

using Edit = std::variant<FoundCluster,
                          PutNode,
                          SetAdmin,
                          RemoveNode,
                          Pause,
                          StartTakeover,
                          EndTakeover,
                          EditPlan,
                          ExpireTombstones>;

// What became of an edit.
struct EditAnswer {
    bool applied = false;
    Epoch epoch = 0;            // after it
    NodeNumber node = kNoNode;  // of PutNode
    std::string reason;         // why not
};

// Many plans' parts, for entries of at most this much.
inline constexpr size_t kEditBytesMax = size_t{64} << 10;
// What is read: other programs may fill entries otherwise.
inline constexpr size_t kEditBytesReadMax = 2 * kEditBytesMax;
inline constexpr size_t kNodeAddressBytesMax = 1024;
inline constexpr size_t kReasonBytesMax = 1024;  // what is longer is cut

// Bytes of one log entry. A plan that is too large for one is cut by split(). What cannot be read
// back, such as names that are too long, is written all the same and refused where it is applied.
//   source  shard/proto/table.proto
[[nodiscard]] std::string encode(const Edit& edit);
// Fields that this program does not know are passed over. Whether the edit makes sense is the
// table's affair.
//   errors  kCorrupt, kLimit; kUnsupported: an edit that this program does not know
[[nodiscard]] base::Result<Edit> decode_edit(std::string_view bytes);
[[nodiscard]] std::string encode(const EditAnswer& answer);
// errors  kCorrupt, kLimit
[[nodiscard]] base::Result<EditAnswer> decode_answer(std::string_view bytes);

// Plans of at most kEditBytesMax each, to be carried out one after another: the expected epoch of
// each is one more than that of the one before. Each has the jobs that it names. Of no parts: none.
[[nodiscard]] std::vector<EditPlan> split(EditPlan plan);

}  // namespace shard
