#include "tsdb/block/block_file.h"

#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace tsdb::block {
namespace {

constexpr std::array<uint8_t, size_t{64} << 10> kZeros{};

uint32_t crc32c_zeros(uint64_t count, uint32_t before) {
    while (count != 0) {
        const size_t piece = count < kZeros.size() ? static_cast<size_t>(count) : kZeros.size();
        before = base::crc32c({kZeros.data(), piece}, before);
        count -= piece;
    }
    return before;
}

}  // namespace

// A CRC is linear: that of two texts of one length, laid over each other by exclusive or, is the
// exclusive or of theirs and of that of as many zeros.
uint32_t crc32c_patched(uint32_t crc, base::ByteView patch, uint64_t after) {
    return crc ^ crc32c_zeros(after, base::crc32c(patch)) ^ crc32c_zeros(patch.size() + after, 0);
}

BlockFile::BlockFile(std::unique_ptr<base::WriteFile> file, std::string name)
    : file_(std::move(file)), buffer_(new uint8_t[kBufferBytes]), sums_(std::move(name)) {}

base::Result<BlockFile> BlockFile::create(base::Files& files,
                                          const base::Path& folder,
                                          std::string_view name) {
    TRY(auto file, files.create(base::join_path(folder, name)));
    return BlockFile(std::move(file), std::string(name));
}

void BlockFile::copy_in(base::ByteView bytes) {
    if (!bytes.empty()) {
        std::memcpy(buffer_.get() + used_, bytes.data(), bytes.size());
        used_ += bytes.size();
    }
}

base::Status BlockFile::append_long(base::ByteView bytes) {
    const size_t room = kBufferBytes - used_;
    copy_in(bytes.part(0, room));
    bytes = bytes.part(room);
    TRY(flush());
    if (bytes.size() >= kBufferBytes) {
        return write_through(bytes);
    }
    copy_in(bytes);
    return base::success();
}

base::Status BlockFile::write_through(base::ByteView bytes) {
    TRY(file_->append(bytes));
    sums_.add(bytes);
    flushed_ += bytes.size();
    return base::success();
}

base::Status BlockFile::flush() {
    if (used_ == 0) {
        return base::success();
    }
    TRY(write_through({buffer_.get(), used_}));
    used_ = 0;
    return base::success();
}

base::Status BlockFile::zeros(size_t count) {
    SKEIN_DCHECK(count <= kBufferBytes);
    if (count > kBufferBytes - used_) {
        TRY(flush());
    }
    std::memset(buffer_.get() + used_, 0, count);
    used_ += count;
    return base::success();
}

base::Status BlockFile::align(size_t alignment) {
    const size_t beyond = position() % alignment;
    return beyond == 0 ? base::Status(base::success()) : zeros(alignment - beyond);
}

base::Status BlockFile::patch(uint64_t offset, base::ByteView bytes) {
    SKEIN_CHECK(offset + bytes.size() <= position(), "patch behind the end of", path());
    if (offset < flushed_) {
        TRY(flush());  // the patch may reach into the buffer
        sums_.patch(offset, bytes);
        return file_->write_at(offset, bytes);
    }
    std::memcpy(buffer_.get() + (offset - flushed_), bytes.data(), bytes.size());
    return base::success();
}

base::Result<FileChecksums> BlockFile::finish() {
    TRY(flush());
    TRY(file_->sync());
    TRY(file_->close());
    return std::move(sums_).finish();
}

}  // namespace tsdb::block
