#include "tsdb/block/chunk_segments.h"

#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/format.h"

namespace tsdb::block {
namespace {

constexpr size_t kNameDigits = 6;

// "chunks/000001", the first one's name.
std::string segment_name(size_t segment) {
    std::string digits = std::to_string(segment + 1);
    if (digits.size() < kNameDigits) {
        digits.insert(0, kNameDigits - digits.size(), '0');
    }
    return base::join_path(kChunksFolder, digits);
}

}  // namespace

ChunkSegments::ChunkSegments(base::Files& files, base::Path folder, uint64_t segment_bytes)
    : files_(files), folder_(std::move(folder)), segment_bytes_(segment_bytes) {}

base::Result<ChunkRef> ChunkSegments::add(const ChunkInput& chunk) {
    if (chunk.bytes.size() > UINT32_MAX) {
        return base::fail(base::Code::kLimit, "a chunk of", chunk.bytes.size(), "bytes");
    }
    std::array<uint8_t, base::kUvarint32Max + 1> head;
    size_t head_bytes = 0;
    size_t length = chunk.bytes.size();
    for (; length >= 0x80; length >>= 7) {
        head[head_bytes++] = static_cast<uint8_t>(length | 0x80);
    }
    head[head_bytes++] = static_cast<uint8_t>(length);
    head[head_bytes++] = static_cast<uint8_t>(chunk.encoding);
    const uint64_t entry_bytes = head_bytes + chunk.bytes.size() + kCrcBytes;
    if (!segment_ || (segment_->position() > kChunksHeaderBytes &&
                      segment_->position() + entry_bytes > segment_bytes_)) {
        TRY(next_segment());
    }
    const ChunkRef ref = uint64_t{finished_.size()} << 32 | segment_->position();
    const BigEndian32 crc(base::crc32c(chunk.bytes, base::crc32c({&head[head_bytes - 1], 1})));
    TRY(segment_->append({head.data(), head_bytes}));
    TRY(segment_->append(chunk.bytes));
    TRY(segment_->append(crc));
    return ref;
}

base::Status ChunkSegments::next_segment() {
    TRY(end_segment());
    TRY(segment_, BlockFile::create(files_, folder_, segment_name(finished_.size())));
    std::array<uint8_t, kChunksHeaderBytes> header{};
    base::store_be(header.data(), kChunksMagic);
    header[sizeof kChunksMagic] = kChunksVersion;
    return segment_->append({header.data(), header.size()});
}

base::Status ChunkSegments::end_segment() {
    if (segment_) {
        TRY(auto sums, segment_->finish());
        finished_.push_back(std::move(sums));
        segment_.reset();
    }
    return base::success();
}

base::Result<std::vector<FileChecksums>> ChunkSegments::finish() {
    TRY(end_segment());
    TRY(files_.sync_folder(base::join_path(folder_, kChunksFolder)));
    return std::move(finished_);
}

}  // namespace tsdb::block
