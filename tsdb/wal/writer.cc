#include "tsdb/wal/writer.h"

#include <algorithm>
#include <utility>

#include "tsdb/wal/reader.h"

namespace tsdb::wal {
namespace {

// A process that was killed leaves segments that only the page cache has; nobody else would sync
// them. What cannot be synced now is no worse off than before.
void sync_left_behind(base::Files& files, const std::vector<SegmentFile>& segments) {
    for (const SegmentFile& segment : segments) {
        auto file = files.open_append(segment.path);
        if (file) {
            base::ignore(file.value()->sync_data(), "read as it is; the next ones are synced too");
        }
    }
}

}  // namespace

base::Result<std::unique_ptr<Writer>> Writer::open(base::Files& files,
                                                   const base::Clock& clock,
                                                   base::Path folder,
                                                   const Options& options) {
    TRY(base::context(files.make_folders(folder), "create the write-ahead log's folder"));
    TRY(files.sync_folder(base::parent_path(folder)));
    TRY(const auto segments, list_segments(files, folder));
    TRY(const auto checkpoint, find_checkpoint(files, folder));
    sync_left_behind(files, segments);
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
      next_segment_(next_segment),
      packer_(options.compression) {}

Writer::~Writer() = default;

void Writer::Tail::add(std::span<PackedRecord> more, uint64_t more_bytes, base::SteadyTime at) {
    bytes += more_bytes;
    since = since ? std::min(*since, at) : at;
    for (PackedRecord& record : more) {
        size_t& kept = record.series ? series_kept : others_kept;
        const size_t limit = record.series ? kUnsyncedSeriesKeepMax : kUnsyncedKeepMax;
        if (kept + record.bytes.size() <= limit) {
            kept += record.bytes.size();
            records.push_back(std::move(record));
        }
    }
}

void Writer::Tail::append(Tail&& later) {
    if (later.since) {
        add(later.records, later.bytes, *later.since);
    }
    later = Tail();
}

base::Status Writer::log(std::span<const base::ByteView> records) {
    Tail lost;
    uint64_t failures = 0;
    {
        const base::MutexLock lock(mutex_);
        lost = std::exchange(lost_, Tail());
        failures = sync_failures_;
        broken_ = broken_ || current_->poisoned;
    }
    const base::SteadyTime began = lost.since ? *lost.since : clock_.steady();
    packed_ = std::move(lost.records);
    const size_t repeated = packed_.size();
    packed_.resize(repeated + records.size());
    for (size_t i = 0; i < records.size(); ++i) {
        packer_.pack(records[i], packed_[repeated + i]);
    }
    const uint64_t bytes_before = bytes_written();
    base::Status status = log_packed(packed_);

    const base::MutexLock lock(mutex_);
    if (!status) {
        if (lost.since) {
            Tail still;
            still.add(std::span(packed_).first(repeated), lost.bytes, began);
            still.append(std::move(lost_));
            lost_ = std::move(still);
        }
        return status;
    }
    // A sync that failed meanwhile may have been of the segment these records went to.
    Tail& tail = sync_failures_ == failures ? tail_ : lost_;
    tail.add(packed_, bytes_written() - bytes_before, began);
    return status;
}

base::Status Writer::log_packed(std::span<const PackedRecord> records) {
    if (records.empty()) {
        return base::success();
    }
    if (broken_) {
        TRY(base::context(begin_segment(), "begin a write-ahead log segment"));
    }
    buffer_.clear();
    for (const PackedRecord& record : records) {
        if (!fits_segment(end(), options_.segment_size, record.bytes.size()) && end() != 0) {
            TRY(end_segment());
            TRY(base::context(begin_segment(), "begin a write-ahead log segment"));
        }
        append_fragments(record, end(), buffer_);
    }
    return flush();
}

// A segment that never held a record is begun again under its number, so that a disk that fails
// again and again does not fill the folder.
base::Status Writer::begin_segment() {
    const bool reuse = current_ != nullptr && written_ == 0;
    const uint32_t number = reuse ? segment() : next_segment_;
    auto segment = std::make_shared<OpenSegment>();
    TRY(segment->file, files_.create(base::join_path(folder_, segment_name(number))));
    TRY(files_.sync_folder(folder_));
    segment_.store(number, std::memory_order_relaxed);
    next_segment_ = number + 1;
    written_ = 0;
    broken_ = false;
    buffer_.clear();
    const auto before = std::exchange(current_, segment);
    const base::MutexLock lock(mutex_);
    if (reuse) {
        std::erase(unsynced_, before);
    }
    unsynced_.push_back(std::move(segment));
    return base::success();
}

// Pads and writes what is buffered.
base::Status Writer::end_segment() {
    append_padding(end(), buffer_);
    return flush();
}

base::Status Writer::flush() {
    if (buffer_.empty()) {
        return base::success();
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

base::Status Writer::sync() {
    const base::MutexLock one(sync_mutex_);
    std::vector<std::shared_ptr<OpenSegment>> segments;
    Tail tail;
    {
        const base::MutexLock lock(mutex_);
        if (!tail_.since || unsynced_.empty()) {
            return base::success();
        }
        segments = unsynced_;
        tail = std::exchange(tail_, Tail());
    }
    for (const auto& segment : segments) {
        base::Status status = segment->file->sync_data();
        if (!status) {
            lose(*segment, std::move(tail));
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

// A second sync would report success for what the first one lost, so the records are written again:
// those of the failed sync and all that were logged since, because a series must come before its
// samples.
void Writer::lose(OpenSegment& segment, Tail&& tail) {
    const base::MutexLock lock(mutex_);
    segment.poisoned = true;
    ++sync_failures_;
    lost_.append(std::move(tail));
    lost_.append(std::exchange(tail_, Tail()));
    std::erase_if(unsynced_, [&](const auto& other) { return other.get() == &segment; });
}

base::Status Writer::begin_next_segment() {
    if (written_ == 0 && !broken_) {
        return base::success();
    }
    buffer_.clear();
    if (!broken_) {
        TRY(end_segment());
    }
    return base::context(begin_segment(), "begin a write-ahead log segment");
}

base::Status Writer::close() {
    if (current_ == nullptr) {
        return base::success();
    }
    base::Status status = finish();
    if (!status) {
        status = finish();  // in a new segment, when it was the sync that failed
    }
    const auto last = std::exchange(current_, nullptr);
    const base::MutexLock lock(mutex_);
    unsynced_.clear();
    TRY(std::move(status));
    return last->file->close();
}

base::Status Writer::finish() {
    TRY(log({}));
    if (!broken_) {
        buffer_.clear();
        base::ignore(end_segment(), "padding: the segment reads as well without");
    }
    return sync();
}

uint64_t Writer::unsynced_bytes() const {
    const base::MutexLock lock(mutex_);
    return tail_.bytes + lost_.bytes;
}

uint64_t Writer::lost_bytes() const {
    const base::MutexLock lock(mutex_);
    return lost_.bytes;
}

base::Duration Writer::oldest_unsynced() const {
    const base::MutexLock lock(mutex_);
    const auto since = lost_.since ? lost_.since : tail_.since;
    return since ? clock_.steady() - *since : base::Duration::zero();
}

}  // namespace tsdb::wal
