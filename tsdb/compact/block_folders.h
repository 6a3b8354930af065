// The blocks of a data folder: found, opened, deleted. A block that is no good never keeps a server
// from starting: it goes to quarantine, and the others are served.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/block.h"

namespace tsdb {

// A folder that is not as it should be, and why.
struct FolderFinding {
    enum class Fate : uint8_t {
        kRemoved,      // deleted for good
        kQuarantined,  // moved away (tsdb/quarantine.h)
        kLeft,         // where it was: to be tried again next time
        kServed,       // not what was written, but good enough to be read
    };

    std::string name;    // of the folder, within the data folder
    std::string reason;  // for a person
    Fate fate = Fate::kLeft;
    base::Path path;  // where it lies now; empty when removed

    bool operator==(const FolderFinding&) const = default;
};

// Removes what an interrupted process left half written or half deleted: folders of blocks with a
// temporary suffix (".tmp-for-creation", ".tmp-for-deletion", ".tmp"). Call it before anything
// writes blocks.
//   returns  what was found; kLeft when it could not be removed, which does no harm
//   errors   of listing the data folder
[[nodiscard]] base::Result<std::vector<FolderFinding>> remove_temporary_folders(
    base::Files& files, const base::Path& data_folder);

struct OpenedBlocks {
    std::vector<std::shared_ptr<const block::Block>> blocks;  // by min_t, then by name
    std::vector<FolderFinding> findings;
};

// Opens every block of the data folder. One that cannot be opened, or whose meta.json names another
// block, is removed when a block that did open was made of it, and goes to quarantine otherwise.
// One that cannot be opened just now (too many open files, no memory) is left.
//   open    blocks opened before: those whose folders are still there are taken over as they are
//   errors  of listing the data folder
[[nodiscard]] base::Result<OpenedBlocks> open_blocks(
    base::Files& files,
    const base::Path& data_folder,
    std::span<const std::shared_ptr<const block::Block>> open = {});

// Deletes a block's folder; good when there is none. Whatever happens on the way, either the whole
// block is there or none of it: it is renamed first, and remove_temporary_folders() goes on where
// this was interrupted. Readers that have the block open are not disturbed.
//   errors  kPermission, kIo, …: before the new name was on the disk the block is as it was
[[nodiscard]] base::Status delete_block(base::Files& files,
                                        const base::Path& data_folder,
                                        std::string_view name);

}  // namespace tsdb
