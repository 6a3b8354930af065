#include "tsdb/compact/block_folders.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "tsdb/block/checksums.h"
#include "tsdb/block/meta.h"
#include "tsdb/block/ulid.h"
#include "tsdb/block/writer.h"
#include "tsdb/quarantine.h"

namespace tsdb {
namespace {

using base::Code;
using base::Path;
using base::Result;
using base::Status;
using base::success;
using block::Block;
using block::Ulid;
using Fate = FolderFinding::Fate;
using BlockPointer = std::shared_ptr<const Block>;

// The last one is Prometheus' before 2.15.
constexpr std::array<std::string_view, 3> kTemporarySuffixes{
    block::kCreationSuffix, block::kDeletionSuffix, ".tmp"};

bool is_block_name(std::string_view name) {
    return Ulid::parse(name).has_value();
}

bool is_temporary(const base::FolderEntry& entry) {
    return entry.is_directory &&
           std::ranges::any_of(kTemporarySuffixes, [&](std::string_view suffix) {
               const std::string_view name = entry.name;
               return name.ends_with(suffix) &&
                      is_block_name(name.substr(0, name.size() - suffix.size()));
           });
}

std::string short_reason(const base::Error& error) {
    return std::string(base::code_name(error.code())) + " " + error.message();
}

// What passes by itself is no reason to take a block away; a disk that could not be read, or not by
// us, says nothing about what is on it.
bool may_pass(const base::Error& error) {
    return error.code() == Code::kUnavailable || error.code() == Code::kCanceled ||
           error.code() == Code::kTimeout || error.code() == Code::kIo ||
           error.code() == Code::kPermission;
}

// Nothing else would notice a flipped digit of a block's times. Another server may have written the
// file again, so that it is no reason not to serve the block.
bool meta_fits(base::Files& files, const Path& folder, const block::Checksums& checksums) {
    auto content =
        base::read_file(files, base::join_path(folder, block::kMetaFile), block::kMetaBytesMax);
    if (!content.has_value()) {
        return true;
    }
    const block::FileChecksums now =
        block::checksums_of(std::string(block::kMetaFile), content.value());
    bool known = false;
    for (const block::FileChecksums& file : checksums.files) {
        if (file == now) {
            return true;
        }
        known = known || file.name == now.name;
    }
    return !known;
}

struct OpenedBlock {
    BlockPointer block;
    bool meta_fits = true;
};

Result<OpenedBlock> open_block(base::Files& files,
                               const Path& data_folder,
                               const std::string& name) {
    const Path folder = base::join_path(data_folder, name);
    OpenedBlock opened;
    TRY(opened.block, Block::open(files, folder));
    if (const std::string named = opened.block->meta().ulid.text(); named != name) {
        return base::fail(Code::kCorrupt, "meta.json names another block", named);
    }
    const auto checksums = block::read_checksums(files, folder);
    if (!checksums.has_value()) {
        return opened;
    }
    TRY(const auto mismatch, block::glance_at_checksums(files, folder, checksums.value()));
    if (mismatch) {
        return base::fail(Code::kCorrupt,
                          base::join_path(folder, mismatch->file) + ": " + mismatch->reason);
    }
    opened.meta_fits = meta_fits(files, folder, checksums.value());
    return opened;
}

struct Unopened {
    std::string name;
    base::Error error;
};

FolderFinding set_aside(base::Files& files, const Path& data_folder, const Unopened& bad) {
    auto moved = quarantine(files, data_folder, bad.name, short_reason(bad.error));
    if (moved.has_value()) {
        return {.name = bad.name,
                .reason = bad.error.message(),
                .fate = Fate::kQuarantined,
                .path = std::move(moved).value()};
    }
    return {.name = bad.name,
            .reason = bad.error.message() + "; not moved to quarantine: " + moved.error().message(),
            .fate = Fate::kLeft,
            .path = base::join_path(data_folder, bad.name)};
}

FolderFinding remove_superseded(base::Files& files, const Path& data_folder, const Unopened& bad) {
    const std::string reason = bad.error.message() + "; another block was made of it";
    const Status removed = delete_block(files, data_folder, bad.name);
    if (removed.has_value()) {
        return {.name = bad.name, .reason = reason, .fate = Fate::kRemoved, .path = {}};
    }
    return {.name = bad.name,
            .reason = reason + "; not removed: " + removed.error().message(),
            .fate = Fate::kLeft,
            .path = base::join_path(data_folder, bad.name)};
}

FolderFinding decide(base::Files& files,
                     const Path& data_folder,
                     const Unopened& bad,
                     const std::set<std::string>& superseded) {
    if (superseded.contains(bad.name)) {
        return remove_superseded(files, data_folder, bad);
    }
    if (may_pass(bad.error)) {
        return {.name = bad.name,
                .reason = bad.error.message(),
                .fate = Fate::kLeft,
                .path = base::join_path(data_folder, bad.name)};
    }
    return set_aside(files, data_folder, bad);
}

std::set<std::string> names_of_parents(std::span<const BlockPointer> blocks) {
    std::set<std::string> names;
    for (const BlockPointer& block : blocks) {
        for (const block::BlockParent& parent : block->meta().parents) {
            names.insert(parent.ulid.text());
        }
    }
    return names;
}

}  // namespace

Result<std::vector<FolderFinding>> remove_temporary_folders(base::Files& files,
                                                            const Path& data_folder) {
    TRY(const auto entries, files.list(data_folder));
    std::vector<FolderFinding> findings;
    for (const base::FolderEntry& entry : entries) {
        if (!is_temporary(entry)) {
            continue;
        }
        const Path path = base::join_path(data_folder, entry.name);
        FolderFinding finding{
            .name = entry.name, .reason = "left by an interrupted process", .path = path};
        if (const Status removed = files.remove_tree(path); removed.has_value()) {
            finding.fate = Fate::kRemoved;
            finding.path.clear();
        } else {
            finding.reason += "; not removed: " + removed.error().message();
        }
        findings.push_back(std::move(finding));
    }
    return findings;
}

Result<OpenedBlocks> open_blocks(base::Files& files,
                                 const Path& data_folder,
                                 std::span<const BlockPointer> open) {
    TRY(const auto entries, files.list(data_folder));
    std::map<std::string, BlockPointer> known;
    for (const BlockPointer& block : open) {
        known.emplace(block->meta().ulid.text(), block);
    }
    OpenedBlocks out;
    std::vector<Unopened> unopened;
    for (const base::FolderEntry& entry : entries) {
        if (!is_block_name(entry.name)) {
            continue;
        }
        if (const auto found = known.find(entry.name); found != known.end()) {
            out.blocks.push_back(found->second);
        } else if (auto opened = open_block(files, data_folder, entry.name); opened.has_value()) {
            out.blocks.push_back(std::move(opened.value().block));
            if (!opened.value().meta_fits) {
                out.findings.push_back({.name = entry.name,
                                        .reason = "meta.json is not what was written; the block is "
                                                  "served as it says",
                                        .fate = Fate::kServed,
                                        .path = base::join_path(data_folder, entry.name)});
            }
        } else {
            unopened.push_back({.name = entry.name, .error = std::move(opened).error()});
        }
    }
    const std::set<std::string> superseded = names_of_parents(out.blocks);
    for (const Unopened& bad : unopened) {
        out.findings.push_back(decide(files, data_folder, bad, superseded));
    }
    std::ranges::sort(out.blocks, [](const BlockPointer& left, const BlockPointer& right) {
        return std::pair(left->meta().min_t, left->meta().ulid) <
               std::pair(right->meta().min_t, right->meta().ulid);
    });
    return out;
}

Status delete_block(base::Files& files, const Path& data_folder, std::string_view name) {
    const Path path = base::join_path(data_folder, name);
    TRY(const bool there, files.exists(path));
    if (!there) {
        return success();
    }
    const Path doomed = path + std::string(block::kDeletionSuffix);
    TRY(files.remove_tree(doomed));
    TRY(files.rename(path, doomed));
    // Before anything of it goes: after a power cut no half of it lies under the block's name.
    TRY(files.sync_folder(data_folder));
    return files.remove_tree(doomed);
}

}  // namespace tsdb
