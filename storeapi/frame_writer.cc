#include "storeapi/frame_writer.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/checksum.h"

namespace storeapi {
namespace {

// Field numbers with their wire types: 0 varint, 2 bytes.
constexpr char kResponseSeries = 1 << 3 | 2;
constexpr char kResponseWarning = 2 << 3 | 2;
constexpr char kResponseBatch = 4 << 3 | 2;
constexpr char kBatchSeries = 1 << 3 | 2;
constexpr char kSeriesLabels = 1 << 3 | 2;
constexpr char kSeriesChunks = 2 << 3 | 2;
constexpr char kLabelName = 1 << 3 | 2;
constexpr char kLabelValue = 2 << 3 | 2;
constexpr char kAggrMinTime = 1 << 3;
constexpr char kAggrMaxTime = 2 << 3;
constexpr char kAggrRaw = 3 << 3 | 2;
constexpr char kChunkType = 1 << 3;
constexpr char kChunkData = 2 << 3 | 2;
constexpr char kChunkHash = 3 << 3;

constexpr size_t kFixedLength = 5;     // bytes of a length that is put in later: up to 2^35 - 1
constexpr size_t kChunkOverhead = 64;  // at most, beside a chunk's own bytes

void put_varint(std::string& out, uint64_t value) {
    while (value >= 0x80) {
        out.push_back(static_cast<char>(value | 0x80));
        value >>= 7;
    }
    out.push_back(static_cast<char>(value));
}

void put_text(std::string& out, char field, std::string_view text) {
    out.push_back(field);
    put_varint(out, text.size());
    out.append(text);
}

size_t text_size(std::string_view text) {
    return 1 + base::uvarint_size(text.size()) + text.size();
}

// A field with a number; left out when it is 0, as proto3 does.
size_t number_size(uint64_t value) {
    return value == 0 ? 0 : 1 + base::uvarint_size(value);
}

void put_number(std::string& out, char field, uint64_t value) {
    if (value != 0) {
        out.push_back(field);
        put_varint(out, value);
    }
}

}  // namespace

FrameWriter::FrameWriter(std::string& out, bool batch) : out_(out), batch_(batch) {
    if (batch_) {
        out_.push_back(kResponseBatch);
        batch_at_ = out_.size();
        out_.append(kFixedLength, '\0');
    }
}

void FrameWriter::begin_series(std::span<const model::LabelView> labels) {
    ++series_;
    out_.push_back(batch_ ? kBatchSeries : kResponseSeries);
    series_at_ = out_.size();
    out_.append(kFixedLength, '\0');
    for (const model::LabelView& label : labels) {
        out_.push_back(kSeriesLabels);
        put_varint(out_, text_size(label.name) + text_size(label.value));
        put_text(out_, kLabelName, label.name);
        put_text(out_, kLabelValue, label.value);
    }
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
    const size_t raw_size = number_size(type) + text_size(data) + number_size(hash);
    const size_t size =
        number_size(min_t) + number_size(max_t) + 1 + base::uvarint_size(raw_size) + raw_size;
    out_.push_back(kSeriesChunks);
    put_varint(out_, size);
    put_number(out_, kAggrMinTime, min_t);
    put_number(out_, kAggrMaxTime, max_t);
    out_.push_back(kAggrRaw);
    put_varint(out_, raw_size);
    put_number(out_, kChunkType, type);
    put_text(out_, kChunkData, data);
    put_number(out_, kChunkHash, hash);
}

void FrameWriter::end_series() {
    put_length(series_at_);
}

bool FrameWriter::full() const {
    return batch_ ? out_.size() >= kFrameTarget : series_ != 0;
}

void FrameWriter::finish() {
    if (batch_) {
        put_length(batch_at_);
    }
}

void FrameWriter::put_length(size_t at) {
    size_t length = out_.size() - at - kFixedLength;
    for (size_t i = 0; i + 1 < kFixedLength; ++i) {
        out_[at + i] = static_cast<char>(length | 0x80);
        length >>= 7;
    }
    out_[at + kFixedLength - 1] = static_cast<char>(length);
}

std::string FrameWriter::warning(std::string_view text) {
    std::string out;
    put_text(out, kResponseWarning, text);
    return out;
}

}  // namespace storeapi
