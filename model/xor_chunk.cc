#include "model/xor_chunk.h"

#include <algorithm>
#include <array>
#include <bit>

#include "model/bitstream.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {
namespace {

constexpr uint16_t kCountBits = 16;

// Up to 64 bits on their way into the stream.
struct Piece {
    uint64_t value = 0;
    unsigned count = 0;

    void add(uint64_t bits, unsigned length) {
        value = value << length | bits;
        count += length;
    }
};

uint64_t zigzag(int64_t value) {
    return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}

uint64_t low_bits(int64_t value, unsigned bits) {
    return static_cast<uint64_t>(value) & ((uint64_t{1} << bits) - 1);
}

void begin(XorState& state, uint8_t* to, size_t capacity, int64_t t, uint64_t bits) {
    size_t position = kCountBits;
    uint64_t rest = zigzag(t);
    while (rest >= 0x80) {
        to[position >> 3] = static_cast<uint8_t>(rest | 0x80);
        position += 8;
        rest >>= 7;
    }
    to[position >> 3] = static_cast<uint8_t>(rest);
    position += 8;
    put_bits(to, capacity, position, bits, 64);
    state.t = t;
    state.bits = bits;
    state.delta = 0;
    state.position = static_cast<uint16_t>(position + 64);
    state.count = 1;
    state.leading = XorState::kNoWindow;
    state.trailing = 0;
}

// The second sample's time: the delta as a varint.
Piece second_time(uint32_t delta) {
    Piece piece;
    while (delta >= 0x80) {
        piece.add((delta & 0x7f) | 0x80, 8);
        delta >>= 7;
    }
    piece.add(delta, 8);
    return piece;
}

// Later times: the delta of deltas in 1, 16, 20 or 24 bits. False when it needs 68.
bool later_time(int64_t dod, Piece& piece) {
    if (dod == 0) {
        piece.add(0, 1);
    } else if (fits_signed(dod, 14)) {
        piece.add(0b10u << 14 | low_bits(dod, 14), 16);
    } else if (fits_signed(dod, 17)) {
        piece.add(uint64_t{0b110} << 17 | low_bits(dod, 17), 20);
    } else if (fits_signed(dod, 20)) {
        piece.add(uint64_t{0b1110} << 20 | low_bits(dod, 20), 24);
    } else {
        return false;
    }
    return true;
}

// The value's window and what of it goes into the stream.
struct ValueBits {
    Piece control;
    Piece payload;
    uint8_t leading;
    uint8_t trailing;
};

ValueBits value_bits(const XorState& state, uint64_t changed) {
    ValueBits out{
        .control = {}, .payload = {}, .leading = state.leading, .trailing = state.trailing};
    if (changed == 0) {
        out.control.add(0, 1);
        return out;
    }
    const auto leading = std::min<unsigned>(std::countl_zero(changed), XorWindow::kLeadingMax);
    const auto trailing = static_cast<unsigned>(std::countr_zero(changed));
    if (state.leading != XorState::kNoWindow && leading >= state.leading &&
        trailing >= state.trailing) {
        out.control.add(0b10, 2);
    } else {
        const unsigned significant = 64 - leading - trailing;
        out.control.add(0b11, 2);
        out.control.add(leading, 5);
        out.control.add(significant & 63, 6);
        out.leading = static_cast<uint8_t>(leading);
        out.trailing = static_cast<uint8_t>(trailing);
    }
    out.payload = {changed >> out.trailing, 64u - out.leading - out.trailing};
    return out;
}

}  // namespace

bool xor_append(
    XorState& state, uint8_t* to, size_t origin, size_t capacity, int64_t t, uint64_t bits) {
    if (state.count == 0) {
        if (capacity < kXorFirstSampleBytesMax) {
            return false;
        }
        begin(state, to, capacity, t, bits);
        return true;
    }
    const size_t from = state.position - origin * 8;  // bits in `to`
    const auto delta = static_cast<uint32_t>(t - state.t);
    if (delta == state.delta && bits == state.bits && state.count > 1 &&
        (from + 2 + 7) >> 3 <= capacity) {
        // Two zero bits: they are there already.
        state.t = t;
        state.position = static_cast<uint16_t>(state.position + 2);
        state.count = static_cast<uint16_t>(state.count + 1);
        return true;
    }
    const int64_t dod = static_cast<int64_t>(delta) - static_cast<int64_t>(state.delta);
    Piece head;
    bool wide = false;
    if (state.count == 1) {
        head = second_time(delta);
    } else {
        wide = !later_time(dod, head);
    }
    const ValueBits value = value_bits(state, bits ^ state.bits);
    const size_t total = (wide ? 68 : head.count) + value.control.count + value.payload.count;
    if (((from + total + 7) >> 3) > capacity) {
        return false;
    }
    size_t position = from;
    if (wide) {
        put_bits(to, capacity, position, 0b1111, 4);
        put_bits(to, capacity, position + 4, static_cast<uint64_t>(dod), 64);
        position += 68;
    }
    head.add(value.control.value, value.control.count);
    if (head.count + value.payload.count <= 64) {
        // A payload of 64 bits never comes here: the control bits are in front of it.
        head.value = head.value << value.payload.count | value.payload.value;
        head.count += value.payload.count;
        put_bits(to, capacity, position, head.value, head.count);
    } else {
        put_bits(to, capacity, position, head.value, head.count);
        put_bits(to, capacity, position + head.count, value.payload.value, value.payload.count);
    }
    state.t = t;
    state.bits = bits;
    state.delta = delta;
    state.position = static_cast<uint16_t>(state.position + total);
    state.count = static_cast<uint16_t>(state.count + 1);
    state.leading = value.leading;
    state.trailing = value.trailing;
    return true;
}

namespace {

base::Status corrupt(const char* what, size_t sample) {
    return base::fail(base::Code::kCorrupt, "XOR chunk:", what, "in sample", sample);
}

// What reading one sample may look at, from its first bit on: the longest sample has 145 bits, and
// a look takes 8 bytes.
constexpr size_t kReachBytes = 32;

constexpr unsigned kLookBits = 57;  // that peek() shows at least
constexpr unsigned kRun = 16;       // samples that are taken at once when nothing changes

// A BitReader without ends: who asks makes sure that kReachBytes are there.
class OpenBits {
  public:
    OpenBits(const uint8_t* bytes, size_t position) : bytes_(bytes), position_(position) {}

    [[nodiscard]] uint64_t peek() const {
        return load_be64(bytes_ + (position_ >> 3)) << (position_ & 7);
    }

    void skip(unsigned count) { position_ += count; }

    [[nodiscard]] uint64_t read(unsigned count) {
        uint64_t value = 0;
        if (count > 32) {
            value = peek() >> 32;
            position_ += 32;
            count -= 32;
        }
        value = value << count | peek() >> (64 - count);
        position_ += count;
        return value;
    }

    [[nodiscard]] size_t position() const { return position_; }

  private:
    const uint8_t* bytes_;
    size_t position_;  // in bits
};

int64_t read_dod(OpenBits& in) {
    const uint64_t word = in.peek();
    switch (std::countl_one(word >> 60 << 60)) {
        case 0:
            in.skip(1);
            return 0;
        case 1:
            in.skip(16);
            return to_signed(word << 2 >> 50, 14);
        case 2:
            in.skip(20);
            return to_signed(word << 3 >> 47, 17);
        case 3:
            in.skip(24);
            return to_signed(word << 4 >> 44, 20);
        default:
            in.skip(4);
            return static_cast<int64_t>(in.read(64));
    }
}

// A chunk being read, behind its first sample.
struct Decoder {
    OpenBits in;
    uint64_t time = 0;
    uint64_t bits = 0;
    uint64_t delta = 0;  // unsigned: corrupt input may overflow
    XorWindow window;

    // One look is enough for most: the same distance, and a value that fits behind it.
    [[gnu::always_inline]] bool read_sample(uint64_t word) {
        if (word >> 62 == 0) {
            in.skip(2);
            return true;
        }
        const unsigned significant = 64 - window.leading - window.trailing;
        if (word >> 61 == 0b010 && significant <= kLookBits - 3) {
            in.skip(3 + significant);
            bits ^= word << 3 >> (64 - significant) << window.trailing;
            return true;
        }
        if ((word >> 63) == 0) {
            in.skip(1);
        } else {
            delta += static_cast<uint64_t>(read_dod(in));
        }
        return read_value();
    }

    [[gnu::always_inline]] bool read_value() { return read_xor_value(in, window, bits); }

    void put(int64_t* t, double* v, size_t i) {
        time += delta;
        t[i] = static_cast<int64_t>(time);
        v[i] = std::bit_cast<double>(bits);
    }

    void put_run(int64_t* t, double* v, size_t i) {
        for (size_t k = 0; k < kRun; ++k) {
            t[i + k] = static_cast<int64_t>(time + delta * (k + 1));
            v[i + k] = std::bit_cast<double>(bits);
        }
        time += delta * kRun;
    }
};

// Reads samples [i, count) as long as they begin at `end` or before, in bits, where kReachBytes
// follow. Returns where it stopped; false in `ok` when that is an impossible sample.
size_t read_samples(
    Decoder& decoder, size_t i, size_t count, size_t end, int64_t* t, double* v, bool& ok) {
    Decoder at = decoder;  // in registers
    while (i < count && at.in.position() <= end) {
        const uint64_t word = at.in.peek();
        if (word >> (64 - 2 * kRun) == 0 && count - i >= kRun) {
            at.in.skip(2 * kRun);
            at.put_run(t, v, i);
            i += kRun;
            continue;
        }
        if (!at.read_sample(word)) [[unlikely]] {
            ok = false;
            break;
        }
        at.put(t, v, i++);
    }
    decoder = at;
    return i;
}

}  // namespace

base::Status xor_decode(std::span<const uint8_t> chunk, int64_t* t, double* v) {
    const size_t count = xor_count(chunk);
    if (count == 0) {
        return base::success();
    }
    BitReader in(chunk);
    in.skip(kCountBits);
    bool ok = true;
    const auto time = static_cast<uint64_t>(read_varint(in, ok));
    const uint64_t bits = in.read(64);
    if (!ok || in.overrun()) {
        return corrupt("bytes end", 0);
    }
    t[0] = static_cast<int64_t>(time);
    v[0] = std::bit_cast<double>(bits);
    if (count == 1) {
        return base::success();
    }
    const uint64_t delta = read_uvarint(in, ok);
    XorWindow window;
    uint64_t second = bits;
    ok = ok && read_xor_value(in, window, second);
    if (in.overrun()) {
        return corrupt("bytes end", 1);
    }
    if (!ok) {
        return corrupt("impossible bits", 1);
    }
    Decoder decoder{OpenBits(chunk.data(), in.position()), time, second, delta, window};
    decoder.put(t, v, 1);
    size_t i = 2;
    if (chunk.size() > kReachBytes) {
        i = read_samples(decoder, i, count, (chunk.size() - kReachBytes) * 8, t, v, ok);
    }
    if (ok && i < count) {
        // The last ones are read from a copy with zeros behind it.
        std::array<uint8_t, 2 * kReachBytes> last{};
        const auto rest = chunk.subspan(decoder.in.position() >> 3);
        std::ranges::copy(rest, last.begin());
        decoder.in = OpenBits(last.data(), decoder.in.position() & 7);
        i = read_samples(decoder, i, count, rest.size() * 8, t, v, ok);
        if (ok && (i < count || decoder.in.position() > rest.size() * 8)) {
            return corrupt("bytes end", i);
        }
    }
    return ok ? base::success() : corrupt("impossible bits", i);
}

}  // namespace model
