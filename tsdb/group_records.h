// The records of a group of commits, on their way to the write-ahead log: encoded one behind the
// other, written together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "tsdb/head/head.h"
#include "tsdb/wal/record.h"

namespace tsdb {

// First begin(), then what is to be logged, then end(); views() are good until the next begin().
//   threads   one at a time
class GroupRecords {
  public:
    static constexpr size_t kRecordBytesTarget = 128 * 1024;       // a record is ended behind it
    static constexpr size_t kSeriesBytesTarget = size_t{1} << 20;  // of series encoded at once

    GroupRecords() = default;
    GroupRecords(const GroupRecords&) = delete;
    GroupRecords& operator=(const GroupRecords&) = delete;

    // Forgets what was encoded; its memory is kept.
    void begin();

    // The labels of the series, from the front, until there are enough for one write.
    //   returns  how many
    [[nodiscard]] size_t add_series(const Head& head, std::span<const NewSeries> series);

    // A sample of a float, beside the one before.
    void add_float(uint64_t ref, int64_t t, uint64_t bits) {
        if (!floats_) [[unlikely]] {
            floats_.emplace(*out_);
        }
        floats_->add(ref, t, bits);
        if (out_->position() - record_start_ >= kRecordBytesTarget) [[unlikely]] {
            end_record();
        }
    }

    // In a record per kind, in the order in which Prometheus writes them.
    void add_histograms(std::span<const HeadHistogram> samples);
    // In records of their own; to come behind everything else.
    void add_exemplars(std::span<const HeadExemplar> exemplars);

    void end();

    [[nodiscard]] std::vector<base::ByteView> views() const;

  private:
    template <class Encoder, class Get>
    void add_histograms_of(wal::RecordType type,
                           std::span<const HeadHistogram> samples,
                           const Get& get);
    void end_record();

    std::string bytes_;
    std::vector<std::pair<size_t, size_t>> ends_;  // of records: from and to in bytes_
    std::optional<base::ByteWriter> out_;
    std::optional<wal::SamplesEncoder> floats_;  // of the record being written, if it is of floats
    size_t record_start_ = 0;
};

}  // namespace tsdb
