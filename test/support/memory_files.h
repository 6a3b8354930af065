// A file system in memory that knows what was synced: it can lose power, tear tails and flip bits.
//
// What survives a power cut is what POSIX promises and no more: the bytes of a file as of its last
// sync() or sync_data(), under the names as of the last sync_folder() of the folder that holds
// them.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/random.h"
#include "base/sync.h"

namespace test_support {

// Threads: any. The root and nothing else exists at first. A mapping shows later writes as long as
// the file did not grow in between.
class MemoryFiles final : public base::Files {
  public:
    MemoryFiles();
    ~MemoryFiles() override;

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

    // Loses everything not synced. Files open before go on into the void; locks are free again.
    void power_cut();
    // The same, but of each file a random part of the unsynced tail has reached the disk.
    void power_cut(base::Random& random);

    // Makes the disk full when all files together hold `bytes`.
    void set_capacity(uint64_t bytes);

    // Damage, which is on the disk at once. The path exists (CHECKed).
    void tear_tail(const base::Path& path, size_t bytes);
    void flip_bit(const base::Path& path, size_t offset, unsigned bit);

    [[nodiscard]] std::string content(const base::Path& path) const;
    // Writes a file with all its folders, synced.
    void put(const base::Path& path, base::ByteView bytes);

    struct Disk;  // shared with the open files

  private:
    std::shared_ptr<Disk> disk_;
};

}  // namespace test_support
