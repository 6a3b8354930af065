// The queries that run, in a file that survives the process: after a crash it tells which queries
// it may have been.
// source: queries.active of the Prometheus data folder, byte for byte: '[', then one slot per query
//         that may run at once, zeros or {"query":"…","timestamp_sec":n},
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "base/sync.h"

namespace query {

// Threads: any. Writing costs one copy into the page cache; nothing waits for the disk.
class ActiveFile {
  public:
    static constexpr size_t kSlotBytes = 1000;           // a longer query is cut
    static constexpr size_t kFileMax = size_t{4} << 20;  // bytes that are read of an old file
    static constexpr std::string_view kName = "queries.active";  // in the data folder

    // Empties the file at `path`, creating it if need be.
    //   slots    queries that may run at once
    //   errors   those of the file system
    [[nodiscard]] static base::Result<std::unique_ptr<ActiveFile>> open(base::Files& files,
                                                                        const base::Path& path,
                                                                        size_t slots);

    // What the process before left in it: a JSON array, or "" when it ended all of its queries.
    [[nodiscard]] static std::string unfinished(base::Files& files, const base::Path& path);

    // Notes a query.
    //   returns  its place for erase(); nothing when all are taken or the disk fails
    [[nodiscard]] std::optional<size_t> add(std::string_view query, int64_t started_s);
    void erase(size_t slot);

  private:
    ActiveFile(std::unique_ptr<base::WriteFile> file, size_t slots);

    base::Mutex mutex_;
    // The file is one writer's at a time; what is written is a page in memory.
    std::unique_ptr<base::WriteFile> file_ GUARDED_BY(mutex_);
    std::vector<size_t> free_ GUARDED_BY(mutex_);
};

}  // namespace query
