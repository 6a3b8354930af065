#include "tsdb/out_of_order_writer.h"

#include "tsdb/wal/reader.h"

namespace tsdb {

OutOfOrderWriter::OutOfOrderWriter(const TsdbOptions& options,
                                   base::Files& files,
                                   const base::Clock& clock)
    : options_(options),
      files_(files),
      clock_(clock),
      folder_(base::join_path(options.path, "wbl")) {}

base::Status OutOfOrderWriter::open() {
    if (writer_ != nullptr) {
        return base::success();
    }
    const wal::Writer::Options writing{.segment_size = options_.wal_segment_size,
                                       .compression = options_.wal_compression};
    TRY(writer_,
        base::context(wal::Writer::open(files_, clock_, folder_, writing),
                      "open the log of out-of-order samples"));
    opened_.store(writer_.get(), std::memory_order_release);
    return base::success();
}

base::Status OutOfOrderWriter::log(std::span<const base::ByteView> records) {
    TRY(open());
    return base::context(writer_->log(records), "write the log of out-of-order samples");
}

base::Status OutOfOrderWriter::log_again() {
    return writer_ == nullptr ? base::success() : writer_->log({});
}

base::Status OutOfOrderWriter::sync() {
    wal::Writer* const writer = opened_.load(std::memory_order_acquire);
    return writer == nullptr
               ? base::success()
               : base::context(writer->sync(), "sync the log of out-of-order samples");
}

uint64_t OutOfOrderWriter::unsynced_bytes() const {
    const wal::Writer* const writer = opened_.load(std::memory_order_acquire);
    return writer == nullptr ? 0 : writer->unsynced_bytes();
}

base::Status OutOfOrderWriter::close() {
    return writer_ == nullptr ? base::success() : writer_->close();
}

base::Result<std::optional<uint32_t>> OutOfOrderWriter::begin_next_segment() {
    if (writer_ != nullptr) {
        TRY(writer_->begin_next_segment());
        const uint32_t current = writer_->segment();
        return current == 0 ? std::nullopt : std::optional(current - 1);
    }
    TRY(const auto segments, wal::list_segments(files_, folder_));
    return segments.empty() ? std::nullopt : std::optional(segments.back().number);
}

}  // namespace tsdb
