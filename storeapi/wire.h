// Protobuf fields written by hand into bytes that go out: what is sent hundreds of thousands of
// times is not built as messages first.
// source: the encoding of protocol buffers, wire types 0 (varint) and 2 (bytes)
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace storeapi {

// A field's number with its wire type.
[[nodiscard]] constexpr char number_field(int number) {
    return static_cast<char>(number << 3);
}

[[nodiscard]] constexpr char bytes_field(int number) {
    return static_cast<char>(number << 3 | 2);
}

// Writes fields at a place in memory, of which the caller knows that there is room. A value: kept
// in a register from field to field.
class WireCursor {
  public:
    explicit WireCursor(char* at) : at_(at) {}

    [[nodiscard]] char* at() const { return at_; }

    void byte(char value) { *at_++ = value; }

    void varint(uint64_t value) {
        while (value >= 0x80) {
            byte(static_cast<char>(value | 0x80));
            value >>= 7;
        }
        byte(static_cast<char>(value));
    }

    void bytes(std::string_view text) {
        copy(at_, text.data(), text.size());
        at_ += text.size();
    }

    void text(char field, std::string_view text) {
        byte(field);
        varint(text.size());
        bytes(text);
    }

    // Nothing for 0, as proto3 has it.
    void number(char field, uint64_t value) {
        if (value != 0) {
            byte(field);
            varint(value);
        }
    }

  private:
    // Most texts are short: without a call.
    static void copy(char* to, const char* from, size_t count) {
        if (count > 32) {
            std::memcpy(to, from, count);
        } else if (count >= 16) {
            std::memcpy(to, from, 16);
            std::memcpy(to + count - 16, from + count - 16, 16);
        } else if (count >= 8) {
            std::memcpy(to, from, 8);
            std::memcpy(to + count - 8, from + count - 8, 8);
        } else if (count >= 4) {
            std::memcpy(to, from, 4);
            std::memcpy(to + count - 4, from + count - 4, 4);
        } else {
            for (size_t i = 0; i < count; ++i) {
                to[i] = from[i];
            }
        }
    }

    char* at_;
};

// Writes behind what is in a string. Room is asked for before anything is written into it; the
// string has its final length only after finish().
class WireWriter {
  public:
    static constexpr size_t kFixedLength = 5;  // bytes of a length that is put in later: to 2^35-1

    // `out` is borrowed.
    explicit WireWriter(std::string& out) : out_(out), size_(out.size()) {}

    [[nodiscard]] size_t size() const { return size_; }

    // Room for so many bytes more.
    void need(size_t bytes) {
        if (out_.size() - size_ < bytes) [[unlikely]] {
            out_.resize(std::max(size_ + bytes, std::min(2 * size_, size_ + kStep)));
        }
    }

    // For many fields in a row: where to write them. wrote() says how far that went.
    [[nodiscard]] WireCursor cursor() { return WireCursor(out_.data() + size_); }

    void wrote(WireCursor cursor) { size_ = static_cast<size_t>(cursor.at() - out_.data()); }

    void byte(char value) { out_.data()[size_++] = value; }

    void varint(uint64_t value) {
        WireCursor at = cursor();
        at.varint(value);
        wrote(at);
    }

    void bytes(std::string_view text) {
        WireCursor at = cursor();
        at.bytes(text);
        wrote(at);
    }

    void text(char field, std::string_view text) {
        WireCursor at = cursor();
        at.text(field, text);
        wrote(at);
    }

    void number(char field, uint64_t value) {
        WireCursor at = cursor();
        at.number(field, value);
        wrote(at);
    }

    // Leaves room for a length. returns  where it is to be put
    [[nodiscard]] size_t begin_length() {
        const size_t at = size_;
        size_ += kFixedLength;
        return at;
    }

    // Of all that was written since.
    void end_length(size_t at) {
        uint64_t length = size_ - at - kFixedLength;
        char* const to = out_.data() + at;
        for (size_t i = 0; i + 1 < kFixedLength; ++i) {
            to[i] = static_cast<char>(length | 0x80);
            length >>= 7;
        }
        to[kFixedLength - 1] = static_cast<char>(length);
    }

    void finish() { out_.resize(size_); }

    [[nodiscard]] static size_t text_size(std::string_view text) {
        return 1 + base::uvarint_size(text.size()) + text.size();
    }

    [[nodiscard]] static size_t number_size(uint64_t value) {
        return value == 0 ? 0 : 1 + base::uvarint_size(value);
    }

  private:
    static constexpr size_t kStep = size_t{4} << 10;  // bytes that are cleared together, at most

    std::string& out_;
    size_t size_;
};

}  // namespace storeapi
