// Reading small JSON documents from outside (service discovery, meta.json, peers) into a tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace base {

// A JSON value. Members of an object keep their order; of two with one name the later counts.
class JsonValue {
  public:
    using Array = std::vector<JsonValue>;
    using Member = std::pair<std::string, JsonValue>;
    using Object = std::vector<Member>;

    JsonValue() = default;

    template <class T>
    explicit JsonValue(T value) : value_(std::move(value)) {}

    [[nodiscard]] bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

    // Each returns nullptr when the value is of another kind.
    [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&value_); }

    [[nodiscard]] const std::string* string() const { return std::get_if<std::string>(&value_); }

    [[nodiscard]] const Array* array() const { return std::get_if<Array>(&value_); }

    [[nodiscard]] const Object* object() const { return std::get_if<Object>(&value_); }

    // A whole number written without fraction or exponent that fits.
    [[nodiscard]] const int64_t* integer() const { return std::get_if<int64_t>(&value_); }

    // Any number. returns  false when it is none
    [[nodiscard]] bool number(double& out) const;

    // The member of an object; nullptr when there is none or this is no object.
    [[nodiscard]] const JsonValue* find(std::string_view name) const;

    // "null", "boolean", "number", "string", "array", "object": for messages.
    [[nodiscard]] std::string_view kind_name() const;

  private:
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Array, Object>
        value_;
};

struct JsonLimits {
    size_t bytes = size_t{16} << 20;
    size_t depth = 32;
};

// errors  kInvalid with the offset of the first byte that is wrong; kLimit when the text is longer
//         or deeper than allowed
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace base
