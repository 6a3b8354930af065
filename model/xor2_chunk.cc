#include "model/xor2_chunk.h"

#include <bit>

#include "model/bitstream.h"
#include "model/sample.h"
#include "model/start_times.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {
namespace {

constexpr size_t kHeaderBytes = 3;
constexpr unsigned kDodBitsShort = 13;
constexpr unsigned kDodBitsLong = 20;

// Reads one chunk's samples. Differences are taken to the last value that was not stale.
class Xor2Reader {
  public:
    explicit Xor2Reader(std::span<const uint8_t> chunk) : in_(chunk), starts_(chunk[2]) {
        in_.skip(kHeaderBytes * 8);
    }

    // Reads sample `i`; false when its bits are impossible or missing.
    [[nodiscard]] bool next(size_t i, int64_t& t, int64_t& st, double& v) {
        const uint64_t before = t_;
        stale_ = false;
        bool ok = true;
        if (i == 0) {
            read_first(ok);
        } else if (i == 1) {
            delta_ = read_uvarint(in_, ok);
            ok = read_value() && ok;
        } else {
            ok = read_joint();
        }
        t_ = i == 0 ? t_ : t_ + delta_;
        t = static_cast<int64_t>(t_);
        v = std::bit_cast<double>(stale_ ? kStaleNanBits : bits_);
        st = starts_.read(in_, i, t, static_cast<int64_t>(before), ok);
        return ok && !in_.overrun();
    }

  private:
    void read_first(bool& ok) {
        t_ = static_cast<uint64_t>(read_varint(in_, ok));
        const uint64_t bits = in_.read(64);
        stale_ = bits == kStaleNanBits;
        bits_ = stale_ ? 0 : bits;
    }

    // Time and value under one prefix.
    bool read_joint() {
        const uint64_t word = in_.peek();
        switch (std::countl_one(word >> 59 << 59)) {
            case 0:
                in_.skip(1);
                return true;
            case 1:
                in_.skip(2);
                return read_changed_value();
            case 2:
                in_.skip(3);
                read_dod(kDodBitsShort);
                return read_value();
            case 3:
                in_.skip(4);
                read_dod(kDodBitsLong);
                return read_value();
            case 4:
                in_.skip(5);
                read_dod(64);
                return read_value();
            default:
                in_.skip(5);
                stale_ = true;
                return true;
        }
    }

    // Plain two's complement, unlike the times of XOR chunks.
    void read_dod(unsigned bits) {
        const auto raw = static_cast<int64_t>(in_.read(bits) << (64 - bits));
        delta_ += static_cast<uint64_t>(raw >> (64 - bits));
    }

    bool read_value() {
        const uint64_t word = in_.peek();
        switch (std::countl_one(word >> 61 << 61)) {
            case 0:
                in_.skip(1);
                return true;
            case 1:
                read_xor_window(in_, word, 2, window_, bits_);
                return true;
            case 2:
                in_.skip(3);
                return read_windowed_value();
            default:
                in_.skip(3);
                stale_ = true;
                return true;
        }
    }

    bool read_changed_value() {
        const uint64_t word = in_.peek();
        if (word >> 63 != 0) {
            in_.skip(1);
            return read_windowed_value();
        }
        read_xor_window(in_, word, 1, window_, bits_);
        return true;
    }

    bool read_windowed_value() {
        const uint64_t word = in_.peek();
        if (!take_xor_window(word, window_)) {
            return false;
        }
        read_xor_window(in_, word, 11, window_, bits_);
        return true;
    }

    BitReader in_;
    StartTimes starts_;
    uint64_t t_ = 0;  // unsigned, as the delta is: corrupt input may overflow
    uint64_t delta_ = 0;
    uint64_t bits_ = 0;  // of the last value that was not stale
    XorWindow window_;
    bool stale_ = false;
};

}  // namespace

size_t xor2_count(std::span<const uint8_t> chunk) {
    return chunk.size() < kHeaderBytes ? 0 : static_cast<size_t>(chunk[0]) << 8 | chunk[1];
}

size_t xor2_count_max(size_t bytes) {
    return bytes * 8;
}

base::Status xor2_decode(std::span<const uint8_t> chunk, int64_t* t, int64_t* st, double* v) {
    const size_t count = xor2_count(chunk);
    if (count == 0) {
        return base::success();
    }
    if (count > xor2_count_max(chunk.size())) {
        return base::fail(base::Code::kCorrupt, "XOR2 chunk: too short for samples:", count);
    }
    Xor2Reader reader(chunk);
    for (size_t i = 0; i < count; ++i) {
        if (!reader.next(i, t[i], st[i], v[i])) {
            return base::fail(base::Code::kCorrupt, "XOR2 chunk: impossible bits in sample", i);
        }
    }
    return base::success();
}

}  // namespace model
