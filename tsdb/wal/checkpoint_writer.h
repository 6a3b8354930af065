// The files of a checkpoint, published as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/byte_view.h"
#include "base/file.h"
#include "base/result.h"
#include "tsdb/options.h"
#include "tsdb/wal/framing.h"

namespace tsdb::wal {

// Writes records into `checkpoint.NNNNNNNN.tmp`; publish() gives the folder its name. Without it,
// what was written is removed.
//   threads  one
class CheckpointWriter {
  public:
    // Removes what an earlier attempt left. errors  kNoSpace, kIo
    [[nodiscard]] static base::Result<std::unique_ptr<CheckpointWriter>> create(
        base::Files& files,
        const base::Path& wal_folder,
        uint32_t last_segment,
        uint64_t segment_size,
        WalCompression compression);
    ~CheckpointWriter();
    CheckpointWriter(const CheckpointWriter&) = delete;
    CheckpointWriter& operator=(const CheckpointWriter&) = delete;

    // errors  kNoSpace, kIo: the checkpoint is lost, destroy the writer
    [[nodiscard]] base::Status add(base::ByteView record);

    // Files, folder and name are on the disk when it returns.
    //   errors  kNoSpace, kIo: nothing is published
    [[nodiscard]] base::Status publish();

    [[nodiscard]] uint64_t bytes() const { return bytes_; }

  private:
    static constexpr size_t kFlushBytes = size_t{1} << 20;

    CheckpointWriter(base::Files& files,
                     base::Path wal_folder,
                     base::Path name,
                     uint64_t segment_size,
                     WalCompression compression);

    [[nodiscard]] base::Status begin_file();
    [[nodiscard]] base::Status end_file();
    [[nodiscard]] base::Status flush();

    [[nodiscard]] uint64_t end() const { return written_ + buffer_.size(); }

    base::Files& files_;
    const base::Path wal_folder_;
    const base::Path name_;
    const base::Path building_;  // the folder while it is written
    const uint64_t segment_size_;
    RecordPacker packer_;
    PackedRecord packed_;
    std::unique_ptr<base::WriteFile> file_;
    uint32_t next_file_ = 0;
    uint64_t written_ = 0;  // bytes of the current file
    uint64_t bytes_ = 0;
    std::string buffer_;  // fragments on their way
    bool published_ = false;
};

}  // namespace tsdb::wal
