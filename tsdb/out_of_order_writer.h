// The writer of the log of out-of-order samples (wbl), which is made with the first of them.
// source: docs/formats/wal.md, after Prometheus 3.14 (3.2, 9.8)
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/byte_view.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/options.h"
#include "tsdb/wal/writer.h"

namespace tsdb {

// As wal::Writer has it; nothing to do while there is no log.
//   threads   sync(), unsynced_bytes(), folder(): any. The others: one at a time (the log's thread,
//             or after it has ended)
//   lifetime  what it is given outlives it
class OutOfOrderWriter {
  public:
    OutOfOrderWriter(const TsdbOptions& options, base::Files& files, const base::Clock& clock);
    OutOfOrderWriter(const OutOfOrderWriter&) = delete;
    OutOfOrderWriter& operator=(const OutOfOrderWriter&) = delete;

    [[nodiscard]] base::Status log(std::span<const base::ByteView> records);
    // Writes again what a failed sync may have lost.
    [[nodiscard]] base::Status log_again();
    [[nodiscard]] base::Status sync();
    [[nodiscard]] uint64_t unsynced_bytes() const;
    [[nodiscard]] base::Status close();

    // Everything that was logged until now is in segments that are complete; later samples are in
    // others.
    //   returns  the last of them; nothing when there is none
    [[nodiscard]] base::Result<std::optional<uint32_t>> begin_next_segment();

    [[nodiscard]] const base::Path& folder() const { return folder_; }

  private:
    [[nodiscard]] base::Status open();

    const TsdbOptions& options_;
    base::Files& files_;
    const base::Clock& clock_;
    const base::Path folder_;
    std::unique_ptr<wal::Writer> writer_;
    std::atomic<wal::Writer*> opened_{nullptr};  // for other threads
};

}  // namespace tsdb
