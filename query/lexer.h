// From the text of a query to tokens.
//
// What a character means depends on where it stands: in braces every word is a label name, in
// brackets `:` separates and words are step(), range(), min_of() and max_of() only, elsewhere `:`
// is part of a metric name. So the lexer counts brackets, and unbalanced ones are its errors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "query/parse_error.h"
#include "query/token.h"

namespace query {

class Lexer {
  public:
    // `query` is borrowed, at most kQueryBytesMax long.
    explicit Lexer(std::string_view query) : text_(query) {}

    // The next token; kEnd at the end, again and again. Comments are skipped.
    //   errors  what is no token, and unclosed or unexpected brackets; the lexer is done then
    [[nodiscard]] Parsed<Token> next();

    // Where the token after the last one may begin, spaces and comments not skipped.
    [[nodiscard]] int32_t offset() const { return static_cast<int32_t>(at_); }

  private:
    [[nodiscard]] char peek(size_t ahead = 0) const;
    [[nodiscard]] std::string character() const;

    [[nodiscard]] Token token(TokenKind kind) const;
    [[nodiscard]] Token token(BinaryOp op) const;
    [[nodiscard]] Token take(TokenKind kind, size_t bytes);
    [[nodiscard]] Token take(BinaryOp op, size_t bytes);
    [[nodiscard]] ParseError error(std::string reason) const;

    void skip_space();
    [[nodiscard]] bool skip_comment();

    [[nodiscard]] Parsed<Token> next_outside();
    [[nodiscard]] Parsed<Token> next_in_braces();
    [[nodiscard]] Parsed<Token> next_in_duration();
    [[nodiscard]] Parsed<Token> at_end();
    [[nodiscard]] Parsed<Token> symbol();
    [[nodiscard]] Parsed<Token> equals_or_bang();
    [[nodiscard]] Parsed<Token> angle();
    [[nodiscard]] Parsed<Token> right_paren();
    [[nodiscard]] Parsed<Token> left_bracket();
    [[nodiscard]] Parsed<Token> right_bracket();
    [[nodiscard]] Parsed<Token> word_in_brackets();

    [[nodiscard]] Parsed<Token> word();
    [[nodiscard]] bool duration_word(Token& out);
    [[nodiscard]] Parsed<Token> number_or_duration();
    [[nodiscard]] bool scan_number();
    [[nodiscard]] bool scan_duration();
    [[nodiscard]] Parsed<Token> string(char quote);
    [[nodiscard]] Parsed<Token> raw_string();
    [[nodiscard]] Parsed<void> escape(char quote);
    [[nodiscard]] bool paren_follows() const;

    std::string_view text_;
    size_t at_ = 0;     // the next byte
    size_t start_ = 0;  // the first byte of the token being read
    int32_t paren_depth_ = 0;
    bool in_braces_ = false;
    bool in_brackets_ = false;
    bool only_duration_ = false;  // in brackets, before the first number
    bool seen_colon_ = false;     // in these brackets
    bool seen_duration_ = false;  // in these brackets
};

}  // namespace query
