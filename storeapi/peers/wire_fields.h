// The fields of a protobuf message, one after another, without copying what they hold.
// source: https://protobuf.dev/programming-guides/encoding
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace storeapi {

// Threads: one. Views live as long as the message.
class WireFields {
  public:
    explicit WireFields(std::string_view message) : reader_(message) {}

    // Goes on to the next field; false at the end, or where the bytes are no message: then ok() is
    // false. Groups, which nobody has sent for many years, are no message.
    [[nodiscard]] bool next() {
        if (!reader_.ok() || reader_.remaining() == 0) {
            return false;
        }
        const uint64_t key = reader_.uvarint();
        field_ = static_cast<uint32_t>(key >> 3);
        type_ = static_cast<Type>(key & 7);
        number_ = 0;
        bytes_ = {};
        switch (type_) {
            case Type::kVarint:
                number_ = reader_.uvarint();
                break;
            case Type::kBytes:
                bytes_ = reader_.str();
                break;
            case Type::kFixed64:
                reader_.skip(8);
                break;
            case Type::kFixed32:
                reader_.skip(4);
                break;
            default:
                reader_.fail();
        }
        return reader_.ok();
    }

    [[nodiscard]] bool ok() const { return reader_.ok(); }

    // Whether this is the field of that number, and a string, a message or bytes.
    [[nodiscard]] bool is_bytes(uint32_t field) const {
        return field_ == field && type_ == Type::kBytes;
    }

    [[nodiscard]] bool is_number(uint32_t field) const {
        return field_ == field && type_ == Type::kVarint;
    }

    [[nodiscard]] std::string_view bytes() const { return bytes_; }

    [[nodiscard]] uint64_t number() const { return number_; }

  private:
    enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

    base::ByteReader reader_;
    uint32_t field_ = 0;
    Type type_ = Type::kVarint;
    uint64_t number_ = 0;
    std::string_view bytes_;
};

}  // namespace storeapi
