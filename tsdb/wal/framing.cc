#include "tsdb/wal/framing.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/wal/record.h"

namespace tsdb::wal {

void RecordPacker::pack(base::ByteView record, PackedRecord& packed) {
    packed.flag = 0;
    packed.series = record_type(record) == static_cast<uint8_t>(RecordType::kSeries);
    if (compression_ == WalCompression::kSnappy) {
        base::snappy_encode(record, compressed_);
    } else if (compression_ == WalCompression::kZstd) {
        zstd_.encode(record, compressed_);
    }
    if (compression_ != WalCompression::kNone && compressed_.size() < record.size()) {
        packed.flag = compression_ == WalCompression::kSnappy ? kSnappyFlag : kZstdFlag;
        packed.bytes.assign(compressed_);
        return;
    }
    packed.bytes.assign(record.text());
}

bool fits_segment(uint64_t at, uint64_t segment_size, size_t bytes) {
    if (at >= segment_size) {
        return false;
    }
    const uint64_t page_rest = kPageBytes - at % kPageBytes;
    const uint64_t pages_left = (segment_size - at - page_rest) / kPageBytes;
    const uint64_t first = page_rest < kFragmentHeaderBytes ? 0 : page_rest - kFragmentHeaderBytes;
    return bytes <= first + pages_left * (kPageBytes - kFragmentHeaderBytes);
}

void append_fragments(const PackedRecord& record, uint64_t at, std::string& out) {
    const uint64_t start = at - out.size();  // of `out` in the segment
    base::ByteView rest(record.bytes);
    bool first = true;
    do {
        size_t room = kPageBytes - (start + out.size()) % kPageBytes;
        if (room < kFragmentHeaderBytes) {
            out.append(room, '\0');
            room = kPageBytes;
        }
        const base::ByteView part = rest.part(0, room - kFragmentHeaderBytes);
        rest = rest.part(part.size());
        FragmentType type = FragmentType::kMiddle;
        if (first) {
            type = rest.empty() ? FragmentType::kFull : FragmentType::kFirst;
        } else if (rest.empty()) {
            type = FragmentType::kLast;
        }
        first = false;
        uint8_t header[kFragmentHeaderBytes];
        header[0] = static_cast<uint8_t>(static_cast<uint8_t>(type) | record.flag);
        base::store_be(header + 1, static_cast<uint16_t>(part.size()));
        base::store_be(header + 3, base::crc32c(part));
        out.append(reinterpret_cast<const char*>(header), sizeof header);
        out.append(part.text());
    } while (!rest.empty());
}

void append_padding(uint64_t at, std::string& out) {
    const size_t used = at % kPageBytes;
    if (used != 0) {
        out.append(kPageBytes - used, '\0');
    }
}

}  // namespace tsdb::wal
