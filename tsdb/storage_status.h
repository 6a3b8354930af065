// What the storage serves, what it does not, and why: for /api/v1/status/tsdb/blocks and
// /api/v1/status/storage.
#pragma once

#include <string>

#include "tsdb/db.h"

namespace tsdb {

// {"blocks": [meta.json of each block]}, as Prometheus answers.
[[nodiscard]] std::string blocks_json(const Db& db);

// Ours: blocks served, folders that are not, and what the last replay found. docs/compaction.md
[[nodiscard]] std::string storage_json(const Db& db);

}  // namespace tsdb
