// Fields of protobuf messages, read by hand: what is received hundreds of thousands of times is not
// built as messages first. storeapi/wire.h writes them.
// source: https://protobuf.dev/programming-guides/encoding
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"

namespace storeapi {

// Walks the fields of one message. Those that are not known are passed over by their kind.
//   lifetime  views returned point into the bytes given
class FieldReader {
  public:
    explicit FieldReader(std::string_view message) : reader_(message) {}

    // Goes on to the next field; false: there are none left, or the bytes are no message: ok().
    [[nodiscard]] bool next() {
        if (reader_.remaining() == 0) {
            return false;
        }
        tag_ = reader_.uvarint32();
        switch (tag_ & kTypeMask) {
            case kVarint:
                number_ = reader_.uvarint();
                break;
            case kFixed64:
                if (const base::ByteView bytes = reader_.bytes(sizeof number_); !bytes.empty()) {
                    std::memcpy(&number_, bytes.data(), sizeof number_);
                }
                break;
            case kBytes:
                bytes_ = reader_.str();
                break;
            case kFixed32:
                reader_.skip(sizeof(uint32_t));
                break;
            default:
                reader_.fail();
        }
        if ((tag_ & ~kTypeMask) == 0) {
            reader_.fail();
        }
        return reader_.ok();
    }

    [[nodiscard]] bool ok() const { return reader_.ok(); }

    // Number and wire type, as number_field() and bytes_field() have them.
    [[nodiscard]] uint32_t tag() const { return tag_; }

    // Whether it is the field of that number, and a text, a message or a packed list.
    [[nodiscard]] bool is_bytes(uint32_t field) const { return tag_ == (field << 3 | kBytes); }

    [[nodiscard]] bool is_number(uint32_t field) const { return tag_ == (field << 3 | kVarint); }

    // A fixed64 or a double.
    [[nodiscard]] bool is_fixed64(uint32_t field) const { return tag_ == (field << 3 | kFixed64); }

    // Of a varint, or the bits of a fixed64.
    [[nodiscard]] uint64_t number() const { return number_; }

    // Of a text, a message or a packed list.
    [[nodiscard]] std::string_view bytes() const { return bytes_; }

  private:
    static constexpr uint32_t kTypeMask = 7;
    static constexpr uint32_t kVarint = 0;
    static constexpr uint32_t kFixed64 = 1;
    static constexpr uint32_t kBytes = 2;
    static constexpr uint32_t kFixed32 = 5;

    base::ByteReader reader_;
    uint32_t tag_ = 0;
    uint64_t number_ = 0;
    std::string_view bytes_;
};

static_assert(std::endian::native == std::endian::little, "fixed64 and double are copied as is");

// Appends the numbers of a packed list of fixed64 or double; false: its length is no multiple.
template <class Number>
[[nodiscard]] bool read_packed(std::string_view list, std::vector<Number>& numbers) {
    static_assert(sizeof(Number) == sizeof(uint64_t));
    if (list.size() % sizeof(Number) != 0) {
        return false;
    }
    if (!list.empty()) {
        const size_t before = numbers.size();
        numbers.resize(before + list.size() / sizeof(Number));
        std::memcpy(numbers.data() + before, list.data(), list.size());
    }
    return true;
}

}  // namespace storeapi
