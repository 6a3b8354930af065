// Writing JSON, byte for byte as Go's encoding/json would: answers of the HTTP API, meta.json,
// logs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/float_format.h"

namespace base {

enum class HtmlEscape : bool { kNo, kYes };

// Appends a quoted string: control characters, quotes and backslashes escaped, U+2028 and U+2029
// too, invalid UTF-8 replaced by \ufffd, and with kYes <, > and & as \u00XX.
void append_json_string(std::string& out,
                        std::string_view text,
                        HtmlEscape html = HtmlEscape::kYes);

// Appends values to a string and puts the commas in. Nesting is CHECKed: at most kDepthMax deep, a
// key before every value of an object, every begin with its end.
class JsonWriter {
  public:
    static constexpr unsigned kDepthMax = 64;

    explicit JsonWriter(std::string& out, HtmlEscape html = HtmlEscape::kYes)
        : out_(out), html_(html) {}

    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    void begin_object() { open('{'); }

    void end_object() { close('}'); }

    void begin_array() { open('['); }

    void end_array() { close(']'); }

    // The name of the next value.
    void key(std::string_view name);

    void string(std::string_view text);
    void integer(int64_t value);
    void natural(uint64_t value);
    void boolean(bool value);
    void null();
    // A JSON number as Go's encoding/json prints a float64; NaN and infinities are CHECKed.
    void number(double value);
    // A sample value in quotes (append_sample_value).
    void sample_value(double value);
    // Seconds from milliseconds (append_timestamp_ms).
    void timestamp_ms(int64_t timestamp_ms);
    // A value that is JSON already.
    void raw(std::string_view json);

    // Short forms for members of an object.
    void member(std::string_view name, std::string_view text) {
        key(name);
        string(text);
    }

    void member(std::string_view name, const char* text) { member(name, std::string_view(text)); }

    // The string written to, for values the writer does not know: call separate() first.
    [[nodiscard]] std::string& out() { return out_; }

    // Writes the comma that the next value needs.
    void separate() {
        const uint64_t bit = uint64_t{1} << depth_;
        if (after_key_) {
            after_key_ = false;
        } else if ((filled_ & bit) != 0) {
            out_.push_back(',');
        }
        filled_ |= bit;
    }

    // True when everything begun has ended.
    [[nodiscard]] bool complete() const { return depth_ == 0; }

  private:
    void open(char bracket);
    void close(char bracket);

    std::string& out_;
    const HtmlEscape html_;
    bool after_key_ = false;
    unsigned depth_ = 0;
    uint64_t filled_ = 0;  // bit n: depth n has a value already
};

}  // namespace base
