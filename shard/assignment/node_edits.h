// The edits of nodes and takeovers. Each is carried out or refused with an error that says why, and
// then nothing is changed. The epoch rises where something changes.
#pragma once

#include "base/result.h"
#include "shard/assignment/change_list.h"
#include "shard/assignment/edits.h"
#include "shard/assignment/table_content.h"

namespace shard {

// returns  the node's number
[[nodiscard]] base::Result<NodeNumber> put_node(TableContent& table,
                                                ChangeList& change,
                                                const PutNode& edit);
[[nodiscard]] base::Status set_admin(TableContent& table, ChangeList& change, const SetAdmin& edit);
[[nodiscard]] base::Status remove_node(TableContent& table,
                                       ChangeList& change,
                                       const RemoveNode& edit);
[[nodiscard]] base::Status start_takeover(TableContent& table,
                                          ChangeList& change,
                                          const StartTakeover& edit);
[[nodiscard]] base::Status end_takeover(TableContent& table,
                                        ChangeList& change,
                                        const EndTakeover& edit);

// What a node's record must be by itself.
[[nodiscard]] base::Status check_node(const NodeRecord& node);
// That the record's id and member are no other's.
[[nodiscard]] base::Status check_distinct(std::span<const NodeRecord> nodes,
                                          const NodeRecord& node);
// `takeover.by` ascends.
[[nodiscard]] base::Status check_takeover(std::span<const NodeRecord> nodes,
                                          const Takeover& takeover);

}  // namespace shard
