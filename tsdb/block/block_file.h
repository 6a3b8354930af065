// One file of a block being written: buffered, and summed up page by page on its way to the disk.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/checksums.h"

namespace tsdb::block {

// CRC-32C of bytes of which some were zero when it was taken and are not any more.
//   crc    of the bytes with zeros in place of `patch`
//   patch  what stands there now
//   after  how many bytes follow the patch
[[nodiscard]] uint32_t crc32c_patched(uint32_t crc, base::ByteView patch, uint64_t after);

// A number as it lies in the files: big-endian.
class BigEndian32 {
  public:
    explicit BigEndian32(uint32_t value) { base::store_be(bytes_.data(), value); }

    // Implicit on purpose: it is its bytes.
    operator base::ByteView() const { return {bytes_.data(), bytes_.size()}; }  // NOLINT

  private:
    std::array<uint8_t, sizeof(uint32_t)> bytes_;
};

// Written from its start to its end, but for places kept free by zeros().
//   errors   of the file system, which name the path; the file is of no use after one
//   threads  one
class BlockFile {
  public:
    // name  within the block's folder, e.g. "chunks/000001"
    [[nodiscard]] static base::Result<BlockFile> create(base::Files& files,
                                                        const base::Path& folder,
                                                        std::string_view name);

    // Bytes written so far: where the next one goes.
    [[nodiscard]] uint64_t position() const { return flushed_ + used_; }

    [[nodiscard]] const base::Path& path() const { return file_->path(); }

    [[nodiscard]] base::Status append(base::ByteView bytes) {
        if (bytes.size() <= kBufferBytes - used_) [[likely]] {
            copy_in(bytes);
            return base::success();
        }
        return append_long(bytes);
    }

    // At most kBufferBytes of them.
    [[nodiscard]] base::Status zeros(size_t count);
    // Zeros up to the next multiple of `alignment`, which is at most kBufferBytes.
    [[nodiscard]] base::Status align(size_t alignment);
    // Fills a place that zeros() kept free, all or a part of it.
    [[nodiscard]] base::Status patch(uint64_t offset, base::ByteView bytes);
    // Hands everything to the file system, so that the file can be mapped.
    [[nodiscard]] base::Status flush();
    // Flushes, syncs and closes. returns  the sums of the whole file
    [[nodiscard]] base::Result<FileChecksums> finish();

    static constexpr size_t kBufferBytes = size_t{256} << 10;

  private:
    BlockFile(std::unique_ptr<base::WriteFile> file, std::string name);

    void copy_in(base::ByteView bytes);
    [[nodiscard]] base::Status append_long(base::ByteView bytes);
    [[nodiscard]] base::Status write_through(base::ByteView bytes);

    std::unique_ptr<base::WriteFile> file_;
    std::unique_ptr<uint8_t[]> buffer_;
    size_t used_ = 0;       // bytes in the buffer
    uint64_t flushed_ = 0;  // bytes in the file
    PageSums sums_;
};

}  // namespace tsdb::block
