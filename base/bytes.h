// Reading and writing the primitives of the on-disk formats: big-endian integers, LEB128 varints,
// length-prefixed strings. source: docs/formats, after the Prometheus TSDB formats
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/byte_view.h"

namespace base {

inline constexpr size_t kUvarintMax = 10;   // bytes of the longest 64-bit varint
inline constexpr size_t kUvarint32Max = 5;  // bytes of the longest 32-bit varint

template <class Unsigned>
[[nodiscard]] inline Unsigned load_be(const uint8_t* from) {
    Unsigned value;
    std::memcpy(&value, from, sizeof value);
    if constexpr (sizeof value == 2) {
        return __builtin_bswap16(value);
    } else if constexpr (sizeof value == 4) {
        return __builtin_bswap32(value);
    } else {
        static_assert(sizeof value == 8);
        return __builtin_bswap64(value);
    }
}

template <class Unsigned>
inline void store_be(uint8_t* to, Unsigned value) {
    const Unsigned swapped = load_be<Unsigned>(reinterpret_cast<const uint8_t*>(&value));
    std::memcpy(to, &swapped, sizeof swapped);
}

[[nodiscard]] constexpr uint64_t zigzag(int64_t value) {
    return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

[[nodiscard]] constexpr int64_t unzigzag(uint64_t value) {
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

[[nodiscard]] constexpr size_t uvarint_size(uint64_t value) {
    return static_cast<size_t>(std::bit_width(value | 1) + 6) / 7;
}

// Reads forward and never past the end. The first read that does not fit, or is malformed, makes
// ok() false for good; it and every later read return zero or nothing. Check ok() once after a
// group of reads.
//   lifetime  views returned point into the bytes given
class ByteReader {
  public:
    explicit ByteReader(ByteView bytes)
        : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

    [[nodiscard]] bool ok() const { return ok_; }

    // True when everything was read and nothing failed.
    [[nodiscard]] bool finished() const { return ok_ && at_ == end_; }

    [[nodiscard]] size_t remaining() const { return static_cast<size_t>(end_ - at_); }

    [[nodiscard]] size_t position() const { return static_cast<size_t>(at_ - begin_); }

    [[nodiscard]] ByteView rest() const { return {at_, remaining()}; }

    uint8_t u8() { return need(1) ? *at_++ : uint8_t{0}; }

    uint16_t be16() { return fixed<uint16_t>(); }

    uint32_t be32() { return fixed<uint32_t>(); }

    uint64_t be64() { return fixed<uint64_t>(); }

    int64_t be64i() { return static_cast<int64_t>(fixed<uint64_t>()); }

    // A double's bits. Keep them as an integer where a NaN's payload matters.
    double f64() { return std::bit_cast<double>(fixed<uint64_t>()); }

    // Of one and two bytes, as lengths, numbers of symbols and distances mostly are, without a
    // call.
    uint64_t uvarint() {
        if (remaining() >= 2) [[likely]] {
            const uint64_t first = at_[0];
            if (first < 0x80) {
                ++at_;
                return first;
            }
            const uint64_t second = at_[1];
            if (second < 0x80) {
                at_ += 2;
                return (first & 0x7f) | second << 7;
            }
        }
        return uvarint_slow();
    }

    // A varint that must fit into 32 bits.
    uint32_t uvarint32() {
        const uint64_t value = uvarint();
        if (value > UINT32_MAX) [[unlikely]] {
            fail();
            return 0;
        }
        return static_cast<uint32_t>(value);
    }

    int64_t varint() { return unzigzag(uvarint()); }

    ByteView bytes(size_t count) {
        if (!need(count)) [[unlikely]] {
            return {};
        }
        const ByteView view(at_, count);
        at_ += count;
        return view;
    }

    // uvarint length + bytes
    std::string_view str() {
        const uint64_t length = uvarint();
        if (length > remaining()) [[unlikely]] {
            fail();
            return {};
        }
        return bytes(static_cast<size_t>(length)).text();
    }

    void skip(size_t count) {
        if (need(count)) {
            at_ += count;
        }
    }

    // For the caller's own checks: what was read makes no sense.
    void fail() {
        ok_ = false;
        at_ = end_;
    }

  private:
    bool need(size_t count) {
        if (remaining() < count) [[unlikely]] {
            fail();
            return false;
        }
        return true;
    }

    template <class Unsigned>
    Unsigned fixed() {
        if (!need(sizeof(Unsigned))) [[unlikely]] {
            return 0;
        }
        const Unsigned value = load_be<Unsigned>(at_);
        at_ += sizeof(Unsigned);
        return value;
    }

    uint64_t uvarint_slow() {
        uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && at_ != end_; shift += 7) {
            const uint8_t byte = *at_++;
            if (shift == 63 && byte > 1) {
                break;  // more than 64 bits
            }
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        fail();
        return 0;
    }

    const uint8_t* begin_;
    const uint8_t* at_;
    const uint8_t* end_;
    bool ok_ = true;
};

// Appends to a string, growing it in strides so that a small write is a store and a compare. The
// string's size is exact after finish() or the writer's destruction, not before; its owner does not
// touch it meanwhile.
class ByteWriter {
  public:
    explicit ByteWriter(std::string& out) : out_(out), used_(out.size()) { refresh(); }

    ~ByteWriter() { finish(); }

    ByteWriter(const ByteWriter&) = delete;
    ByteWriter& operator=(const ByteWriter&) = delete;

    // Makes the string's size exact. The writer may go on afterwards.
    void finish() {
        out_.resize(used_);
        refresh();
    }

    // Offset in the string at which the next byte goes.
    [[nodiscard]] size_t position() const { return used_; }

    // What was written from offset `from` on; valid until the next write.
    [[nodiscard]] ByteView written(size_t from = 0) const {
        return ByteView(data_ + from, used_ - from);
    }

    void u8(uint8_t value) { *grow(1) = value; }

    void be16(uint16_t value) { store_be(grow(sizeof value), value); }

    void be32(uint32_t value) { store_be(grow(sizeof value), value); }

    void be64(uint64_t value) { store_be(grow(sizeof value), value); }

    void be64i(int64_t value) { be64(static_cast<uint64_t>(value)); }

    void f64(double value) { be64(std::bit_cast<uint64_t>(value)); }

    void uvarint(uint64_t value) {
        reserve(kUvarintMax);
        uint8_t* at = data_ + used_;
        while (value >= 0x80) {
            *at++ = static_cast<uint8_t>(value | 0x80);
            value >>= 7;
        }
        *at++ = static_cast<uint8_t>(value);
        used_ = static_cast<size_t>(at - data_);
    }

    void varint(int64_t value) { uvarint(zigzag(value)); }

    void bytes(ByteView view) {
        if (!view.empty()) {
            std::memcpy(grow(view.size()), view.data(), view.size());
        }
    }

    // uvarint length + bytes
    void str(std::string_view text) {
        uvarint(text.size());
        bytes(text);
    }

    void zeros(size_t count) {
        if (count != 0) {
            std::memset(grow(count), 0, count);
        }
    }

    // Writes over what stands at `offset`, which lies before position() by 4 bytes at least.
    void patch_be32(size_t offset, uint32_t value) { store_be(data_ + offset, value); }

    // Takes back what was written from `offset` on.
    void rewind(size_t offset) { used_ = offset; }

  private:
    static constexpr size_t kStride = 256;

    uint8_t* grow(size_t count) {
        reserve(count);
        uint8_t* at = data_ + used_;
        used_ += count;
        return at;
    }

    void reserve(size_t count) {
        if (size_ - used_ < count) [[unlikely]] {
            out_.resize(used_ + count + used_ / 2 + kStride);
            refresh();
        }
    }

    void refresh() {
        data_ = reinterpret_cast<uint8_t*>(out_.data());
        size_ = out_.size();
    }

    std::string& out_;
    uint8_t* data_ = nullptr;
    size_t size_ = 0;
    size_t used_;
};

}  // namespace base
