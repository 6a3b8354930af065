#include "tsdb/wal/series_log_reader.h"

#include <algorithm>
#include <utility>

#include "tsdb/wal/reader.h"

namespace tsdb::wal {

SeriesLogReader::SeriesLogReader(base::Files& files,
                                 const base::Path& folder,
                                 std::optional<uint32_t> newest_segment)
    : files_(files) {
    auto present = list_segments(files, folder);
    if (!present) {
        return;
    }
    for (SegmentFile& file : present.value()) {
        const auto mapped = files_.map(file.path);
        if (!mapped) {
            damaged_bytes_ += file.bytes;
            continue;
        }
        mapped.value()->advise(base::MappedFile::Advice::kSequential);
        paths_.push_back(std::move(file.path));
        read(mapped.value()->bytes());
    }
    std::ranges::stable_sort(places_, {}, &Place::least_ref);
    uint64_t reach = 0;
    for (Place& place : places_) {
        reach = std::max(reach, place.greatest_ref);
        place.reach = reach;
    }
    greatest_ref_ = reach;
    trusted_ = last_segment_.has_value() && last_segment_ == newest_segment;
}

void SeriesLogReader::read(base::ByteView file) {
    SeriesBlockReader reader(file);
    SeriesBlock block;
    while (reader.next(block)) {
        last_segment_ = block.segment;
        entries_ += block.entries;
        if (block.entries == 0) {
            continue;
        }
        places_.push_back({.least_ref = block.least_ref,
                           .greatest_ref = block.greatest_ref,
                           .offset = block.offset,
                           .stored = static_cast<uint32_t>(block.stored.size()),
                           .file = static_cast<uint32_t>(paths_.size() - 1),
                           .segment = block.segment,
                           .order = static_cast<uint32_t>(places_.size())});
    }
    damaged_bytes_ += reader.damaged();
}

std::optional<SeriesEntry> SeriesLogReader::find(uint64_t ref, uint32_t segment) {
    if (!trusted_ || misses_.contains(ref)) {
        return std::nullopt;
    }
    candidates_.clear();
    bool later = false;  // a series that was not logged yet may have the reference
    auto at = std::ranges::upper_bound(places_, ref, {}, &Place::least_ref);
    while (at != places_.begin() && std::prev(at)->reach >= ref) {
        --at;
        if (at->greatest_ref >= ref) {
            later = later || at->segment > segment;
            if (at->segment <= segment) {
                candidates_.push_back(&*at);
            }
        }
    }
    std::ranges::sort(candidates_, std::greater(), &Place::order);
    for (const Place* const place : candidates_) {
        if (auto found = find_in(*place, ref)) {
            return found;
        }
    }
    if (!later && misses_.size() < kMissesMax) {
        misses_.insert(ref);
    }
    return std::nullopt;
}

std::optional<SeriesEntry> SeriesLogReader::find_in(const Place& place, uint64_t ref) {
    const Cached& cached = load(place);
    const auto behind = std::ranges::upper_bound(cached.entries, ref, {}, &SeriesEntry::ref);
    if (behind == cached.entries.begin() || std::prev(behind)->ref != ref) {
        return std::nullopt;
    }
    return *std::prev(behind);
}

const SeriesLogReader::Cached& SeriesLogReader::load(const Place& place) {
    for (const Cached& cached : cached_) {
        if (cached.order == place.order) {
            return cached;
        }
    }
    Cached& cached = cached_[next_cached_];
    next_cached_ = (next_cached_ + 1) % kCachedBlocks;
    cached.order = place.order;
    cached.entries.clear();
    const auto file = files_.map(paths_[place.file]);
    SeriesBlock block;
    if (file) {
        // Checked again: the file may have been damaged since.
        SeriesBlockReader reader(file.value()->bytes().part(place.offset));
        if (reader.next(block) && block.offset == 0) {
            base::ignore(decode_series_block(block, zstd_, cached.text, cached.entries),
                         "what is whole is used");
            std::ranges::stable_sort(cached.entries, {}, &SeriesEntry::ref);
        }
    }
    return cached;
}

}  // namespace tsdb::wal
