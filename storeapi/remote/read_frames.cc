#include "storeapi/remote/read_frames.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "storeapi/remote/read_samples.h"
#include "storeapi/wire.h"

namespace storeapi {
namespace {

// ChunkedReadResponse
constexpr char kChunkedSeries = bytes_field(1);
constexpr char kQueryIndex = number_field(2);
// ChunkedSeries
constexpr char kLabels = bytes_field(1);
constexpr char kChunks = bytes_field(2);
// Chunk
constexpr char kMinTime = number_field(1);
constexpr char kMaxTime = number_field(2);
constexpr char kType = number_field(3);
constexpr char kData = bytes_field(4);

constexpr size_t kOverhead = 64;  // at most, of a chunk or a series beside its own bytes

void write_chunk(WireWriter& out, const model::ChunkView& chunk) {
    const auto min_t = static_cast<uint64_t>(chunk.min_t);
    const auto max_t = static_cast<uint64_t>(chunk.max_t);
    const auto type = static_cast<uint64_t>(chunk.encoding);
    const std::string_view data(reinterpret_cast<const char*>(chunk.bytes.data()),
                                chunk.bytes.size());
    out.need(kOverhead + data.size());
    out.byte(kChunks);
    out.varint(WireWriter::number_size(min_t) + WireWriter::number_size(max_t) +
               WireWriter::number_size(type) + WireWriter::text_size(data));
    out.number(kMinTime, min_t);
    out.number(kMaxTime, max_t);
    out.number(kType, type);
    out.text(kData, data);
}

}  // namespace

base::Result<bool> ReadFrames::next(std::string& out, const std::stop_token& stop) {
    parts_.context.stop = stop;
    const size_t until = out.size() + kWriteBytes;
    while (out.size() < until) {
        if (!in_series_) {
            TRY(in_series_, next_series());
            if (!in_series_) {
                return false;
            }
            left_ = series_->chunks();
        }
        write_frame(out);
        in_series_ = !left_.empty();
    }
    return true;
}

// Of this query or the ones behind it.
base::Result<bool> ReadFrames::next_series() {
    while (query_ < parts_.request.queries.size()) {
        TRY(parts_.context.check());
        if (series_ == nullptr) {
            TRY(series_,
                ReadSeries::select(parts_.storage,
                                   parts_.request.queries[query_],
                                   parts_.external,
                                   parts_.context));
        }
        TRY(const bool more, series_->next());
        if (more) {
            return true;
        }
        series_.reset();
        ++query_;
    }
    return false;
}

// One frame of the present series: its first chunk, and as many more as there is room for.
void ReadFrames::write_frame(std::string& out) {
    message_.clear();
    WireWriter message(message_);
    message.need(kOverhead);
    message.byte(kChunkedSeries);
    const size_t length = message.begin_length();
    write_labels(message, kLabels, series_->labels());
    bool fits = !left_.empty();
    while (fits) {
        write_chunk(message, left_.front());
        left_ = left_.subspan(1);
        fits = !left_.empty() &&
               message.size() + left_.front().bytes.size() + kOverhead <= parts_.frame_bytes_max;
    }
    message.end_length(length);
    message.need(kOverhead);
    message.number(kQueryIndex, query_);
    message.finish();
    base::ByteWriter frame(out);
    frame.uvarint(message_.size());
    frame.be32(base::crc32c(base::ByteView(message_)));
    frame.bytes(base::ByteView(message_));
    frame.finish();
}

}  // namespace storeapi
