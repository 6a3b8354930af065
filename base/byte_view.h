// A borrowed run of bytes: what every function that reads bytes takes, whatever the caller holds
// them in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace base {

// Trivially copyable; the bytes belong to someone else and outlive the view.
class ByteView {
  public:
    constexpr ByteView() = default;

    constexpr ByteView(const uint8_t* data, size_t size) : data_(data), size_(size) {}

    ByteView(const char* data, size_t size)
        : data_(reinterpret_cast<const uint8_t*>(data)), size_(size) {}

    // Implicit on purpose: text, strings, vectors and spans all are bytes.
    ByteView(std::string_view text) : ByteView(text.data(), text.size()) {}  // NOLINT

    ByteView(const std::string& text) : ByteView(text.data(), text.size()) {}  // NOLINT

    ByteView(const char* text) : ByteView(std::string_view(text)) {}  // NOLINT

    ByteView(const std::vector<uint8_t>& bytes) : ByteView(bytes.data(), bytes.size()) {}  // NOLINT

    constexpr ByteView(std::span<const uint8_t> bytes)  // NOLINT
        : data_(bytes.data()), size_(bytes.size()) {}

    [[nodiscard]] constexpr const uint8_t* data() const { return data_; }

    [[nodiscard]] constexpr size_t size() const { return size_; }

    [[nodiscard]] constexpr bool empty() const { return size_ == 0; }

    [[nodiscard]] constexpr const uint8_t* begin() const { return data_; }

    [[nodiscard]] constexpr const uint8_t* end() const { return data_ + size_; }

    [[nodiscard]] constexpr uint8_t operator[](size_t at) const { return data_[at]; }

    // The part from `from`, at most `count` bytes; clipped to what there is.
    [[nodiscard]] constexpr ByteView part(size_t from, size_t count = SIZE_MAX) const {
        const size_t start = from < size_ ? from : size_;
        const size_t left = size_ - start;
        return {data_ + start, count < left ? count : left};
    }

    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char*>(data_), size_};
    }

    [[nodiscard]] constexpr std::span<const uint8_t> span() const { return {data_, size_}; }

    friend bool operator==(ByteView left, ByteView right) { return left.text() == right.text(); }

  private:
    const uint8_t* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace base
