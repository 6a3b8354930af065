// Our own file beside a block's: a CRC-32C of every 64 KiB of every file of the block, so that
// damage is found wherever it is, and before it is needed. Prometheus ignores the file.
// source: docs/formats/checksums.md
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"

namespace tsdb::block {

inline constexpr std::string_view kChecksumsFile = "skein-checksums";
inline constexpr size_t kChecksumPageBytes = size_t{64} << 10;

struct FileChecksums {
    std::string name;  // within the block's folder, e.g. "chunks/000001"
    uint64_t bytes = 0;
    std::vector<uint32_t> pages;

    bool operator==(const FileChecksums&) const = default;
};

// Index and chunks never change; meta.json and tombstones are replaced during a block's life (see
// replace_block_file). While that happens a name stands here twice: either content is good.
struct Checksums {
    std::vector<FileChecksums> files;

    bool operator==(const Checksums&) const = default;
};

// Sums up a file while it is written.
class PageSums {
  public:
    explicit PageSums(std::string name) { sums_.name = std::move(name); }

    // The file's next bytes.
    void add(base::ByteView bytes);
    // Bytes added as zeros are `bytes` now.
    void patch(uint64_t offset, base::ByteView bytes);

    [[nodiscard]] FileChecksums finish() && { return std::move(sums_); }

  private:
    FileChecksums sums_;  // the last page may be open
};

// The sums of a file that is at hand.
[[nodiscard]] FileChecksums checksums_of(std::string name, base::ByteView bytes);

// Reads the block's files (meta.json, tombstones, index, chunks) and sums them up.
[[nodiscard]] base::Result<Checksums> compute_checksums(base::Files& files,
                                                        const base::Path& folder);
[[nodiscard]] std::string encode_checksums(const Checksums& checksums);
// Replaces the block's checksum file.
[[nodiscard]] base::Status write_checksums(base::Files& files,
                                           const base::Path& folder,
                                           const Checksums& checksums);
// errors  kNotFound: the block has none (another server made it); kCorrupt: the sums are damaged;
//         kUnsupported: of another version
[[nodiscard]] base::Result<Checksums> read_checksums(base::Files& files, const base::Path& folder);

// Puts new content in place of a file of the block (meta.json, tombstones) and of its sums, if the
// block has any. Whatever happens, old or new content is there, and the sums fit it.
[[nodiscard]] base::Status replace_block_file(base::Files& files,
                                              const base::Path& folder,
                                              std::string_view name,
                                              base::ByteView content);

// A page that is not what it was.
struct ChecksumMismatch {
    std::string file;
    uint64_t offset = 0;  // of the page
    std::string reason;
};

// A glance at the files of a block that never change, index and chunks: their lengths and their
// first pages, one read each. Finds a file that was cut, or put there from another block, when the
// block is opened; everything else verify_checksums() does.
//   returns  the first mismatch, if any
//   errors   kIo
[[nodiscard]] base::Result<std::optional<ChecksumMismatch>> glance_at_checksums(
    base::Files& files, const base::Path& folder, const Checksums& checksums);

// Compares the block's files with their sums. A file of tombstones that does not fit but is sound
// by its own checksum is no mismatch, nor is a readable meta.json of another length: another server
// wrote them.
//   pace     called after every page with its bytes, so that a scrub can go slowly; false ends it.
//            May be empty.
//   returns  at most one mismatch per file, those found so far when pace() ended it
//   errors   those of read_checksums(); kIo
[[nodiscard]] base::Result<std::vector<ChecksumMismatch>> verify_checksums(
    base::Files& files, const base::Path& folder, const std::function<bool(size_t)>& pace);

}  // namespace tsdb::block
