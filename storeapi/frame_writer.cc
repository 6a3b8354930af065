#include "storeapi/frame_writer.h"

#include "base/checksum.h"

namespace storeapi {
namespace {

// storeapi/proto/store.proto
constexpr char kResponseSeries = bytes_field(1);
constexpr char kResponseWarning = bytes_field(2);
constexpr char kResponseBatch = bytes_field(4);
// storeapi/proto/types.proto
constexpr char kBatchSeries = bytes_field(1);
constexpr char kSeriesChunks = bytes_field(2);
constexpr char kAggrMinTime = number_field(1);
constexpr char kAggrMaxTime = number_field(2);
constexpr char kAggrRaw = bytes_field(3);
constexpr char kChunkType = number_field(1);
constexpr char kChunkData = bytes_field(2);
constexpr char kChunkHash = number_field(3);

constexpr size_t kChunkOverhead = 64;   // at most, beside a chunk's own bytes
constexpr size_t kSeriesOverhead = 16;  // likewise, beside labels and chunks

}  // namespace

FrameWriter::FrameWriter(std::string& out, bool batch) : out_(out), batch_(batch) {
    if (batch_) {
        out.reserve(kFrameTarget + kFrameTarget / 8);
        out_.need(kSeriesOverhead);
        out_.byte(kResponseBatch);
        batch_at_ = out_.begin_length();
    }
}

void FrameWriter::begin_series(std::string_view labels) {
    ++series_;
    out_.need(kSeriesOverhead + labels.size());
    out_.byte(batch_ ? kBatchSeries : kResponseSeries);
    series_at_ = out_.begin_length();
    out_.bytes(labels);
}

bool FrameWriter::fits(const model::ChunkView& chunk) const {
    return chunks_ == 0 || out_.size() + chunk.bytes.size() + kChunkOverhead <= kFrameMax;
}

void FrameWriter::add_chunk(const model::ChunkView& chunk) {
    ++chunks_;
    const auto type = static_cast<uint64_t>(chunk.encoding) - 1;  // the TSDB's number less one
    const std::string_view data(reinterpret_cast<const char*>(chunk.bytes.data()),
                                chunk.bytes.size());
    const uint64_t hash = base::xxh64(data);
    const auto min_t = static_cast<uint64_t>(chunk.min_t);
    const auto max_t = static_cast<uint64_t>(chunk.max_t);
    const size_t raw_size =
        WireWriter::number_size(type) + WireWriter::text_size(data) + WireWriter::number_size(hash);
    out_.need(kChunkOverhead + data.size());
    WireCursor at = out_.cursor();
    at.byte(kSeriesChunks);
    at.varint(WireWriter::number_size(min_t) + WireWriter::number_size(max_t) + 1 +
              base::uvarint_size(raw_size) + raw_size);
    at.number(kAggrMinTime, min_t);
    at.number(kAggrMaxTime, max_t);
    at.byte(kAggrRaw);
    at.varint(raw_size);
    at.number(kChunkType, type);
    at.text(kChunkData, data);
    at.number(kChunkHash, hash);
    out_.wrote(at);
}

void FrameWriter::end_series() {
    out_.end_length(series_at_);
}

bool FrameWriter::full() const {
    return batch_ ? out_.size() >= kFrameTarget : series_ != 0;
}

void FrameWriter::finish() {
    if (batch_) {
        out_.end_length(batch_at_);
    }
    out_.finish();
}

std::string FrameWriter::warning(std::string_view text) {
    std::string message;
    WireWriter out(message);
    out.need(kSeriesOverhead + text.size());
    out.text(kResponseWarning, text);
    out.finish();
    return message;
}

}  // namespace storeapi
