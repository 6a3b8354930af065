// Records by id, in order, in chunks of a few KiB that lie on their own: a B-tree of two levels. A
// record is found in two binary searches, and its place costs no more than half of its size again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "model/target.h"

namespace shard {

// `Record` is a plain value with a `model::TargetId id`.
//   lifetime  pointers hold until the next insert() or erase()
template <class Record>
class OrderedChunks {
  public:
    [[nodiscard]] size_t size() const { return size_; }

    [[nodiscard]] const Record* find(model::TargetId id) const {
        if (chunks_.empty() || id > chunks_.back()->last()) {
            return nullptr;
        }
        const size_t number = chunk_of(id);
        const Chunk& chunk = *chunks_[number];
        const size_t at = place_of(id, number);
        return at < chunk.used && chunk.records[at].id == id ? &chunk.records[at] : nullptr;
    }

    [[nodiscard]] Record* find(model::TargetId id) {
        return const_cast<Record*>(std::as_const(*this).find(id));
    }

    // There is none with its id.
    void insert(const Record& record) {
        size_t number = chunks_.empty() ? add_chunk(0) : chunk_of(record.id);
        if (chunks_[number]->used == kRecords) {
            number = split(number, record.id);
        }
        Chunk& chunk = *chunks_[number];
        chunk.insert(place_of(record.id, number), record);
        firsts_[number] = chunk.records[0].id;
        ++size_;
    }

    // False: there was none.
    bool erase(model::TargetId id) {
        if (find(id) == nullptr) {
            return false;
        }
        const size_t number = chunk_of(id);
        Chunk& chunk = *chunks_[number];
        chunk.remove(place_of(id, number));
        --size_;
        shrink(number);
        return true;
    }

    // In the order of ids. `visit` changes nothing here.
    template <class Visit>
    void for_each(Visit visit) const {
        for (const auto& chunk : chunks_) {
            for (size_t at = 0; at < chunk->used; ++at) {
                visit(chunk->records[at]);
            }
        }
    }

    // That are held, used or not.
    [[nodiscard]] size_t memory_bytes() const {
        return chunks_.size() * sizeof(Chunk) + chunks_.capacity() * sizeof(chunks_[0]) +
               firsts_.capacity() * sizeof(firsts_[0]);
    }

  private:
    static constexpr size_t kChunkBytes = 4 << 10;
    static constexpr size_t kRecords = kChunkBytes / sizeof(Record);
    // Neighbours that together have no more than these become one.
    static constexpr size_t kJoined = kRecords * 3 / 4;

    struct Chunk {
        size_t used = 0;
        std::array<Record, kRecords> records;

        [[nodiscard]] model::TargetId last() const { return records[used - 1].id; }

        // Of the first record that is not before `id`. Found from `guess` in strides that double,
        // so that a good guess costs a cache line or two.
        [[nodiscard]] size_t place_of(model::TargetId id, size_t guess) const {
            size_t begin = 0, end = used;  // the place is in [begin, end]
            for (size_t at = guess, stride = 2; at < end; at += stride, stride *= 2) {
                if (records[at].id >= id) {
                    end = at;
                    break;
                }
                begin = at + 1;
            }
            for (size_t back = 2; begin == 0 && end > back; back *= 2) {
                if (records[end - back].id < id) {
                    begin = end - back + 1;
                    break;
                }
                end -= back;
            }
            const auto place = std::lower_bound(
                records.begin() + begin,
                records.begin() + end,
                id,
                [](const Record& record, model::TargetId other) { return record.id < other; });
            return static_cast<size_t>(place - records.begin());
        }

        void insert(size_t at, const Record& record) {
            std::copy_backward(
                records.begin() + at, records.begin() + used, records.begin() + used + 1);
            records[at] = record;
            ++used;
        }

        void remove(size_t at) {
            std::copy(records.begin() + at + 1, records.begin() + used, records.begin() + at);
            --used;
        }

        // What stands from `at` on goes to the end of `to`.
        void give(size_t at, Chunk& to) {
            std::copy(records.begin() + at, records.begin() + used, to.records.begin() + to.used);
            to.used += used - at;
            used = at;
        }
    };

    // The chunk where `id` is or would be; there is one at least.
    [[nodiscard]] size_t chunk_of(model::TargetId id) const {
        const auto after = std::upper_bound(firsts_.begin(), firsts_.end(), id);
        return after == firsts_.begin() ? 0 : static_cast<size_t>(after - firsts_.begin()) - 1;
    }

    // Of `id` in its chunk. Ids are hashes, so it is guessed from the first ids of this chunk and
    // the next one.
    [[nodiscard]] size_t place_of(model::TargetId id, size_t number) const {
        const Chunk& chunk = *chunks_[number];
        const model::TargetId first = firsts_[number];
        if (id <= first) {
            return 0;
        }
        const model::TargetId next = number + 1 < firsts_.size()
                                         ? firsts_[number + 1]
                                         : std::numeric_limits<model::TargetId>::max();
        const double part = static_cast<double>(id - first) / static_cast<double>(next - first);
        return chunk.place_of(id, static_cast<size_t>(part * static_cast<double>(chunk.used)));
    }

    // Makes room in a full chunk. returns  the chunk where `id` goes
    size_t split(size_t number, model::TargetId id) {
        const size_t next = add_chunk(number + 1);
        // Who comes in order fills chunks to the brim.
        if (next + 1 == chunks_.size() && id > chunks_[number]->last()) {
            return next;
        }
        chunks_[number]->give(kRecords / 2, *chunks_[next]);
        firsts_[next] = chunks_[next]->records[0].id;
        return id < firsts_[next] ? number : next;
    }

    size_t add_chunk(size_t number) {
        const auto at = static_cast<std::ptrdiff_t>(number);
        chunks_.insert(chunks_.begin() + at, std::make_unique<Chunk>());
        firsts_.insert(firsts_.begin() + at, 0);
        return number;
    }

    void drop_chunk(size_t number) {
        chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(number));
        firsts_.erase(firsts_.begin() + static_cast<std::ptrdiff_t>(number));
    }

    // After a record went from this chunk.
    void shrink(size_t number) {
        if (chunks_[number]->used == 0) {
            drop_chunk(number);
            return;
        }
        firsts_[number] = chunks_[number]->records[0].id;
        if (chunks_[number]->used > kRecords / 4) {
            return;
        }
        if (!join(number) && number != 0) {
            join(number - 1);
        }
    }

    // With the next one, if both fit into one well.
    bool join(size_t number) {
        if (number + 1 >= chunks_.size() ||
            chunks_[number]->used + chunks_[number + 1]->used > kJoined) {
            return false;
        }
        chunks_[number + 1]->give(0, *chunks_[number]);
        drop_chunk(number + 1);
        return true;
    }

    std::vector<model::TargetId> firsts_;  // of each chunk, its first record's
    std::vector<std::unique_ptr<Chunk>> chunks_;
    size_t size_ = 0;
};

}  // namespace shard
