// Our own file beside a block's: a CRC-32C of every 64 KiB of every file of the block, so that
// damage is found wherever it is, and before it is needed. Prometheus ignores the file.
// source: docs/formats/checksums.md
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace tsdb::block {

inline constexpr std::string_view kChecksumsFile = "skein-checksums";
inline constexpr size_t kChecksumPageBytes = 64 * 1024;

struct FileChecksums {
    std::string name;  // within the block's folder, e.g. "chunks/000001"
    uint64_t bytes = 0;
    std::vector<uint32_t> pages;
};

// Of files that do not change any more: index and chunks. (meta.json and tombstones are rewritten
// during a block's life; their sums are replaced with them, see update_checksums.)
struct Checksums {
    std::vector<FileChecksums> files;
};

// Reads the block's files and sums them up.
[[nodiscard]] base::Result<Checksums> compute_checksums(base::Files& files,
                                                        const base::Path& folder);
[[nodiscard]] base::Status write_checksums(base::Files& files,
                                           const base::Path& folder,
                                           const Checksums& checksums);
// errors  kNotFound: the block has none (another server made it); kCorrupt: the sums are damaged
[[nodiscard]] base::Result<Checksums> read_checksums(base::Files& files, const base::Path& folder);
// After one file (meta.json, tombstones) was replaced. Good when the block has no checksums.
[[nodiscard]] base::Status update_checksums(base::Files& files,
                                            const base::Path& folder,
                                            std::string_view name);

// A page that is not what it was.
struct ChecksumMismatch {
    std::string file;
    uint64_t offset = 0;  // of the page
    std::string reason;
};

// Compares the block's files with their sums.
//   pace     called after every page with its bytes, so that a scrub can go slowly; false ends it
//   returns  at most one mismatch per file
[[nodiscard]] base::Result<std::vector<ChecksumMismatch>> verify_checksums(
    base::Files& files, const base::Path& folder, const std::function<bool(size_t)>& pace);

}  // namespace tsdb::block
