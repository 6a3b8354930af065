#include "query/lexer.h"

#include <cstdio>
#include <utility>

#include "base/rune.h"
#include "model/quote.h"

namespace query {
namespace {

constexpr char kNoCharacter =
    '\0';  // also what a NUL in the text looks like: never part of a token

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex_digit(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_letter(char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word(char c) {
    return is_letter(c) || is_digit(c);
}

bool is_one_of(char c, std::string_view set) {
    return c != kNoCharacter && set.find(c) != std::string_view::npos;
}

// A character between single quotes, escaped as in Go.
std::string quoted_character(std::string_view text) {
    if (text.starts_with('"')) {
        return "'\"'";
    }
    if (text.starts_with('\'')) {
        return "'\\''";
    }
    std::string quoted;
    model::append_quoted(quoted, text);
    quoted.front() = '\'';
    quoted.back() = '\'';
    return quoted;
}

// "U+0063 'c'".
std::string code_point(std::string_view text) {
    const base::Rune rune = base::decode_rune(text);
    char number[16];
    std::snprintf(number, sizeof number, "U+%04X", rune.value);
    std::string out = number;
    std::string quoted;
    model::append_quoted(quoted, text.substr(0, rune.length));
    const bool printable =
        !quoted.starts_with("\"\\") || text.front() == '"' || text.front() == '\\';
    if (rune.valid && printable) {
        out += " '";
        out += text.substr(0, rune.length);
        out += '\'';
    }
    return out;
}

}  // namespace

char Lexer::peek(size_t ahead) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : kNoCharacter;
}

// The character at the current place, quoted for a message.
std::string Lexer::character() const {
    if (at_ >= text_.size()) {
        return "'\uFFFD'";
    }
    const base::Rune rune = base::decode_rune(text_.substr(at_));
    return rune.valid ? quoted_character(text_.substr(at_, rune.length)) : "'\uFFFD'";
}

Token Lexer::token(TokenKind kind) const {
    return {.kind = kind,
            .position = {static_cast<int32_t>(start_), static_cast<int32_t>(at_)},
            .text = text_.substr(start_, at_ - start_)};
}

Token Lexer::token(BinaryOp op) const {
    Token out = token(TokenKind::kBinaryOp);
    out.binary_op = op;
    return out;
}

Token Lexer::take(TokenKind kind, size_t bytes) {
    at_ += bytes;
    return token(kind);
}

Token Lexer::take(BinaryOp op, size_t bytes) {
    at_ += bytes;
    return token(op);
}

ParseError Lexer::error(std::string reason) const {
    return {.position = {static_cast<int32_t>(start_), static_cast<int32_t>(text_.size())},
            .reason = std::move(reason)};
}

void Lexer::skip_space() {
    while (is_space(peek())) {
        ++at_;
    }
}

bool Lexer::skip_comment() {
    if (peek() != '#') {
        return false;
    }
    while (at_ < text_.size() && peek() != '\n' && peek() != '\r') {
        ++at_;
    }
    return true;
}

Parsed<Token> Lexer::next() {
    skip_space();
    while (!only_duration_ && skip_comment()) {
        skip_space();
    }
    start_ = at_;
    if (in_braces_) {
        return next_in_braces();
    }
    return only_duration_ ? next_in_duration() : next_outside();
}

Parsed<Token> Lexer::at_end() {
    if (paren_depth_ != 0) {
        return fail(error("unclosed left parenthesis"));
    }
    if (in_brackets_) {
        return fail(error("unclosed left bracket"));
    }
    return token(TokenKind::kEnd);
}

Parsed<Token> Lexer::next_outside() {
    if (at_ >= text_.size()) {
        return at_end();
    }
    const char c = peek();
    if (is_letter(c) || c == ':') {
        return in_brackets_ ? word_in_brackets() : word();
    }
    switch (c) {
        case '{':
            in_braces_ = true;
            return take(TokenKind::kLeftBrace, 1);
        case '[':
            return left_bracket();
        case ']':
            return right_bracket();
        case '=':
        case '!':
            return equals_or_bang();
        case '<':
        case '>':
            return angle();
        case '@':
            return take(TokenKind::kAt, 1);
        case '"':
        case '\'':
            return string(c);
        case '`':
            return raw_string();
        default:
            return symbol();
    }
}

// What may stand outside of braces and brackets and in brackets alike.
Parsed<Token> Lexer::symbol() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
        return number_or_duration();
    }
    switch (c) {
        case ',':
            return take(TokenKind::kComma, 1);
        case '*':
            return take(BinaryOp::kMul, 1);
        case '/':
            return take(BinaryOp::kDiv, 1);
        case '%':
            return take(BinaryOp::kMod, 1);
        case '+':
            return take(BinaryOp::kAdd, 1);
        case '-':
            return take(BinaryOp::kSub, 1);
        case '^':
            return take(BinaryOp::kPow, 1);
        case '(':
            ++paren_depth_;
            return take(TokenKind::kLeftParen, 1);
        case ')':
            return right_paren();
        default:
            break;
    }
    const std::string_view where =
        only_duration_ ? "unexpected character in duration expression: " : "unexpected character: ";
    return fail(error(std::string(where) + character()));
}

Parsed<Token> Lexer::right_paren() {
    ++at_;
    if (--paren_depth_ < 0) {
        start_ = at_;
        return fail(error("unexpected right parenthesis ')'"));
    }
    return token(TokenKind::kRightParen);
}

Parsed<Token> Lexer::equals_or_bang() {
    const char first = peek();
    if (peek(1) == '=') {
        return take(first == '=' ? BinaryOp::kEqual : BinaryOp::kNotEqual, 2);
    }
    if (first == '!' || peek(1) == '~') {
        ++at_;
        return fail(
            error(std::string("unexpected character after '") + first + "': " + character()));
    }
    return take(TokenKind::kAssign, 1);
}

Parsed<Token> Lexer::angle() {
    const bool less = peek() == '<';
    switch (peek(1)) {
        case '=':
            return take(less ? BinaryOp::kLessEqual : BinaryOp::kGreaterEqual, 2);
        case '/':
            return take(less ? BinaryOp::kTrimUpper : BinaryOp::kTrimLower, 2);
        default:
            return take(less ? BinaryOp::kLess : BinaryOp::kGreater, 1);
    }
}

Parsed<Token> Lexer::left_bracket() {
    if (in_brackets_) {
        return fail(error("unexpected left bracket '['"));
    }
    in_brackets_ = true;
    only_duration_ = true;
    seen_colon_ = false;
    seen_duration_ = false;
    return take(TokenKind::kLeftBracket, 1);
}

Parsed<Token> Lexer::right_bracket() {
    if (!in_brackets_) {
        return fail(error("unexpected right bracket ']'"));
    }
    in_brackets_ = false;
    only_duration_ = false;
    return take(TokenKind::kRightBracket, 1);
}

// Behind `[`, until the first number.
Parsed<Token> Lexer::next_in_duration() {
    if (at_ >= text_.size()) {
        return fail(error("unexpected end of input in duration expression"));
    }
    const char c = peek();
    if (c == ']') {
        return right_bracket();
    }
    if (!is_letter(c) && c != ':') {
        return symbol();
    }
    if (c == ':' && !seen_duration_) {
        start_ = ++at_;
        return fail(error("unexpected colon before duration in duration expression"));
    }
    return word_in_brackets();
}

// A colon or one of the few words.
Parsed<Token> Lexer::word_in_brackets() {
    if (peek() == ':') {
        if (seen_colon_) {
            return fail(error("unexpected colon ':'"));
        }
        seen_colon_ = true;
        return take(TokenKind::kColon, 1);
    }
    const std::string first = character();
    if (Token out; duration_word(out)) {
        return out;
    }
    if (only_duration_) {
        return fail(error("unexpected character in duration expression: " + first));
    }
    return fail(error("unexpected character: " + first + ", expected ':'"));
}

// step, range, min_of or max_of, the only words in brackets.
bool Lexer::duration_word(Token& out) {
    while (is_letter(peek())) {
        ++at_;
    }
    const auto keyword = find_keyword(text_.substr(start_, at_ - start_));
    if (!keyword || keyword->kind < TokenKind::kStep || keyword->kind > TokenKind::kMinOf) {
        return false;
    }
    seen_duration_ = true;
    out = token(keyword->kind);
    return true;
}

Parsed<Token> Lexer::next_in_braces() {
    if (at_ >= text_.size()) {
        return fail(error("unexpected end of input inside braces"));
    }
    const char c = peek();
    if (is_letter(c)) {
        while (is_word(peek())) {
            ++at_;
        }
        return token(TokenKind::kIdentifier);
    }
    switch (c) {
        case ',':
            return take(TokenKind::kComma, 1);
        case '"':
        case '\'':
            return string(c);
        case '`':
            return raw_string();
        case '=':
            return peek(1) == '~' ? take(TokenKind::kRegexMatch, 2) : take(TokenKind::kAssign, 1);
        case '!':
            if (peek(1) == '~') {
                return take(TokenKind::kRegexReject, 2);
            }
            if (peek(1) == '=') {
                return take(BinaryOp::kNotEqual, 2);
            }
            ++at_;
            return fail(error("unexpected character after '!' inside braces: " + character()));
        case '{':
            return fail(error("unexpected left brace '{'"));
        case '}':
            in_braces_ = false;
            return take(TokenKind::kRightBrace, 1);
        default:
            return fail(error("unexpected character inside braces: " + character()));
    }
}

Parsed<Token> Lexer::word() {
    while (is_word(peek()) || peek() == ':') {
        ++at_;
    }
    Token plain = token(TokenKind::kIdentifier);
    if (plain.text.find(':') != std::string_view::npos) {
        plain.kind = TokenKind::kMetricIdentifier;
        return plain;
    }
    auto keyword = find_keyword(plain.text);
    if (!keyword) {
        return plain;
    }
    // `fill` came late to the language: it is a metric name unless it looks like a modifier.
    const bool fill = keyword->kind >= TokenKind::kFill && keyword->kind <= TokenKind::kFillRight;
    if (fill && !paren_follows()) {
        return plain;
    }
    keyword->position = plain.position;
    return *keyword;
}

bool Lexer::paren_follows() const {
    size_t ahead = 0;
    while (is_space(peek(ahead))) {
        ++ahead;
    }
    return peek(ahead) == '(';
}

Parsed<Token> Lexer::number_or_duration() {
    seen_duration_ = true;
    only_duration_ = false;
    if (scan_number()) {
        return token(TokenKind::kNumber);
    }
    if (scan_duration()) {
        return token(TokenKind::kDuration);
    }
    std::string quoted;
    model::append_quoted(quoted, text_.substr(start_, at_ - start_));
    return fail(error("bad number or duration syntax: " + quoted));
}

// Digits, `_` between digits, one point, one exponent; or 0x and digits. What remains wrong (an
// exponent without digits) shows when the value is read.
bool Lexer::scan_number() {
    const bool hex = peek() == '0' && is_one_of(peek(1), "xX");
    at_ += hex ? 2 : 0;
    if (hex && peek() == '_') {
        ++at_;
    }
    bool seen_point = false;
    bool seen_exponent = false;
    const size_t first = at_;
    while (true) {
        const char c = peek();
        if (hex ? is_hex_digit(c) : is_digit(c)) {
            ++at_;
            continue;
        }
        const bool point = c == '.';
        const bool exponent = !hex && is_one_of(c, "eE");
        if (!point && !exponent && c != '_') {
            break;
        }
        ++at_;
        if ((point && (seen_point || hex)) || (exponent && seen_exponent)) {
            return false;
        }
        seen_point |= point;
        seen_exponent |= exponent;
        if (exponent && is_one_of(peek(), "+-")) {
            ++at_;
        }
        const std::string_view forbidden = point ? "_." : hex ? "._" : "._eE";
        if (is_one_of(peek(), forbidden)) {
            ++at_;
            return false;
        }
        if (!point && at_ >= text_.size()) {
            return false;
        }
    }
    return at_ > first && !is_word(peek());
}

// The rest of a duration, from its first unit on. Wrong units and order show when it is read.
bool Lexer::scan_duration() {
    if (!is_one_of(peek(), "smhdwy")) {
        return false;
    }
    ++at_;
    at_ += peek() == 's' ? 1 : 0;
    while (is_digit(peek())) {
        while (is_digit(peek())) {
            ++at_;
        }
        if (!is_one_of(peek(), "smhdw")) {
            return false;
        }
        ++at_;
        at_ += peek() == 's' ? 1 : 0;
    }
    if (is_word(peek())) {
        ++at_;
        return false;
    }
    return true;
}

Parsed<Token> Lexer::string(char quote) {
    ++at_;
    while (true) {
        if (at_ >= text_.size() || peek() == '\n') {
            return fail(error("unterminated quoted string"));
        }
        const char c = peek();
        if (c == quote) {
            ++at_;
            return token(TokenKind::kString);
        }
        if (c == '\\') {
            ++at_;
            TRY(escape(quote));
            continue;
        }
        const base::Rune rune = base::decode_rune(text_.substr(at_));
        if (!rune.valid) {
            return fail(error("invalid UTF-8 rune"));
        }
        at_ += rune.length;
    }
}

Parsed<Token> Lexer::raw_string() {
    ++at_;
    while (peek() != '`') {
        if (at_ >= text_.size()) {
            return fail(error("unterminated raw string"));
        }
        const base::Rune rune = base::decode_rune(text_.substr(at_));
        if (!rune.valid) {
            return fail(error("invalid UTF-8 rune"));
        }
        at_ += rune.length;
    }
    ++at_;
    return token(TokenKind::kString);
}

// One escape sequence, after its backslash.
Parsed<void> Lexer::escape(char quote) {
    if (at_ >= text_.size()) {
        return fail(error("escape sequence not terminated"));
    }
    const char kind = peek();
    if (is_one_of(kind, "abfnrtv\\") || kind == quote) {
        ++at_;
        return base::success();
    }
    const bool octal = kind >= '0' && kind <= '7';
    const size_t digits = octal ? 3 : kind == 'x' ? 2 : kind == 'u' ? 4 : kind == 'U' ? 8 : 0;
    if (digits == 0) {
        return fail(error("unknown escape sequence " + code_point(text_.substr(at_))));
    }
    at_ += octal ? 0 : 1;
    uint64_t value = 0;
    for (size_t i = 0; i < digits; ++i, ++at_) {
        if (at_ >= text_.size()) {
            return fail(error("escape sequence not terminated"));
        }
        const char c = peek();
        if (octal ? c < '0' || c > '7' : !is_hex_digit(c)) {
            return fail(error("illegal character " + code_point(text_.substr(at_)) +
                              " in escape sequence"));
        }
        const auto digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
        value = value * (octal ? 8 : 16) + static_cast<uint64_t>(digit);
    }
    const bool byte = octal || kind == 'x';
    const bool surrogate = value >= 0xd800 && value < 0xe000;
    if (value > (byte ? 255U : 0x10ffffU) || surrogate) {
        return fail(error("escape sequence is an invalid Unicode code point"));
    }
    return base::success();
}

}  // namespace query
