// From the out-of-order store into blocks: cut by aligned ranges, shown, forgotten, and the log's
// segments let go.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory_reserve.h"
#include "base/random.h"
#include "base/result.h"
#include "tsdb/block_keeper.h"
#include "tsdb/committer.h"
#include "tsdb/head/head.h"
#include "tsdb/options.h"
#include "tsdb/out_of_order_writer.h"
#include "tsdb/view.h"

namespace tsdb {

//   threads   one
//   lifetime  the parts outlive it
class OutOfOrderCutter {
  public:
    // Series that one job on the log's thread goes over: about a millisecond.
    static constexpr size_t kSeriesPerJob = 512;

    struct Parts {
        base::Files& files;
        const base::Clock& clock;
        Head& head;
        OutOfOrderWriter& log;
        Committer& committer;
        Views& views;
        BlockKeeper& blocks;
        base::MemoryReserve& memory;
    };

    OutOfOrderCutter(const TsdbOptions& options, const Parts& parts, base::Logger log);

    // Cuts all late samples there are: a block per range of min_block_duration, with the hint that
    // it is out of order. They may overlap other blocks.
    //   errors  as write_out_of_order_block(): the samples stay in the head, though blocks may have
    //           some of them too
    [[nodiscard]] base::Status cut(const std::stop_token& stop);

  private:
    // A series, and how many of its chunks are cut.
    struct Sealed {
        uint32_t slot = 0;
        size_t chunks = 0;
    };

    using Ranges = std::map<int64_t, std::vector<uint32_t>>;  // slots by a range's end

    [[nodiscard]] base::Status seal(std::vector<Sealed>& sealed);
    [[nodiscard]] Ranges ranges_of(std::span<const Sealed> sealed) const;
    [[nodiscard]] base::Status write(int64_t end,
                                     const std::vector<uint32_t>& slots,
                                     const std::stop_token& stop);
    [[nodiscard]] base::Status drop(std::span<const Sealed> sealed);
    [[nodiscard]] base::Status on_log_thread(const std::function<void()>& job);

    const TsdbOptions& options_;
    const Parts parts_;
    const base::Logger log_;
    base::SystemRandom random_;
};

}  // namespace tsdb
