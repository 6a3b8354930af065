#include "tsdb/wal/series_blocks.h"

#include <algorithm>
#include <string_view>

#include "base/checksum.h"

namespace tsdb::wal {
namespace {

constexpr std::string_view kMarker = "SKS1";
constexpr size_t kLengthAt = 4;
constexpr size_t kEntriesAt = 8;
constexpr size_t kSegmentAt = 12;
constexpr size_t kLeastAt = 16;
constexpr size_t kGreatestAt = 24;
constexpr size_t kChecksumAt = 32;
constexpr size_t kHeaderBytes = 36;

uint32_t checksum(base::ByteView header, base::ByteView stored) {
    return base::crc32c(stored, base::crc32c(header.part(kLengthAt, kChecksumAt - kLengthAt)));
}

}  // namespace

void SeriesBlockBuilder::add(const SeriesEntry& entry) {
    out_.varint(static_cast<int64_t>(entry.ref - last_ref_));
    out_.uvarint(entry.labels);
    out_.bytes(entry.packed);
    last_ref_ = entry.ref;
    least_ref_ = std::min(least_ref_, entry.ref);
    greatest_ref_ = std::max(greatest_ref_, entry.ref);
    ++entries_;
}

void SeriesBlockBuilder::seal(uint32_t segment, std::string& out) {
    compressed_.clear();
    if (entries_ != 0) {
        zstd_.encode(out_.written(), compressed_);
    }
    uint8_t header[kHeaderBytes];
    std::ranges::copy(kMarker, header);
    base::store_be(header + kLengthAt, static_cast<uint32_t>(compressed_.size()));
    base::store_be(header + kEntriesAt, entries_);
    base::store_be(header + kSegmentAt, segment);
    base::store_be(header + kLeastAt, entries_ == 0 ? uint64_t{0} : least_ref_);
    base::store_be(header + kGreatestAt, greatest_ref_);
    base::store_be(header + kChecksumAt,
                   checksum(base::ByteView(header, sizeof header), compressed_));
    out.append(reinterpret_cast<const char*>(header), sizeof header);
    out.append(compressed_);
    out_.rewind(0);
    entries_ = 0;
    last_ref_ = 0;
    least_ref_ = UINT64_MAX;
    greatest_ref_ = 0;
}

bool SeriesBlockReader::next(SeriesBlock& block) {
    while (position_ < file_.size()) {
        if (read_at(position_, block)) {
            position_ += kHeaderBytes + block.stored.size();
            return true;
        }
        const size_t at = file_.text().find(kMarker, position_ + 1);
        const size_t next = at == std::string_view::npos ? file_.size() : at;
        damaged_ += next - position_;
        position_ = next;
    }
    return false;
}

bool SeriesBlockReader::read_at(size_t position, SeriesBlock& block) const {
    const base::ByteView header = file_.part(position, kHeaderBytes);
    if (header.size() < kHeaderBytes || !header.text().starts_with(kMarker)) {
        return false;
    }
    const size_t length = base::load_be<uint32_t>(header.data() + kLengthAt);
    block.stored = file_.part(position + kHeaderBytes, length);
    if (length > kSeriesBlockMax || block.stored.size() != length ||
        checksum(header, block.stored) != base::load_be<uint32_t>(header.data() + kChecksumAt)) {
        return false;
    }
    block.offset = position;
    block.entries = base::load_be<uint32_t>(header.data() + kEntriesAt);
    block.segment = base::load_be<uint32_t>(header.data() + kSegmentAt);
    block.least_ref = base::load_be<uint64_t>(header.data() + kLeastAt);
    block.greatest_ref = base::load_be<uint64_t>(header.data() + kGreatestAt);
    return true;
}

base::Status decode_series_block(const SeriesBlock& block,
                                 base::ZstdDecoder& zstd,
                                 std::string& text,
                                 std::vector<SeriesEntry>& out) {
    text.clear();
    if (block.entries == 0) {
        return base::success();
    }
    TRY(zstd.decode(block.stored, kSeriesBlockMax, text));
    base::ByteReader in(text);
    uint64_t ref = 0;
    for (uint32_t i = 0; i < block.entries && in.ok(); ++i) {
        ref += static_cast<uint64_t>(in.varint());
        SeriesEntry entry{.ref = ref, .labels = in.uvarint32(), .packed = {}};
        const size_t from = in.position();
        for (uint32_t label = 0; label < entry.labels && in.ok(); ++label) {
            in.str();
            in.str();
        }
        if (in.ok()) {
            entry.packed = std::string_view(text).substr(from, in.position() - from);
            out.push_back(entry);
        }
    }
    if (!in.finished()) {
        return base::fail(base::Code::kCorrupt, "malformed block of the series side log");
    }
    return base::success();
}

}  // namespace tsdb::wal
