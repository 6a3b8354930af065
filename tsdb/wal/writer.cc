#include "tsdb/wal/writer.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/wal/reader.h"

namespace tsdb::wal {

base::Result<std::unique_ptr<Writer>> Writer::open(base::Files& files,
                                                   const base::Clock& clock,
                                                   base::Path folder,
                                                   const Options& options) {
    TRY(base::context(files.make_folders(folder), "create the write-ahead log's folder"));
    TRY(files.sync_folder(base::parent_path(folder)));
    TRY(const auto segments, list_segments(files, folder));
    TRY(const auto checkpoint, find_checkpoint(files, folder));
    uint32_t next = segments.empty() ? 0 : segments.back().number + 1;
    if (checkpoint) {
        next = std::max(next, checkpoint->last_segment + 1);
    }
    std::unique_ptr<Writer> writer(new Writer(files, clock, std::move(folder), options, next));
    TRY(base::context(writer->begin_segment(), "begin a write-ahead log segment"));
    return writer;
}

Writer::Writer(base::Files& files,
               const base::Clock& clock,
               base::Path folder,
               const Options& options,
               uint32_t next_segment)
    : files_(files),
      clock_(clock),
      folder_(std::move(folder)),
      options_(options),
      next_segment_(next_segment) {}

Writer::~Writer() = default;

base::Status Writer::log(std::span<const base::ByteView> records) {
    {
        const base::MutexLock lock(mutex_);
        packed_.clear();
        packed_.swap(again_);
    }
    const size_t repeated = packed_.size();
    packed_.resize(repeated + records.size());
    for (size_t i = 0; i < records.size(); ++i) {
        pack(records[i], packed_[repeated + i]);
    }
    const base::Status status = log_packed(packed_);
    if (status) {
        remember(packed_);
    } else if (repeated != 0) {
        const base::MutexLock lock(mutex_);
        packed_.resize(repeated);
        again_.insert(again_.begin(),
                      std::make_move_iterator(packed_.begin()),
                      std::make_move_iterator(packed_.end()));
    }
    return status;
}

base::Status Writer::log_packed(std::span<const Packed> records) {
    if (broken_ || current_->poisoned.load(std::memory_order_acquire)) {
        TRY(base::context(begin_segment(), "begin a write-ahead log segment"));
    }
    buffer_.clear();
    for (const Packed& record : records) {
        if (!fits_segment(record.bytes.size()) && end() != 0) {
            pad_page();
            TRY(flush());
            TRY(base::context(begin_segment(), "begin a write-ahead log segment"));
        }
        frame(record);
    }
    return flush();
}

base::Status Writer::begin_segment() {
    const base::Path path = base::join_path(folder_, segment_name(next_segment_));
    auto segment = std::make_shared<OpenSegment>();
    TRY(segment->file, files_.create(path));
    TRY(files_.sync_folder(folder_));
    segment_.store(next_segment_, std::memory_order_relaxed);
    ++next_segment_;
    written_ = 0;
    broken_ = false;
    buffer_.clear();
    current_ = segment;
    const base::MutexLock lock(mutex_);
    unsynced_.push_back(std::move(segment));
    return base::success();
}

void Writer::pack(base::ByteView record, Packed& packed) {
    packed.flag = 0;
    if (options_.compression == WalCompression::kSnappy) {
        base::snappy_encode(record, compressed_);
    } else if (options_.compression == WalCompression::kZstd) {
        zstd_.encode(record, compressed_);
    }
    if (options_.compression != WalCompression::kNone && compressed_.size() < record.size()) {
        packed.flag = options_.compression == WalCompression::kSnappy ? kSnappyFlag : kZstdFlag;
        packed.bytes.assign(compressed_);
        return;
    }
    packed.bytes.assign(record.text());
}

// Whether the record ends within the segment: it takes a header in every page it touches.
bool Writer::fits_segment(size_t bytes) const {
    const uint64_t at = end();
    if (at >= options_.segment_size) {
        return false;
    }
    const uint64_t page_rest = kPageBytes - at % kPageBytes;
    const uint64_t pages_left = (options_.segment_size - at - page_rest) / kPageBytes;
    const uint64_t first = page_rest < kFragmentHeaderBytes ? 0 : page_rest - kFragmentHeaderBytes;
    return bytes <= first + pages_left * (kPageBytes - kFragmentHeaderBytes);
}

void Writer::frame(const Packed& record) {
    base::ByteView rest(record.bytes);
    bool first = true;
    do {
        size_t room = kPageBytes - end() % kPageBytes;
        if (room < kFragmentHeaderBytes) {
            buffer_.append(room, '\0');
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
        buffer_.append(reinterpret_cast<const char*>(header), sizeof header);
        buffer_.append(part.text());
    } while (!rest.empty());
}

void Writer::pad_page() {
    const size_t used = end() % kPageBytes;
    if (used != 0) {
        buffer_.append(kPageBytes - used, '\0');
    }
}

base::Status Writer::flush() {
    if (buffer_.empty()) {
        return base::success();
    }
    {
        const base::MutexLock lock(mutex_);
        unsynced_bytes_ += buffer_.size();
        if (!unsynced_since_) {
            unsynced_since_ = clock_.steady();
        }
    }
    base::Status status = current_->file->append(buffer_);
    if (!status) {
        base::ignore(recover_after_failure(), "the next log() begins a new segment");
        buffer_.clear();
        return base::context(std::move(status), "append to the write-ahead log");
    }
    written_ += buffer_.size();
    bytes_written_.fetch_add(buffer_.size(), std::memory_order_relaxed);
    buffer_.clear();
    return base::success();
}

// Cuts off what a failed write left behind, so that the segment can go on where it was.
base::Status Writer::recover_after_failure() {
    broken_ = true;
    TRY(current_->file->truncate(written_));
    broken_ = current_->file->size() != written_;
    return base::success();
}

void Writer::remember(std::span<Packed> records) {
    const base::MutexLock lock(mutex_);
    for (Packed& record : records) {
        if (unsynced_records_bytes_ + record.bytes.size() > kUnsyncedKeepMax) {
            return;
        }
        unsynced_records_bytes_ += record.bytes.size();
        unsynced_records_.push_back(std::move(record));
    }
}

base::Status Writer::sync() {
    const base::MutexLock one(sync_mutex_);
    std::vector<std::shared_ptr<OpenSegment>> segments;
    std::vector<Packed> records;
    uint64_t bytes = 0;
    {
        const base::MutexLock lock(mutex_);
        if (!unsynced_since_ || unsynced_.empty()) {
            return base::success();  // without a segment, what a failed sync lost waits for the
                                     // next log()
        }
        segments = unsynced_;
        records.swap(unsynced_records_);
        unsynced_records_bytes_ = 0;
        bytes = std::exchange(unsynced_bytes_, 0);
        unsynced_since_.reset();
    }
    for (size_t i = 0; i < segments.size(); ++i) {
        base::Status status = segments[i]->file->sync_data();
        if (!status) {
            segments[i]->poisoned.store(true, std::memory_order_release);
            const base::MutexLock lock(mutex_);
            // A second sync would report success for what the first one lost: write it again.
            again_.insert(again_.end(),
                          std::make_move_iterator(records.begin()),
                          std::make_move_iterator(records.end()));
            std::erase(unsynced_, segments[i]);
            unsynced_bytes_ += bytes;
            unsynced_since_ = clock_.steady();
            return base::context(std::move(status), "sync the write-ahead log");
        }
    }
    // The last one is still written to.
    segments.pop_back();
    const base::MutexLock lock(mutex_);
    std::erase_if(unsynced_, [&](const auto& segment) {
        return std::ranges::find(segments, segment) != segments.end();
    });
    return base::success();
}

base::Status Writer::close() {
    if (current_ == nullptr) {
        return base::success();
    }
    if (!broken_) {
        buffer_.clear();
        pad_page();
        TRY(flush());
    }
    TRY(sync());
    const auto last = std::exchange(current_, nullptr);
    const base::MutexLock lock(mutex_);
    unsynced_.clear();
    return last->file->close();
}

uint64_t Writer::unsynced_bytes() const {
    const base::MutexLock lock(mutex_);
    return unsynced_bytes_;
}

base::Duration Writer::oldest_unsynced() const {
    const base::MutexLock lock(mutex_);
    return unsynced_since_ ? clock_.steady() - *unsynced_since_ : base::Duration::zero();
}

}  // namespace tsdb::wal
