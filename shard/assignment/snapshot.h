// The table as bytes. source: docs/formats/table.md
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "shard/assignment/table_content.h"

namespace shard {

// The same content gives the same bytes.
[[nodiscard]] std::string write_snapshot(const TableContent& table);
// Everything is checked: what comes back is a table that edits could have made.
//   errors  kCorrupt; kUnsupported: of another version
[[nodiscard]] base::Result<TableContent> read_snapshot(std::string_view bytes);

}  // namespace shard
