// From the head into blocks: cut, shown to readers, swept, and the log's old segments let go.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_reserve.h"
#include "base/random.h"
#include "base/result.h"
#include "tsdb/block_keeper.h"
#include "tsdb/committer.h"
#include "tsdb/head/head.h"
#include "tsdb/head/ref_expiry.h"
#include "tsdb/metrics.h"
#include "tsdb/options.h"
#include "tsdb/side_log.h"
#include "tsdb/view.h"
#include "tsdb/wal/segment_times.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

//   threads   one
//   lifetime  the parts outlive it
class HeadCutter {
  public:
    // Slots that one job on the log's thread goes over: about a millisecond.
    static constexpr uint32_t kSlotsPerJob = 8192;

    struct Parts {
        base::Files& files;
        const base::Clock& clock;
        Head& head;
        ChunkFiles& chunk_files;
        wal::Writer& wal;
        wal::SegmentTimes& segment_times;
        Committer& committer;
        Views& views;
        BlockKeeper& blocks;
        SideLog& side_log;
        CutMetrics& metrics;
        base::MemoryReserve& memory;
    };

    // expired  refs that the log holds samples of and the head no series any more
    HeadCutter(const TsdbOptions& options, const Parts& parts, RefExpiry expired, base::Logger log);

    // Whether the head holds more than one and a half block's worth.
    [[nodiscard]] bool due() const;
    // Cuts the oldest block's worth. errors  as write_head_block(); the head is as it was
    [[nodiscard]] base::Status cut(const std::stop_token& stop);
    // Everything up to the newest sample, for tests and for a server that ends.
    [[nodiscard]] base::Status cut_until(int64_t end, const std::stop_token& stop);

  private:
    // Up to `until`, or the oldest block's worth.
    [[nodiscard]] base::Status cut_range(std::optional<int64_t> until, const std::stop_token& stop);
    [[nodiscard]] base::Status truncate_head(int64_t min_t, const std::stop_token& stop);
    [[nodiscard]] base::Status sweep(int64_t min_t, const std::stop_token& stop);
    [[nodiscard]] base::Status truncate_wal(int64_t min_t);
    [[nodiscard]] base::Status on_log_thread(const std::function<void()>& job);

    const TsdbOptions& options_;
    const Parts parts_;
    const base::Path wal_folder_;
    RefExpiry expired_;
    const base::Logger log_;
    base::SystemRandom random_;
};

}  // namespace tsdb
