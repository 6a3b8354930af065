// The series side log as the database keeps it: as well as it can, and nothing fails without it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/byte_view.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/rate_limit.h"
#include "model/labels.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/series_log.h"
#include "tsdb/wal/series_log_reader.h"

namespace tsdb {

// First a replay looks series up, then begin(), then series are noted.
//   threads  recall(), begin(): one, before all others. note(), sync(), compact(): any, each one at
//            a time
class SideLog {
  public:
    static constexpr std::chrono::minutes kFailureLines{1};  // between two log lines about it

    SideLog(base::Files& files,
            const base::Clock& clock,
            base::Logger log,
            const base::Path& data_folder);

    // Reads what the last run noted.
    //   newest_segment  of the write-ahead log; nothing: it has none
    void read(std::optional<uint32_t> newest_segment);

    // The labels that were noted for a series; empty: nobody knows.
    //   segment  that a sample of the series is in
    [[nodiscard]] model::Labels recall(uint64_t ref, uint32_t segment);

    // No new series may get a reference up to this one.
    [[nodiscard]] uint64_t greatest_ref() const;

    // Lets go of what was read and goes on behind it; begins anew, with the series of the head,
    // when it is not to be trusted.
    void begin(const Head& head, uint32_t segment);

    // Takes note of the series records among the records, which were logged.
    //   segment  as for wal::SeriesLog::append()
    void note(uint32_t segment, std::span<const base::ByteView> records);

    // Waits for the disk, when there is something to wait for.
    void sync(uint32_t segment);

    // Lets go of series that are gone, when they are many.
    void compact(const std::function<bool(uint64_t ref)>& keep_series);

  private:
    void note_head(const Head& head, uint32_t segment);
    void report(const base::Error& error);

    base::Files& files_;
    const base::Clock& clock_;
    const base::Logger log_;
    const base::Path folder_;
    std::optional<wal::SeriesLogReader> reader_;
    std::unique_ptr<wal::SeriesLog> series_log_;  // null: it could not be begun
    std::vector<wal::SeriesEntry> entries_;       // of note(), kept for its memory
    base::RateLimit failure_lines_{kFailureLines};
};

}  // namespace tsdb
