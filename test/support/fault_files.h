// Files that fail when told: the n-th call of a kind gives an error, or writes only a part.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/sync.h"

namespace test_support {

enum class FileCall : uint8_t {
    kOpen,  // create, open_append, open_read, map
    kWrite,
    kRead,
    kSync,  // of a file, either kind
    kSyncFolder,
    kTruncate,
    kRename,  // and link
    kRemove,
    kList,  // and stat
    kMakeFolders,
};
inline constexpr size_t kFileCalls = 10;

struct FileFault {
    base::Code code = base::Code::kIo;
    size_t bytes_written = 0;  // of a write: what still gets through
    bool forever = false;      // every later call of the kind too
};

// Passes calls on to another Files and counts them. Threads: any.
class FaultFiles final : public base::Files {
  public:
    explicit FaultFiles(base::Files& below);
    ~FaultFiles() override;

    // The `nth` call from now on (1: the next one) fails. One fault per kind at a time.
    void fail_at(FileCall call, uint64_t nth, FileFault fault = {});
    void heal();
    // Calls of a kind so far.
    [[nodiscard]] uint64_t calls(FileCall call) const;

    base::Result<std::unique_ptr<base::WriteFile>> create(const base::Path& path) override;
    base::Result<std::unique_ptr<base::WriteFile>> open_append(const base::Path& path) override;
    base::Result<std::unique_ptr<base::ReadFile>> open_read(const base::Path& path) override;
    base::Result<std::unique_ptr<base::MappedFile>> map(const base::Path& path) override;
    base::Result<base::FileInfo> stat(const base::Path& path) override;
    base::Result<std::vector<base::FolderEntry>> list(const base::Path& folder) override;
    base::Status make_folders(const base::Path& folder) override;
    base::Status rename(const base::Path& from, const base::Path& to) override;
    base::Status link(const base::Path& existing, const base::Path& to) override;
    base::Status remove(const base::Path& path) override;
    base::Status remove_tree(const base::Path& path) override;
    base::Status truncate(const base::Path& path, uint64_t size) override;
    base::Status sync_folder(const base::Path& folder) override;
    base::Result<std::unique_ptr<base::FileLock>> lock(const base::Path& path) override;
    base::Result<base::DiskSpace> space(const base::Path& path) override;

    class Plan;  // shared with the open files

  private:
    base::Result<std::unique_ptr<base::WriteFile>> wrap(
        base::Result<std::unique_ptr<base::WriteFile>> opened);

    base::Files& below_;
    std::shared_ptr<Plan> plan_;
};

}  // namespace test_support
