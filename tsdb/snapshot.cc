#include "tsdb/snapshot.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/time_format.h"
#include "tsdb/block/writer.h"

namespace tsdb {
namespace {

constexpr size_t kRandomDigits = 16;

std::string unfinished(std::string_view name) {
    return std::string(name) + std::string(block::kCreationSuffix);
}

base::Status remove_unfinished(base::Files& files, const base::Path& folder) {
    TRY(const auto entries, files.list(folder));
    for (const base::FolderEntry& entry : entries) {
        if (entry.is_directory && entry.name.ends_with(block::kCreationSuffix)) {
            TRY(files.remove_tree(base::join_path(folder, entry.name)));
        }
    }
    return base::success();
}

// The same files under a second name; folders are made, and on the disk afterwards.
base::Status link_folder(base::Files& files, const base::Path& from, const base::Path& to) {
    TRY(files.make_folders(to));
    TRY(const auto entries, files.list(from));
    for (const base::FolderEntry& entry : entries) {
        const base::Path source = base::join_path(from, entry.name);
        const base::Path target = base::join_path(to, entry.name);
        if (entry.is_directory) {
            TRY(link_folder(files, source, target));
        } else if (!entry.name.ends_with(".tmp")) {
            TRY(files.link(source, target));
        }
    }
    return files.sync_folder(to);
}

base::Status fill(base::Files& files,
                  const Head& head,
                  const SnapshotRequest& request,
                  const base::Path& folder,
                  const std::stop_token& stop) {
    TRY(files.make_folders(folder));
    for (const auto& block : request.view->blocks) {
        if (stop.stop_requested()) {
            return base::fail(base::Code::kCanceled, "the storage is stopping");
        }
        TRY(link_folder(
            files, block->folder(), base::join_path(folder, block->meta().ulid.text())));
    }
    if (request.cut) {
        TRY(base::context(write_head_block(files, folder, head, request.view, *request.cut, stop),
                          "write a block from the head"));
    }
    return files.sync_folder(folder);
}

}  // namespace

std::string snapshot_name(int64_t now_ms, base::Random& random) {
    std::string name;
    for (const char c : base::format_rfc3339_ms(now_ms - now_ms % 1000)) {
        if (c != '-' && c != ':') {
            name += c;
        }
    }
    std::array<char, kRandomDigits> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), random.u64(), 16).ptr;
    const auto count = static_cast<size_t>(end - digits.data());
    return name + "-" + std::string(kRandomDigits - count, '0') + std::string(digits.data(), count);
}

base::Status write_snapshot(base::Files& files,
                            const Head& head,
                            const SnapshotRequest& request,
                            const std::stop_token& stop) {
    const base::Path snapshots = base::join_path(request.data_folder, kSnapshotsFolder);
    const base::Path folder = base::join_path(snapshots, unfinished(request.name));
    TRY(files.make_folders(snapshots));
    TRY(remove_unfinished(files, snapshots));
    base::Status written = fill(files, head, request, folder, stop);
    if (written) {
        written = files.rename(folder, base::join_path(snapshots, request.name));
    }
    if (!written) {
        base::ignore(files.remove_tree(folder), "the next snapshot removes it");
        return base::context(std::move(written), "write a snapshot into", snapshots);
    }
    TRY(files.sync_folder(snapshots));
    return files.sync_folder(request.data_folder);
}

}  // namespace tsdb
