// Files as a port: everything that touches a file system goes through Files, so that tests can
// replace the disk by one that fills up, tears writes or loses power (test/support/memory_files.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/result.h"

namespace base {

using Path = std::string;

[[nodiscard]] Path join_path(std::string_view folder, std::string_view name);
// Everything before the last slash: "." when there is none, "/" for the root.
[[nodiscard]] Path parent_path(std::string_view path);
// What follows the last slash.
[[nodiscard]] std::string_view file_name(std::string_view path);

// A file open for writing. One writer at a time; the destructor closes and ignores the outcome, so
// close() where it matters.
//   errors  kNoSpace when the disk or a quota is full, kIo for anything else; each names the path.
//           After either, size() tells how much of the file is there.
class WriteFile {
  public:
    virtual ~WriteFile() = default;

    // Writes all of `bytes` at the end.
    [[nodiscard]] virtual Status append(ByteView bytes) = 0;
    // Writes all of `bytes` over what stands at `offset`; grows the file if need be.
    [[nodiscard]] virtual Status write_at(uint64_t offset, ByteView bytes) = 0;
    // Makes the file exactly `size` bytes long; what is added reads as zeros.
    [[nodiscard]] virtual Status truncate(uint64_t size) = 0;
    // Waits until the bytes, and what is needed to read them back, are on the disk (fdatasync).
    [[nodiscard]] virtual Status sync_data() = 0;
    // The same with all metadata (fsync).
    [[nodiscard]] virtual Status sync() = 0;
    [[nodiscard]] virtual Status close() = 0;
    // Bytes in the file.
    [[nodiscard]] virtual uint64_t size() const = 0;
    [[nodiscard]] virtual const Path& path() const = 0;
};

// A file open for reading at any place. Threads: any.
class ReadFile {
  public:
    virtual ~ReadFile() = default;

    // Fills `to` from `offset`. returns  bytes read: fewer than asked only at the end of the file.
    [[nodiscard]] virtual Result<size_t> read_at(uint64_t offset, std::span<uint8_t> to) const = 0;
    // Bytes in the file when it was opened or last asked.
    [[nodiscard]] virtual Result<uint64_t> size() const = 0;
    [[nodiscard]] virtual const Path& path() const = 0;
};

// A file mapped for reading; unmapped when destroyed. Threads: any. What is written to the file
// later shows through as long as it lies within the mapped length.
class MappedFile {
  public:
    enum class Advice : uint8_t { kNormal, kRandom, kSequential, kWillNeed, kDontNeed };

    virtual ~MappedFile() = default;

    [[nodiscard]] virtual ByteView bytes() const = 0;
    // A hint; never fails.
    virtual void advise(Advice advice) const = 0;
    [[nodiscard]] virtual const Path& path() const = 0;
};

// An exclusive lock held as long as this lives.
class FileLock {
  public:
    virtual ~FileLock() = default;
};

struct FileInfo {
    uint64_t size = 0;  // bytes
    bool is_directory = false;
    int64_t modified_ns = 0;  // since the Unix epoch
    uint64_t inode = 0;       // two names of one file share it
};

struct FolderEntry {
    std::string name;
    bool is_directory = false;

    bool operator==(const FolderEntry&) const = default;
};

struct DiskSpace {
    uint64_t capacity = 0;   // bytes
    uint64_t available = 0;  // bytes an unprivileged process may still write
};

// A file system. Threads: any.
//   errors  kNotFound, kPermission, kNoSpace, kIo, kUnavailable (no memory …), with path and why
// A created, renamed, linked or removed name survives a power cut only after sync_folder() of the
// folder that holds it.
class Files {
  public:
    virtual ~Files() = default;

    // A new file, or an existing one emptied.
    [[nodiscard]] virtual Result<std::unique_ptr<WriteFile>> create(const Path& path) = 0;
    // For writing at the end; created when missing.
    [[nodiscard]] virtual Result<std::unique_ptr<WriteFile>> open_append(const Path& path) = 0;
    [[nodiscard]] virtual Result<std::unique_ptr<ReadFile>> open_read(const Path& path) = 0;
    // The file's whole present length; an empty file maps to empty bytes.
    [[nodiscard]] virtual Result<std::unique_ptr<MappedFile>> map(const Path& path) = 0;

    [[nodiscard]] virtual Result<FileInfo> stat(const Path& path) = 0;
    // Sorted by name, without "." and "..".
    [[nodiscard]] virtual Result<std::vector<FolderEntry>> list(const Path& folder) = 0;
    // With all parents; good when it exists already.
    [[nodiscard]] virtual Status make_folders(const Path& folder) = 0;
    // Replaces `to` if it is there.
    [[nodiscard]] virtual Status rename(const Path& from, const Path& to) = 0;
    // A second name for a file. errors  kInvalid when `to` exists
    [[nodiscard]] virtual Status link(const Path& existing, const Path& to) = 0;
    // A file or an empty folder.
    [[nodiscard]] virtual Status remove(const Path& path) = 0;
    // A file, or a folder with everything below; good when there is nothing.
    [[nodiscard]] virtual Status remove_tree(const Path& path) = 0;
    [[nodiscard]] virtual Status truncate(const Path& path, uint64_t size) = 0;
    [[nodiscard]] virtual Status sync_folder(const Path& folder) = 0;
    // Takes the lock file, creating it. errors  kUnavailable when someone else holds it
    [[nodiscard]] virtual Result<std::unique_ptr<FileLock>> lock(const Path& path) = 0;
    [[nodiscard]] virtual Result<DiskSpace> space(const Path& path) = 0;

    // False when there is nothing at `path`.
    [[nodiscard]] Result<bool> exists(const Path& path);
};

// The machine's file system.
[[nodiscard]] std::unique_ptr<Files> make_posix_files();

// A whole file. errors  kLimit when it is longer than `limit` bytes
[[nodiscard]] Result<std::string> read_file(Files& files, const Path& path, size_t limit);

// Puts `bytes` in place of the file so that, whatever happens, either the old or the new content is
// there: written to "PATH.tmp", synced, renamed, folder synced.
[[nodiscard]] Status replace_file(Files& files, const Path& path, ByteView bytes);

}  // namespace base
