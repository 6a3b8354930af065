#include "model/quote.h"

#include <cstdint>

#include "base/rune.h"
#include "model/labels.h"

namespace model {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// Go prints a rune as it is when unicode.IsPrint says so. Beyond ASCII we keep every valid rune but
// the control, separator, surrogate and non-character ranges, which is where the difference shows
// in practice.
bool is_printable(uint32_t rune) {
    if (rune < 0x20 || rune == 0x7f) {
        return false;
    }
    if (rune < 0x7f) {
        return true;
    }
    const bool control = rune < 0xa1 || rune == 0xad;
    const bool space = (rune >= 0x2000 && rune <= 0x200f) || (rune >= 0x2028 && rune <= 0x202f) ||
                       (rune >= 0x205f && rune <= 0x206f) || rune == 0x3000 || rune == 0xfeff ||
                       rune == 0x1680;
    const bool private_use = (rune >= 0xe000 && rune <= 0xf8ff) || rune >= 0xe0000;
    const bool special = (rune >= 0xfff0 && rune <= 0xfffb) || (rune & 0xfffe) == 0xfffe;
    return !control && !space && !private_use && !special;
}

void append_hex(std::string& out, char kind, uint32_t number, int digits) {
    out += '\\';
    out += kind;
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) {
        out += kHexDigits[(number >> shift) & 0xf];
    }
}

void append_escape(std::string& out, uint32_t rune) {
    switch (rune) {
        case '\a':
            out += "\\a";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        case '\v':
            out += "\\v";
            return;
        default:
            break;
    }
    if (rune < 0x20 || rune == 0x7f) {
        append_hex(out, 'x', rune, 2);
    } else if (rune < 0x10000) {
        append_hex(out, 'u', rune, 4);
    } else {
        append_hex(out, 'U', rune, 8);
    }
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (size_t at = 0; at < text.size();) {
        const base::Rune rune = base::decode_rune(text.substr(at));
        if (!rune.valid) {
            append_hex(out, 'x', static_cast<unsigned char>(text[at]), 2);
        } else if (rune.value == '"' || rune.value == '\\') {
            out += '\\';
            out += static_cast<char>(rune.value);
        } else if (is_printable(rune.value)) {
            out.append(text.substr(at, rune.length));
        } else {
            append_escape(out, rune.value);
        }
        at += rune.length;
    }
    out += '"';
}

void append_label_name(std::string& out, std::string_view name) {
    if (is_valid_label_name(name, NameScheme::kLegacy)) {
        out.append(name);
    } else {
        append_quoted(out, name);
    }
}

}  // namespace model
