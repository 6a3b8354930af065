// Looks after the disk's free space, and after the way back when the storage is read-only.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sync.h"
#include "tsdb/disk_state.h"

namespace tsdb {

// Holds some space back in a file, which goes when the disk is full: so that there is room to write
// a checkpoint and to delete blocks.
//   threads   check(): one at a time
//   lifetime  what it is given outlives it
class DiskWatch {
  public:
    static constexpr std::chrono::milliseconds kInterval{500};
    // Between two attempts when there is space and writes fail nevertheless: a quota, no inodes.
    static constexpr std::chrono::seconds kProbeInterval{2};
    // On small disks less is held back: 1/32 of them each.
    static constexpr uint64_t kShareOfDisk = 32;

    struct Options {
        base::Path data_folder;
        uint64_t free_bytes_min = 0;  // less free: read-only
        uint64_t reserve_bytes = 0;   // of the file; 0: none
    };

    DiskWatch(Options options,
              base::Files& files,
              const base::Clock& clock,
              DiskState& disk,
              base::Logger log);
    ~DiskWatch();
    DiskWatch(const DiskWatch&) = delete;
    DiskWatch& operator=(const DiskWatch&) = delete;

    // Looks once. returns  whether what waits may be tried to write
    bool check();

    // Begins to look, on a thread of its own.
    //   retry  called when what waits may be written; while read-only or anything waits
    void start(std::function<void()> retry);
    void stop() EXCLUDES_LOCK(mutex_);

  private:
    void run() EXCLUDES_LOCK(mutex_);
    [[nodiscard]] bool have_reserve(uint64_t bytes);
    void free_reserve();

    const Options options_;
    const base::Path reserve_path_;
    base::Files& files_;
    const base::Clock& clock_;
    DiskState& disk_;
    const base::Logger log_;
    base::SteadyTime probe_again_{};  // not before
    std::function<void()> retry_;
    base::Mutex mutex_;
    base::CondVar wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace tsdb
