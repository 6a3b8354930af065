#include "model/xor_pair.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "model/bitstream.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {
namespace {

// Longer chunks are read alone: pairs are copied, so that they may be read past their end.
constexpr size_t kPairBytesMax = 2048;
// What one sample's reading may look at, from a bit in front of the end on: two samples of 145
// bits, of which the second is found to lie behind the end, and a look of 8 bytes.
constexpr size_t kReachBytes = 48;
constexpr size_t kRoomBytes = kPairBytesMax + kReachBytes;

constexpr unsigned kLookBits = 57;  // that load_at() shows at least

// Bytes of a sample, as eighths, below which most are repeats: those are taken in runs by
// xor_decode().
constexpr size_t kRepeatsEighths = 6;
constexpr size_t kHeaderBytes = 20;

// Where the reading of a chunk stands, in registers.
struct Cursor {
    size_t position = 0;  // in bits
    uint64_t bits = 0;    // of the last value
    // Where the last difference lay, as in the stream: a one, the leading zeros in 5 bits, the
    // width in 6 (0 is 64).
    uint64_t window = 0;
};

constexpr uint64_t kWindowOne = uint64_t{1} << 11;

// Of one chunk, what its cursor does not have.
class Lane {
  public:
    // Copies the chunk to `room`, which is kRoomBytes from bit `origin` on of `bytes`, and reads
    // its first two samples. False when they are no samples, or the distances in time change.
    [[nodiscard]] bool begin(const XorColumns& columns, uint8_t* bytes, size_t origin) {
        bytes_ = bytes;
        t_ = columns.t;
        v_ = columns.v;
        count_ = xor_count(columns.chunk);
        uint8_t* const room = bytes + origin / 8;
        std::ranges::copy(columns.chunk, room);
        std::fill_n(room + columns.chunk.size(), kReachBytes, uint8_t{0});
        end_ = origin + columns.chunk.size() * 8;
        return read_header(columns.chunk, origin);
    }

    [[nodiscard]] size_t count() const { return count_; }

    [[nodiscard]] const Cursor& start() const { return start_; }

    // Reads sample i, and leaves its time for later when it is as far from the one before as that
    // was from its own. False: the chunk is damaged.
    [[gnu::always_inline]] bool step(Cursor& at, size_t i) {
        const uint64_t word = load_at(at.position);
        const uint64_t rest = word << 2;
        if (word >> 62 == 0) [[unlikely]] {
            at.position += 2;
            if (at.position > end_) {
                return false;
            }
        } else {
            // Both kinds of windows without a branch: which comes next nobody can foretell.
            const bool fresh = (rest >> 63) != 0;
            const uint64_t window = fresh ? rest >> 52 : at.window;
            const size_t from = at.position + (fresh ? 14 : 3);
            const uint64_t width = window & 63;
            if ((word >> 63) != 0 || width - 1 >= kLookBits) [[unlikely]] {
                at = read_any(at, i);
                if (at.position == 0) {
                    return false;
                }
            } else {
                const uint64_t trailing = 64 + 32 - (window >> 6) - width;
                impossible_ |= trailing;
                at.bits ^= load_at(from) >> (-width & 63) << (trailing & 63);
                at.window = window;
                at.position = from + width;
            }
        }
        v_[i] = std::bit_cast<double>(at.bits);
        return true;
    }

    // After the last step; false when the chunk is damaged.
    [[nodiscard]] bool finish(const Cursor& at) {
        write_times(count_);
        return at.position <= end_ && impossible_ >> 63 == 0;
    }

  private:
    [[nodiscard]] uint64_t load_at(size_t position) const {
        return load_be64(bytes_ + (position >> 3)) << (position & 7);
    }

    [[nodiscard]] bool read_header(std::span<const uint8_t> chunk, size_t origin) {
        constexpr unsigned kCountBits = 16;
        BitReader in(chunk);
        in.skip(kCountBits);
        bool ok = true;
        time_ = static_cast<uint64_t>(read_varint(in, ok));
        uint64_t bits = in.read(64);
        t_[0] = static_cast<int64_t>(time_);
        v_[0] = std::bit_cast<double>(bits);
        delta_ = read_uvarint(in, ok);
        XorWindow window;
        ok = read_xor_value(in, window, bits) && ok;
        v_[1] = std::bit_cast<double>(bits);
        start_.position = origin + in.position();
        start_.bits = bits;
        start_.window =
            kWindowOne | window.leading << 6 | ((64 - window.leading - window.trailing) & 63);
        return ok && !in.overrun() && load_at(start_.position) >> 63 == 0;
    }

    // A sample of any kind; position 0: there is none.
    [[gnu::noinline]] Cursor read_any(Cursor at, size_t i) {
        if (at.position >= end_) {
            return {};
        }
        write_times(i);
        at.position += read_time(at.position);
        const uint64_t word = load_at(at.position);
        if (word >> 63 == 0) {
            ++at.position;
            return at;
        }
        at.position += 2;
        if ((word >> 62 & 1) != 0) {
            at.window = kWindowOne | (word << 2 >> 53);
            at.position += 11;
        }
        const uint64_t leading = at.window >> 6 & 31;
        const uint64_t width = ((at.window - 1) & 63) + 1;
        if (leading + width > 64) {
            return {};
        }
        const uint64_t high = load_at(at.position) >> 32;
        const uint64_t low = load_at(at.position + 32) >> 32;
        at.bits ^= (high << 32 | low) >> (64 - width) << (64 - leading - width);
        at.position += width;
        return at;
    }

    // Changes the distance in time by what stands at `position`; returns its bits.
    [[nodiscard]] unsigned read_time(size_t position) {
        const uint64_t word = load_at(position);
        switch (std::countl_one(word >> 60 << 60)) {
            case 0:
                return 1;
            case 1:
                delta_ += static_cast<uint64_t>(to_signed(word << 2 >> 50, 14));
                return 16;
            case 2:
                delta_ += static_cast<uint64_t>(to_signed(word << 3 >> 47, 17));
                return 20;
            case 3:
                delta_ += static_cast<uint64_t>(to_signed(word << 4 >> 44, 20));
                return 24;
            default:
                delta_ += load_at(position + 4) >> 32 << 32 | load_at(position + 36) >> 32;
                return 68;
        }
    }

    // The times up to sample `until`, which are equally far from one another.
    void write_times(size_t until) {
        const uint64_t time = time_;
        const uint64_t delta = delta_;
        const size_t count = until - timed_;
        int64_t* const t = t_ + timed_;
        for (size_t k = 0; k < count; ++k) {
            t[k] = static_cast<int64_t>(time + delta * (k + 1));
        }
        time_ = time + delta * count;
        timed_ = until;
    }

    const uint8_t* bytes_ = nullptr;
    size_t end_ = 0;  // in bits
    double* v_ = nullptr;
    int64_t* t_ = nullptr;
    size_t count_ = 0;
    uint64_t impossible_ = 0;  // the highest bit: some window was
    uint64_t time_ = 0;        // of the last sample that has one
    uint64_t delta_ = 0;       // unsigned: damaged chunks may overflow
    size_t timed_ = 1;         // samples that have a time
    Cursor start_;
};

// False when either is damaged, or better read alone.
bool decode_pair(const XorColumns& first, const XorColumns& second) {
    std::array<uint8_t, 2 * kRoomBytes> bytes;
    Lane a;
    Lane b;
    if (!a.begin(first, bytes.data(), 0) || !b.begin(second, bytes.data(), kRoomBytes * 8)) {
        return false;
    }
    Cursor at_a = a.start();
    Cursor at_b = b.start();
    const size_t both = std::min(a.count(), b.count());
    size_t i = 2;
    for (; i < both; ++i) {
        if (!a.step(at_a, i) || !b.step(at_b, i)) {
            return false;
        }
    }
    for (size_t k = i; k < a.count(); ++k) {
        if (!a.step(at_a, k)) {
            return false;
        }
    }
    for (size_t k = i; k < b.count(); ++k) {
        if (!b.step(at_b, k)) {
            return false;
        }
    }
    return a.finish(at_a) && b.finish(at_b);
}

bool fits_pair(std::span<const uint8_t> chunk) {
    const size_t count = xor_count(chunk);
    return count > 2 && chunk.size() <= kPairBytesMax &&
           chunk.size() > kHeaderBytes + count * kRepeatsEighths / 8;
}

base::Status decode_alone(const XorColumns& columns) {
    return xor_decode(columns.chunk, columns.t, columns.v);
}

}  // namespace

base::Status xor_decode_all(std::span<const XorColumns> chunks) {
    const XorColumns* waiting = nullptr;
    for (const XorColumns& columns : chunks) {
        if (!fits_pair(columns.chunk)) {
            TRY(decode_alone(columns));
        } else if (waiting == nullptr) {
            waiting = &columns;
        } else {
            const XorColumns& other = *std::exchange(waiting, nullptr);
            if (!decode_pair(other, columns)) {
                TRY(decode_alone(other));
                TRY(decode_alone(columns));
            }
        }
    }
    return waiting == nullptr ? base::success() : decode_alone(*waiting);
}

}  // namespace model
