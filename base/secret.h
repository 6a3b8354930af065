// A string that does not print: passwords, tokens, keys.
#pragma once

#include <string>
#include <string_view>

namespace base {

class Secret {
  public:
    static constexpr std::string_view kMask = "<secret>";

    Secret() = default;

    explicit Secret(std::string value) : value_(std::move(value)) {}

    // The only way to the text. Call it where the secret goes out on the wire, nowhere else.
    [[nodiscard]] const std::string& reveal() const { return value_; }

    [[nodiscard]] bool empty() const { return value_.empty(); }

    // Takes the same time whatever the difference is.
    friend bool operator==(const Secret& left, const Secret& right) {
        if (left.value_.size() != right.value_.size()) {
            return false;
        }
        unsigned char difference = 0;
        for (size_t i = 0; i < left.value_.size(); ++i) {
            difference |= static_cast<unsigned char>(left.value_[i] ^ right.value_[i]);
        }
        return difference == 0;
    }

  private:
    std::string value_;
};

// Printing a Secret does not compile.
template <class Stream>
Stream& operator<<(Stream&, const Secret&) = delete;

}  // namespace base
