#include "tsdb/wal/reader.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/wal/record.h"

namespace tsdb::wal {
namespace {

bool all_zero(base::ByteView bytes) {
    return std::ranges::all_of(bytes.span(), [](uint8_t byte) { return byte == 0; });
}

// The record's type without decompressing it; 0 when that does not show it.
uint8_t peek_type(base::ByteView raw, uint8_t flags) {
    if (flags == 0) {
        return record_type(raw);
    }
    if (flags != kSnappyFlag) {
        return 0;
    }
    // Behind the length, the first bytes of what was compressed always stand as they are: a tag
    // with their count in its upper six bits, from 60 on in 1 to 4 bytes that follow.
    size_t at = 0;
    while (at < raw.size() && (raw[at] & 0x80) != 0) {
        ++at;
    }
    ++at;
    if (at >= raw.size() || (raw[at] & 3) != 0) {
        return 0;
    }
    const unsigned count = raw[at] >> 2;
    at += count < 60 ? 1 : count - 58;
    return at < raw.size() ? raw[at] : uint8_t{0};
}

}  // namespace

bool SegmentReader::next(base::ByteView& record) {
    Fragment fragment;
    while (position_ < bytes_.size()) {
        const uint64_t at = position_;
        if (!read_fragment(fragment) || !take(fragment, at)) {
            continue;
        }
        if (finish(whole_, fragment.flags, record)) {
            return true;
        }
    }
    if (open_) {
        torn_tail();
    }
    return false;
}

bool SegmentReader::read_fragment(Fragment& fragment) {
    if (page_rest() < kFragmentHeaderBytes) {
        return end_page();
    }
    const base::ByteView rest = bytes_.part(position_, page_rest());
    if ((rest[0] & kTypeMask) == static_cast<uint8_t>(FragmentType::kPageEnd)) {
        return end_page();
    }
    if (rest.size() < kFragmentHeaderBytes) {
        torn_tail();
        return false;
    }
    const uint8_t type = rest[0] & kTypeMask;
    if (type > static_cast<uint8_t>(FragmentType::kLast) ||
        (rest[0] & ~(kTypeMask | kFlagsMask)) != 0) {
        skip_page("unknown fragment type");
        return false;
    }
    const size_t length = base::load_be<uint16_t>(rest.data() + 1);
    if (kFragmentHeaderBytes + length > page_rest()) {
        skip_page("fragment longer than its page");
        return false;
    }
    if (kFragmentHeaderBytes + length > rest.size()) {
        torn_tail();
        return false;
    }
    fragment.data = rest.part(kFragmentHeaderBytes, length);
    if (base::crc32c(fragment.data) != base::load_be<uint32_t>(rest.data() + 3)) {
        skip_page("checksum mismatch");
        return false;
    }
    fragment.type = static_cast<FragmentType>(type);
    fragment.flags = rest[0] & kFlagsMask;
    position_ += kFragmentHeaderBytes + length;
    return true;
}

// The rest of the page is padding, which is zero. Always false: there is no fragment.
bool SegmentReader::end_page() {
    const base::ByteView rest = bytes_.part(position_, page_rest());
    if (!all_zero(rest)) {
        skip_page("padding is not zero");
        return false;
    }
    // A record goes on in the next page only when this one is used up.
    if (open_ && page_rest() >= kFragmentHeaderBytes && position_ + page_rest() < bytes_.size()) {
        drop_open(position_, "page ends inside a record");
    }
    position_ += rest.size();
    return false;
}

bool SegmentReader::take(const Fragment& fragment, uint64_t at) {
    const bool begins =
        fragment.type == FragmentType::kFull || fragment.type == FragmentType::kFirst;
    if (begins) {
        if (open_) {
            // No checksum is over the type. Where the middle of the open record is expected, what
            // fills its page is more likely that with a flipped bit.
            const bool fills_page = fragment.data.size() == kPageBytes - kFragmentHeaderBytes;
            drop_open(fills_page ? position_ : at, "a record begins inside another");
            if (fills_page) {
                return false;
            }
        }
        skipping_ = false;
        record_start_ = at;
        assembled_.clear();
        whole_ = fragment.data;
        flags_ = fragment.flags;
        open_ = fragment.type == FragmentType::kFirst;
        if (open_) {
            assembled_.assign(fragment.data.text());
        }
        return !open_;
    }
    if (!open_) {
        if (skipping_) {
            // The rest of the record that was lost: told with it.
            damages_.back().bytes = position_ - damages_.back().offset;
        } else {
            damage(at, position_, false, "the beginning of a record is missing");
            skipping_ = true;
        }
        return false;
    }
    if (fragment.flags != flags_) {
        drop_open(position_, "the fragments of a record are compressed differently");
        return false;
    }
    assembled_.append(fragment.data.text());
    if (assembled_.size() > kRecordBytesMax) {
        drop_open(position_, "record too long");
        return false;
    }
    if (fragment.type != FragmentType::kLast) {
        return false;
    }
    open_ = false;
    whole_ = base::ByteView(assembled_);
    return true;
}

bool SegmentReader::finish(base::ByteView raw, uint8_t flags, base::ByteView& record) {
    if (pass_over_samples_ && holds_samples(peek_type(raw, flags))) {
        return false;
    }
    if (flags == 0 && !lost_its_flag(raw)) {
        record = raw;
        return true;
    }
    std::string reason;
    if (flags != 0 && !decompress(raw, flags, reason)) {
        damage(record_start_, position_, false, std::move(reason));
        return false;
    }
    record = base::ByteView(decompressed_);
    return true;
}

bool SegmentReader::decompress(base::ByteView raw, uint8_t flags, std::string& reason) {
    if (flags == kFlagsMask) {
        reason = "record compressed in two ways";
        return false;
    }
    const base::Status status = flags == kSnappyFlag
                                    ? base::snappy_decode(raw, kRecordBytesMax, decompressed_)
                                    : zstd_.decode(raw, kRecordBytesMax, decompressed_);
    if (!status) {
        reason = status.error().message();
    }
    return status.has_value();
}

// No checksum is over the flags. A record of no known kind that decompresses is a compressed one
// whose flag a flipped bit took: neither compression begins with the type of a record. The record
// is in decompressed_ then.
bool SegmentReader::lost_its_flag(base::ByteView raw) {
    std::string reason;
    return record_type(raw) >= kRecordTypes &&
           (decompress(raw, kSnappyFlag, reason) || decompress(raw, kZstdFlag, reason));
}

void SegmentReader::damage(uint64_t from, uint64_t to, bool torn, std::string reason) {
    if (!damages_.empty() && skipping_ && damages_.back().offset + damages_.back().bytes == from) {
        damages_.back().bytes += to - from;  // one stretch
        return;
    }
    damages_.push_back({.segment = segment_,
                        .offset = from,
                        .bytes = to - from,
                        .torn = torn,
                        .reason = std::move(reason)});
}

void SegmentReader::skip_page(std::string reason) {
    const uint64_t to = std::min<uint64_t>(position_ + page_rest(), bytes_.size());
    damage(open_ ? record_start_ : position_, to, false, std::move(reason));
    open_ = false;
    skipping_ = true;
    position_ = to;
}

void SegmentReader::torn_tail() {
    damage(
        open_ ? record_start_ : position_, bytes_.size(), true, "the segment ends inside a record");
    open_ = false;
    position_ = bytes_.size();
}

void SegmentReader::drop_open(uint64_t to, std::string reason) {
    damage(record_start_, to, false, std::move(reason));
    open_ = false;
    skipping_ = true;
}

base::Result<std::vector<SegmentFile>> list_segments(base::Files& files, const base::Path& folder) {
    std::vector<SegmentFile> segments;
    TRY(const bool there, files.exists(folder));
    if (!there) {
        return segments;
    }
    TRY(const auto entries, files.list(folder));
    for (const auto& entry : entries) {
        const auto number = parse_segment_name(entry.name);
        if (entry.is_directory || !number) {
            continue;
        }
        base::Path path = base::join_path(folder, entry.name);
        const auto info = files.stat(path);
        const uint64_t bytes = info ? info.value().size : 0;
        segments.push_back({.number = *number, .path = std::move(path), .bytes = bytes});
    }
    std::ranges::sort(segments, {}, &SegmentFile::number);
    return segments;
}

base::Result<std::vector<Checkpoint>> list_checkpoints(base::Files& files,
                                                       const base::Path& wal_folder) {
    std::vector<Checkpoint> checkpoints;
    TRY(const bool there, files.exists(wal_folder));
    if (!there) {
        return checkpoints;
    }
    TRY(const auto entries, files.list(wal_folder));
    for (const auto& entry : entries) {
        if (!entry.is_directory || !entry.name.starts_with(kCheckpointPrefix)) {
            continue;
        }
        const auto number =
            parse_segment_name(std::string_view(entry.name).substr(kCheckpointPrefix.size()));
        if (number) {
            checkpoints.push_back(
                {.last_segment = *number, .path = base::join_path(wal_folder, entry.name)});
        }
    }
    std::ranges::sort(checkpoints, {}, &Checkpoint::last_segment);
    return checkpoints;
}

base::Result<std::optional<Checkpoint>> find_checkpoint(base::Files& files,
                                                        const base::Path& wal_folder) {
    TRY(auto checkpoints, list_checkpoints(files, wal_folder));
    return checkpoints.empty() ? std::nullopt : std::optional(std::move(checkpoints.back()));
}

}  // namespace tsdb::wal
