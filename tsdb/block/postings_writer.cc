#include "tsdb/block/postings_writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "tsdb/block/format.h"
#include "tsdb/block/index_reader.h"

namespace tsdb::block {
namespace {

constexpr size_t kIdBytes = sizeof(SeriesId);
constexpr size_t kListHeaderBytes = 8;  // length of the rest, number of ids
constexpr size_t kStreamedIds = 4096;   // of a long list at a time

// Ids as they lie in the file.
SeriesId big_endian(SeriesId id) {
    static_assert(std::endian::native == std::endian::little);
    return __builtin_bswap32(id);
}

base::ByteView bytes_of(std::span<const SeriesId> ids) {
    return {reinterpret_cast<const uint8_t*>(ids.data()), ids.size_bytes()};
}

// Calls visit(id, labels, count) for every series, where `labels` reads `count` pairs of symbols.
template <class Visit>
base::Status for_each_series(const SeriesSection& section, const Visit& visit) {
    uint64_t at = section.from;
    for (uint64_t left = section.series; left != 0; --left) {
        at = (at + kSeriesAlignment - 1) / kSeriesAlignment * kSeriesAlignment;
        base::ByteReader entry(
            section.index.part(static_cast<size_t>(at), static_cast<size_t>(section.end - at)));
        const base::ByteView body = entry.bytes(static_cast<size_t>(entry.uvarint()));
        const uint32_t crc = entry.be32();
        if (!entry.ok() || base::crc32c(body) != crc) {
            return base::fail(
                base::Code::kCorrupt, "the series read back at", at, "is not as written");
        }
        base::ByteReader labels(body);
        const uint64_t count = labels.uvarint();
        TRY(visit(static_cast<SeriesId>(at / kSeriesAlignment), labels, count));
        at += entry.position();
    }
    return base::success();
}

class PostingsWriter {
  public:
    PostingsWriter(const SeriesSection& section,
                   PairCounts& pairs,
                   const std::vector<PairKey>& keys,
                   PostingsMemory memory,
                   BlockFile& out)
        : section_(section),
          pairs_(pairs),
          keys_(keys),
          ids_max_(static_cast<size_t>(memory.bytes / kIdBytes)),
          out_(out),
          taken_(memory.taken) {}

    base::Status write() {
        TRY(stream_list(section_.series, [](base::ByteReader&, uint64_t) { return true; }));
        for (size_t from = 0; from < keys_.size();) {
            const size_t to = end_of_pass(from);
            if (to == from) {
                TRY(stream_pair(keys_[from]));
                ++from;
                continue;
            }
            TRY(gather(from, to));
            TRY(write_gathered(from, to));
            from = to;
        }
        return base::success();
    }

  private:
    // Behind the last key whose list fits beside those from `from` on; `from` when not even that
    // fits. Sets where in the buffer each list begins.
    size_t end_of_pass(size_t from) {
        size_t used = 0;
        size_t to = from;
        for (; to < keys_.size(); ++to) {
            PairCounts::Slot& slot = pairs_.at(keys_[to]);
            if (slot.count > ids_max_ - used) {
                break;
            }
            slot.next = static_cast<uint32_t>(used);
            used += slot.count;
        }
        if (used > ids_room_) {
            taken_.set(used * kIdBytes);
            ids_.reset();  // before there is another one
            ids_.reset(new SeriesId[used]);
            ids_room_ = used;
        }
        return to;
    }

    base::Status gather(size_t from, size_t to) {
        const PairKey first = keys_[from];
        const PairKey last = keys_[to - 1];
        const auto take = [&](SeriesId id, base::ByteReader& labels, uint64_t count) {
            for (; count != 0; --count) {
                const PairKey key = read_key(labels);
                if (key < first || key > last) {
                    continue;
                }
                PairCounts::Slot& slot = pairs_.at(key);
                SKEIN_DCHECK(slot.next < ids_room_);
                ids_[slot.next++] = big_endian(id);
            }
            return base::Status(base::success());
        };
        return for_each_series(section_, take);
    }

    base::Status write_gathered(size_t from, size_t to) {
        for (size_t key = from; key < to; ++key) {
            const PairCounts::Slot& slot = pairs_.at(keys_[key]);
            const std::span<const SeriesId> ids(ids_.get() + (slot.next - slot.count), slot.count);
            uint32_t crc = 0;
            TRY(begin_list(ids.size(), crc));
            TRY(add_ids(ids, crc));
            TRY(end_list(crc));
        }
        return base::success();
    }

    base::Status stream_pair(PairKey wanted) {
        const auto has_it = [wanted](base::ByteReader& labels, uint64_t count) {
            for (; count != 0; --count) {
                if (read_key(labels) == wanted) {
                    return true;
                }
            }
            return false;
        };
        return stream_list(pairs_.at(wanted).count, has_it);
    }

    // Writes the list of the series that has(labels, count) says true of.
    template <class Has>
    base::Status stream_list(uint64_t series, const Has& has) {
        uint32_t crc = 0;
        TRY(begin_list(series, crc));
        std::array<SeriesId, kStreamedIds> ids;
        size_t held = 0;
        const auto take = [&](SeriesId id, base::ByteReader& labels, uint64_t count) {
            if (!has(labels, count)) {
                return base::Status(base::success());
            }
            ids[held++] = big_endian(id);
            if (held < ids.size()) {
                return base::Status(base::success());
            }
            held = 0;
            return add_ids(ids, crc);
        };
        TRY(for_each_series(section_, take));
        TRY(add_ids(std::span(ids).first(held), crc));
        return end_list(crc);
    }

    base::Status begin_list(uint64_t series, uint32_t& crc) {
        std::array<uint8_t, kListHeaderBytes> header;
        const auto count = static_cast<uint32_t>(series);
        base::store_be<uint32_t>(header.data(), (count + 1) * kIdBytes);
        base::store_be<uint32_t>(header.data() + kIdBytes, count);
        crc = base::crc32c({header.data() + kIdBytes, sizeof count});
        return out_.append({header.data(), header.size()});
    }

    base::Status add_ids(std::span<const SeriesId> ids, uint32_t& crc) {
        crc = base::crc32c(bytes_of(ids), crc);
        return out_.append(bytes_of(ids));
    }

    base::Status end_list(uint32_t crc) { return out_.append(BigEndian32(crc)); }

    static PairKey read_key(base::ByteReader& labels) {
        const uint32_t name = labels.uvarint32();
        const uint32_t value = labels.uvarint32();
        return pair_key(name, value);
    }

    const SeriesSection& section_;
    PairCounts& pairs_;
    const std::vector<PairKey>& keys_;
    const size_t ids_max_;
    BlockFile& out_;
    std::unique_ptr<SeriesId[]> ids_;
    size_t ids_room_ = 0;
    base::TakenMemory taken_;
};

}  // namespace

uint64_t posting_list_bytes(uint64_t series) {
    return kListHeaderBytes + series * kIdBytes + kCrcBytes;
}

base::Status write_postings(const SeriesSection& section,
                            PairCounts& pairs,
                            const std::vector<PairKey>& keys,
                            PostingsMemory memory,
                            BlockFile& out) {
    return PostingsWriter(section, pairs, keys, memory, out).write();
}

}  // namespace tsdb::block
