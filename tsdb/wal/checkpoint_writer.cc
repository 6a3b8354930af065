#include "tsdb/wal/checkpoint_writer.h"

#include <utility>

#include "tsdb/wal/format.h"

namespace tsdb::wal {

base::Result<std::unique_ptr<CheckpointWriter>> CheckpointWriter::create(
    base::Files& files,
    const base::Path& wal_folder,
    uint32_t last_segment,
    uint64_t segment_size,
    WalCompression compression) {
    base::Path name =
        base::join_path(wal_folder, std::string(kCheckpointPrefix) + segment_name(last_segment));
    std::unique_ptr<CheckpointWriter> writer(
        new CheckpointWriter(files, wal_folder, std::move(name), segment_size, compression));
    TRY(files.remove_tree(writer->building_));
    TRY(files.make_folders(writer->building_));
    TRY(files.sync_folder(wal_folder));
    TRY(writer->begin_file());
    return writer;
}

CheckpointWriter::CheckpointWriter(base::Files& files,
                                   base::Path wal_folder,
                                   base::Path name,
                                   uint64_t segment_size,
                                   WalCompression compression)
    : files_(files),
      wal_folder_(std::move(wal_folder)),
      name_(std::move(name)),
      building_(name_ + std::string(kBuildingSuffix)),
      segment_size_(segment_size),
      packer_(compression) {}

CheckpointWriter::~CheckpointWriter() {
    if (!published_) {
        file_.reset();
        base::ignore(files_.remove_tree(building_), "the next checkpoint removes it");
    }
}

base::Status CheckpointWriter::add(base::ByteView record) {
    packer_.pack(record, packed_);
    if (end() != 0 && !fits_segment(end(), segment_size_, packed_.bytes.size())) {
        TRY(end_file());
        TRY(begin_file());
    }
    append_fragments(packed_, end(), buffer_);
    return buffer_.size() < kFlushBytes ? base::success() : flush();
}

base::Status CheckpointWriter::publish() {
    TRY(end_file());
    TRY(files_.sync_folder(building_));
    TRY(files_.rename(building_, name_));
    published_ = true;
    return files_.sync_folder(wal_folder_);
}

base::Status CheckpointWriter::begin_file() {
    TRY(file_, files_.create(base::join_path(building_, segment_name(next_file_))));
    ++next_file_;
    written_ = 0;
    return base::success();
}

// One that keeps nothing is a page of padding: a file without a byte is what a power cut leaves.
base::Status CheckpointWriter::end_file() {
    if (end() == 0) {
        buffer_.assign(kPageBytes, '\0');
    }
    append_padding(end(), buffer_);
    TRY(flush());
    TRY(file_->sync());
    return file_->close();
}

base::Status CheckpointWriter::flush() {
    TRY(file_->append(buffer_));
    written_ += buffer_.size();
    bytes_ += buffer_.size();
    buffer_.clear();
    return base::success();
}

}  // namespace tsdb::wal
