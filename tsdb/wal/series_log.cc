#include "tsdb/wal/series_log.h"

#include <algorithm>
#include <utility>

#include "tsdb/wal/format.h"
#include "tsdb/wal/reader.h"

namespace tsdb::wal {
namespace {

using KeepSeries = std::function<bool(uint64_t ref)>;

uint64_t entry_bytes(const SeriesEntry& entry) {
    return sizeof entry.ref + entry.packed.size();
}

// Hands over each block of a file with its entries; what is damaged is passed over.
template <class Function>
base::Status for_each_block(base::Files& files, const SegmentFile& file, Function&& function) {
    TRY(const auto mapped, files.map(file.path));
    SeriesBlockReader reader(mapped->bytes());
    base::ZstdDecoder zstd;
    std::string text;
    std::vector<SeriesEntry> entries;
    SeriesBlock block;
    while (reader.next(block)) {
        entries.clear();
        base::ignore(decode_series_block(block, zstd, text, entries), "what is whole is used");
        TRY(function(block, entries));
    }
    return base::success();
}

// A compacted log on its way to its name.
class Rewriter {
  public:
    Rewriter(base::WriteFile& file, const KeepSeries& keep) : file_(file), keep_(keep) {}

    base::Status take(const SeriesBlock& block, std::span<const SeriesEntry> entries) {
        if (segment_ && *segment_ != block.segment) {
            TRY(seal());
        }
        segment_ = block.segment;
        for (const SeriesEntry& entry : entries) {
            if (!keep_(entry.ref)) {
                continue;
            }
            builder_.add(entry);
            if (builder_.full()) {
                TRY(seal());
            }
        }
        return base::success();
    }

    base::Status finish() {
        // The last segment is noted even when no series of it is left.
        return segment_ && (!builder_.empty() || noted_ != segment_) ? write() : base::success();
    }

  private:
    base::Status seal() { return builder_.empty() ? base::success() : write(); }

    base::Status write() {
        buffer_.clear();
        builder_.seal(*segment_, buffer_);
        noted_ = segment_;
        return file_.append(buffer_);
    }

    base::WriteFile& file_;
    const KeepSeries& keep_;
    SeriesBlockBuilder builder_;
    std::optional<uint32_t> segment_;
    std::optional<uint32_t> noted_;
    std::string buffer_;
};

}  // namespace

base::Result<std::unique_ptr<SeriesLog>> SeriesLog::open(base::Files& files,
                                                         const base::Path& folder,
                                                         bool fresh) {
    if (fresh) {
        TRY(files.remove_tree(folder));
    }
    TRY(files.make_folders(folder));
    const base::Path parent = base::parent_path(folder);
    TRY(files.sync_folder(parent));
    TRY(files.sync_folder(base::parent_path(parent)));
    TRY(const auto present, list_segments(files, folder));
    const uint32_t next = present.empty() ? 0 : present.back().number;
    std::unique_ptr<SeriesLog> log(new SeriesLog(files, folder, next));
    return log;
}

SeriesLog::SeriesLog(base::Files& files, base::Path folder, uint32_t next_file)
    : files_(files), folder_(std::move(folder)), next_file_(next_file) {}

base::Status SeriesLog::append(uint32_t segment, std::span<const SeriesEntry> series) {
    const base::MutexLock lock(mutex_);
    if (!block_.empty() && segment != block_segment_) {
        TRY(write_block());
    }
    block_segment_ = segment;
    for (const SeriesEntry& entry : series) {
        if (entry.packed.size() > kSeriesEntryMax) {
            continue;
        }
        block_.add(entry);
        if (block_.full()) {
            TRY(write_block());
        }
    }
    return base::success();
}

base::Status SeriesLog::sync(uint32_t segment) {
    std::vector<std::shared_ptr<base::WriteFile>> files;
    {
        const base::MutexLock lock(mutex_);
        if (!block_.empty()) {
            TRY(write_block());
        }
        if (noted_segment_ != segment) {
            block_segment_ = segment;
            TRY(write_block());
        }
        files.swap(unsynced_);
    }
    if (files.empty()) {
        return base::success();
    }
    base::Status status = base::success();
    for (const auto& file : files) {
        base::Status synced = file->sync_data();
        status = status ? std::move(synced) : std::move(status);
    }
    if (status) {
        status = files_.sync_folder(folder_);
    }
    if (!status) {
        // What was lost stays lost; what comes goes to a new file.
        const base::MutexLock lock(mutex_);
        file_.reset();
        noted_segment_.reset();
    }
    return base::context(std::move(status), "sync the series side log");
}

// The entries gathered, or a note.
base::Status SeriesLog::write_block() {
    buffer_.clear();
    block_.seal(block_segment_, buffer_);
    TRY(base::context(write(buffer_), "append to the series side log"));
    noted_segment_ = block_segment_;
    return base::success();
}

base::Status SeriesLog::write(base::ByteView bytes) {
    if (file_ == nullptr || file_bytes_ >= kFileBytesMax) {
        TRY(begin_file());
    }
    base::Status status = file_->append(bytes);
    if (!status) {
        if (!file_->truncate(file_bytes_) || file_->size() != file_bytes_) {
            file_.reset();  // readers pass over what a failed write left at its end
        }
        return status;
    }
    file_bytes_ += bytes.size();
    if (unsynced_.empty() || unsynced_.back() != file_) {
        unsynced_.push_back(file_);
    }
    return base::success();
}

base::Status SeriesLog::begin_file() {
    TRY(std::shared_ptr<base::WriteFile> file,
        files_.open_append(base::join_path(folder_, segment_name(next_file_))));
    file_ = std::move(file);
    file_bytes_ = file_->size();
    ++next_file_;
    return base::success();
}

base::Result<SeriesLog::CompactReport> SeriesLog::compact(const KeepSeries& keep_series) {
    TRY(auto report, count(keep_series));
    if (report.bytes_gone <= report.bytes_kept) {
        return report;
    }
    uint32_t last_file = 0;
    {
        const base::MutexLock lock(mutex_);
        if (file_ == nullptr) {
            TRY(begin_file());
        }
        last_file = next_file_ - 1;
        file_.reset();
    }
    TRY(base::context(rewrite(last_file, keep_series), "compact the series side log"));
    report.rewritten = true;
    return report;
}

base::Result<SeriesLog::CompactReport> SeriesLog::count(const KeepSeries& keep_series) const {
    TRY(const auto present, list_segments(files_, folder_));
    CompactReport report;
    for (const SegmentFile& file : present) {
        TRY(for_each_block(
            files_,
            file,
            [&](const SeriesBlock&, std::span<const SeriesEntry> entries) -> base::Status {
                for (const SeriesEntry& entry : entries) {
                    (keep_series(entry.ref) ? report.bytes_kept : report.bytes_gone) +=
                        entry_bytes(entry);
                }
                return base::success();
            }));
    }
    return report;
}

// All files up to `last_file`, which gets no more, become one in its place.
base::Status SeriesLog::rewrite(uint32_t last_file, const KeepSeries& keep_series) {
    const base::Path target = base::join_path(folder_, segment_name(last_file));
    const base::Path building = target + std::string(kBuildingSuffix);
    TRY(auto present, list_segments(files_, folder_));
    std::erase_if(present, [&](const SegmentFile& file) { return file.number > last_file; });
    TRY(const auto file, files_.create(building));
    Rewriter rewriter(*file, keep_series);
    for (const SegmentFile& from : present) {
        TRY(for_each_block(
            files_, from, [&](const SeriesBlock& block, std::span<const SeriesEntry> entries) {
                return rewriter.take(block, entries);
            }));
    }
    TRY(rewriter.finish());
    TRY(file->sync());
    TRY(file->close());
    TRY(files_.rename(building, target));
    TRY(files_.sync_folder(folder_));
    for (const SegmentFile& from : present) {
        if (from.number != last_file) {
            TRY(files_.remove(from.path));
        }
    }
    return base::success();
}

}  // namespace tsdb::wal
