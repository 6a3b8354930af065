#include "base/json.h"

#include <array>
#include <cmath>

#include "base/check.h"
#include "base/utf8.h"

namespace base {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kLineSeparator = "\xe2\x80\xa8";
constexpr std::string_view kParagraphSeparator = "\xe2\x80\xa9";

constexpr uint8_t kPlain = 0;    // goes out as it is
constexpr uint8_t kEscaped = 1;  // always escaped
constexpr uint8_t kHtml = 2;     // escaped for HTML
constexpr uint8_t kWide = 3;     // start of a multi-byte character

constexpr std::array<uint8_t, 256> make_classes() {
    std::array<uint8_t, 256> classes{};
    for (size_t byte = 0; byte < 0x20; ++byte) {
        classes[byte] = kEscaped;
    }
    for (size_t byte = 0x80; byte < 0x100; ++byte) {
        classes[byte] = kWide;
    }
    classes['"'] = classes['\\'] = kEscaped;
    classes['<'] = classes['>'] = classes['&'] = kHtml;
    return classes;
}

constexpr std::array<uint8_t, 256> kClasses = make_classes();

void append_unicode_escape(std::string& out, unsigned char byte) {
    out.append("\\u00");
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
}

void append_escaped(std::string& out, char c) {
    switch (c) {
        case '"':
            out.append("\\\"");
            break;
        case '\\':
            out.append("\\\\");
            break;
        case '\b':
            out.append("\\b");
            break;
        case '\f':
            out.append("\\f");
            break;
        case '\n':
            out.append("\\n");
            break;
        case '\r':
            out.append("\\r");
            break;
        case '\t':
            out.append("\\t");
            break;
        default:
            append_unicode_escape(out, static_cast<unsigned char>(c));
    }
}

// The character at the start of `text`. returns  its length in bytes
size_t append_wide(std::string& out, std::string_view text) {
    const size_t length = utf8_length(text);
    const std::string_view character = text.substr(0, length);
    if (length == 0) {
        out.append("\\ufffd");
        return 1;
    }
    if (character == kLineSeparator) {
        out.append("\\u2028");
    } else if (character == kParagraphSeparator) {
        out.append("\\u2029");
    } else {
        out.append(character);
    }
    return length;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text, HtmlEscape html) {
    out.push_back('"');
    size_t plain_from = 0;
    size_t at = 0;
    while (at < text.size()) {
        const uint8_t kind = kClasses[static_cast<unsigned char>(text[at])];
        if (kind == kPlain || (kind == kHtml && html == HtmlEscape::kNo)) [[likely]] {
            ++at;
            continue;
        }
        out.append(text.substr(plain_from, at - plain_from));
        if (kind == kWide) {
            at += append_wide(out, text.substr(at));
        } else if (kind == kHtml) {
            append_unicode_escape(out, static_cast<unsigned char>(text[at++]));
        } else {
            append_escaped(out, text[at++]);
        }
        plain_from = at;
    }
    out.append(text.substr(plain_from));
    out.push_back('"');
}

void JsonWriter::open(char bracket) {
    separate();
    out_.push_back(bracket);
    SKEIN_CHECK(depth_ + 1 < kDepthMax, "JSON nested too deep");
    ++depth_;
    filled_ &= ~(uint64_t{1} << depth_);
}

void JsonWriter::close(char bracket) {
    SKEIN_CHECK(depth_ > 0 && !after_key_, "JSON closed out of turn");
    --depth_;
    out_.push_back(bracket);
}

void JsonWriter::key(std::string_view name) {
    SKEIN_DCHECK(depth_ > 0 && !after_key_, "JSON key out of turn", name);
    separate();
    append_json_string(out_, name, html_);
    out_.push_back(':');
    after_key_ = true;
}

void JsonWriter::string(std::string_view text) {
    separate();
    append_json_string(out_, text, html_);
}

void JsonWriter::integer(int64_t value) {
    separate();
    append_integer(out_, value);
}

void JsonWriter::natural(uint64_t value) {
    separate();
    append_natural(out_, value);
}

void JsonWriter::boolean(bool value) {
    separate();
    out_.append(value ? "true" : "false");
}

void JsonWriter::null() {
    separate();
    out_.append("null");
}

void JsonWriter::number(double value) {
    SKEIN_CHECK(std::isfinite(value), "JSON has no such number", value);
    separate();
    const double magnitude = std::fabs(value);
    if (magnitude == 0 || (magnitude >= 1e-6 && magnitude < 1e21)) {
        append_float_f(out_, value);
        return;
    }
    append_float_e(out_, value);
    const size_t end = out_.size();
    if (out_[end - 4] == 'e' && out_[end - 3] == '-' && out_[end - 2] == '0') {
        out_.erase(end - 2, 1);  // e-09 becomes e-9
    }
}

void JsonWriter::sample_value(double value) {
    separate();
    out_.push_back('"');
    append_sample_value(out_, value);
    out_.push_back('"');
}

void JsonWriter::timestamp_ms(int64_t timestamp_ms) {
    separate();
    append_timestamp_ms(out_, timestamp_ms);
}

void JsonWriter::raw(std::string_view json) {
    separate();
    out_.append(json);
}

}  // namespace base
