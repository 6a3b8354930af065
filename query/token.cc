#include "query/token.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/rune.h"
#include "model/quote.h"

namespace query {
namespace {

struct Keyword {
    std::string_view word;
    TokenKind kind;
    BinaryOp binary_op = BinaryOp::kAdd;
    AggregateOp aggregate_op = AggregateOp::kSum;
};

constexpr Keyword operator_word(std::string_view word, BinaryOp op) {
    return {.word = word, .kind = TokenKind::kBinaryOp, .binary_op = op};
}

constexpr Keyword aggregate_word(std::string_view word, AggregateOp op) {
    return {.word = word, .kind = TokenKind::kAggregate, .aggregate_op = op};
}

constexpr Keyword kKeywords[] = {
    operator_word("and", BinaryOp::kAnd),
    operator_word("or", BinaryOp::kOr),
    operator_word("unless", BinaryOp::kUnless),
    operator_word("atan2", BinaryOp::kAtan2),
    aggregate_word("sum", AggregateOp::kSum),
    aggregate_word("avg", AggregateOp::kAvg),
    aggregate_word("count", AggregateOp::kCount),
    aggregate_word("min", AggregateOp::kMin),
    aggregate_word("max", AggregateOp::kMax),
    aggregate_word("group", AggregateOp::kGroup),
    aggregate_word("stddev", AggregateOp::kStddev),
    aggregate_word("stdvar", AggregateOp::kStdvar),
    aggregate_word("topk", AggregateOp::kTopk),
    aggregate_word("bottomk", AggregateOp::kBottomk),
    aggregate_word("count_values", AggregateOp::kCountValues),
    aggregate_word("quantile", AggregateOp::kQuantile),
    aggregate_word("limitk", AggregateOp::kLimitk),
    aggregate_word("limit_ratio", AggregateOp::kLimitRatio),
    {.word = "bool", .kind = TokenKind::kBool},
    {.word = "by", .kind = TokenKind::kBy},
    {.word = "group_left", .kind = TokenKind::kGroupLeft},
    {.word = "group_right", .kind = TokenKind::kGroupRight},
    {.word = "fill", .kind = TokenKind::kFill},
    {.word = "fill_left", .kind = TokenKind::kFillLeft},
    {.word = "fill_right", .kind = TokenKind::kFillRight},
    {.word = "ignoring", .kind = TokenKind::kIgnoring},
    {.word = "offset", .kind = TokenKind::kOffset},
    {.word = "smoothed", .kind = TokenKind::kSmoothed},
    {.word = "anchored", .kind = TokenKind::kAnchored},
    {.word = "on", .kind = TokenKind::kOn},
    {.word = "without", .kind = TokenKind::kWithout},
    {.word = "start", .kind = TokenKind::kStart},
    {.word = "end", .kind = TokenKind::kEndWord},
    {.word = "step", .kind = TokenKind::kStep},
    {.word = "range", .kind = TokenKind::kRange},
    {.word = "max_of", .kind = TokenKind::kMaxOf},
    {.word = "min_of", .kind = TokenKind::kMinOf},
    {.word = "inf", .kind = TokenKind::kNumber},
    {.word = "nan", .kind = TokenKind::kNumber},
};

constexpr size_t kLongestKeyword = 12;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The text in quotes, cut after ten characters.
std::string quoted_start(std::string_view text) {
    constexpr size_t kCharactersMax = 10;
    size_t bytes = 0;
    for (size_t i = 0; i < kCharactersMax && bytes < text.size(); ++i) {
        bytes += base::decode_rune(text.substr(bytes)).length;
    }
    std::string out;
    model::append_quoted(out, text.substr(0, bytes));
    if (text.size() > kCharactersMax) {
        out += "...";
    }
    return out;
}

std::string quoted(std::string_view text) {
    std::string out;
    model::append_quoted(out, text);
    return out;
}

std::string in_brackets(std::string_view prefix, std::string_view text) {
    std::string out = "<";
    out += prefix;
    out += text;
    out += '>';
    return out;
}

}  // namespace

std::optional<Token> find_keyword(std::string_view word) {
    if (word.size() > kLongestKeyword) {
        return std::nullopt;
    }
    std::array<char, kLongestKeyword> letters{};
    std::ranges::transform(word, letters.begin(), lower);
    const std::string_view lowered(letters.data(), word.size());
    const auto* found = std::ranges::find(kKeywords, lowered, &Keyword::word);
    if (found == std::end(kKeywords)) {
        return std::nullopt;
    }
    return Token{.kind = found->kind,
                 .binary_op = found->binary_op,
                 .aggregate_op = found->aggregate_op,
                 .text = word};
}

std::string describe(const Token& token) {
    switch (token.kind) {
        case TokenKind::kEnd:
            return "end of input";
        case TokenKind::kIdentifier:
            return "identifier " + quoted(token.text);
        case TokenKind::kMetricIdentifier:
            return "metric identifier " + quoted(token.text);
        case TokenKind::kString:
            return "string " + quoted_start(token.text);
        case TokenKind::kNumber:
            return "number " + quoted_start(token.text);
        case TokenKind::kDuration:
            return "duration " + quoted_start(token.text);
        case TokenKind::kRegexMatch:
        case TokenKind::kRegexReject:
        case TokenKind::kAt:
        case TokenKind::kBinaryOp:
            return in_brackets("op:", token.text);
        case TokenKind::kAggregate:
            return in_brackets("aggr:", token.text);
        default:
            break;
    }
    const bool keyword = token.kind >= TokenKind::kBool && token.kind <= TokenKind::kWithout;
    return keyword ? in_brackets("", token.text) : quoted_start(token.text);
}

bool can_be_metric(const Token& token) {
    switch (token.kind) {
        case TokenKind::kIdentifier:
        case TokenKind::kMetricIdentifier:
        case TokenKind::kAggregate:
        case TokenKind::kBy:
        case TokenKind::kFill:
        case TokenKind::kFillLeft:
        case TokenKind::kFillRight:
        case TokenKind::kOffset:
        case TokenKind::kSmoothed:
        case TokenKind::kAnchored:
        case TokenKind::kWithout:
        case TokenKind::kStart:
        case TokenKind::kEndWord:
        case TokenKind::kStep:
        case TokenKind::kRange:
        case TokenKind::kMaxOf:
        case TokenKind::kMinOf:
            return true;
        case TokenKind::kBinaryOp:
            return is_set_operator(token.binary_op);
        default:
            return false;
    }
}

bool can_be_label(const Token& token) {
    switch (token.kind) {
        case TokenKind::kBool:
        case TokenKind::kGroupLeft:
        case TokenKind::kGroupRight:
        case TokenKind::kIgnoring:
        case TokenKind::kOn:
            return true;
        case TokenKind::kWithout:
            return false;
        case TokenKind::kBinaryOp:
            return is_set_operator(token.binary_op) || token.is(BinaryOp::kAtan2);
        default:
            return can_be_metric(token);
    }
}

}  // namespace query
