#include "query/parse/matching_parser.h"

#include <utility>

#include "model/labels.h"
#include "query/literals.h"

namespace query {

Parsed<std::optional<Grouping>> MatchingParser::aggregate_modifier() {
    TRY(const Token token, tokens_.peek());
    if (!token.is(TokenKind::kBy) && !token.is(TokenKind::kWithout)) {
        return std::optional<Grouping>();
    }
    TRY(tokens_.take());
    TRY(Grouping grouping, grouping_labels());
    grouping.without = token.is(TokenKind::kWithout);
    return std::optional<Grouping>(std::move(grouping));
}

Parsed<BinaryModifiers> MatchingParser::binary_modifiers() {
    BinaryModifiers out;
    TRY(out.return_bool, tokens_.take_if(TokenKind::kBool));
    TRY(const Token token, tokens_.peek());
    if (token.is(TokenKind::kOn) || token.is(TokenKind::kIgnoring)) {
        TRY(tokens_.take());
        TRY(Grouping grouping, grouping_labels());
        out.matching.on = token.is(TokenKind::kOn);
        out.matching.labels = std::move(grouping.labels);
        TRY(group_modifier(out.matching));
    }
    TRY(fill_modifiers(out.matching));
    return out;
}

// group_left or group_right, with or without labels.
Parsed<void> MatchingParser::group_modifier(VectorMatching& matching) {
    TRY(const Token token, tokens_.peek());
    if (!token.is(TokenKind::kGroupLeft) && !token.is(TokenKind::kGroupRight)) {
        return base::success();
    }
    TRY(tokens_.take());
    matching.card = token.is(TokenKind::kGroupLeft) ? MatchCard::kManyToOne : MatchCard::kOneToMany;
    TRY(const Token next, tokens_.peek());
    if (next.is(TokenKind::kLeftParen) || !starts_expression(next)) {
        TRY(Grouping grouping, grouping_labels());
        matching.include = std::move(grouping.labels);
    }
    return base::success();
}

// fill(x), or fill_left(x) and fill_right(y) in any order, each at most once.
Parsed<void> MatchingParser::fill_modifiers(VectorMatching& matching) {
    TRY(const bool both, tokens_.take_if(TokenKind::kFill));
    if (both) {
        TRY(matching.fill_left, fill_value());
        matching.fill_right = matching.fill_left;
        return base::success();
    }
    while (true) {
        TRY(const Token token, tokens_.peek());
        const bool left = token.is(TokenKind::kFillLeft) && !matching.fill_left;
        const bool right = token.is(TokenKind::kFillRight) && !matching.fill_right;
        if (!left && !right) {
            return base::success();
        }
        TRY(tokens_.take());
        TRY((left ? matching.fill_left : matching.fill_right), fill_value());
    }
}

Parsed<double> MatchingParser::fill_value() {
    TRY(tokens_.expect(TokenKind::kLeftParen));
    TRY(Token token, tokens_.take());
    const bool negate = token.is(BinaryOp::kSub);
    if (negate || token.is(BinaryOp::kAdd)) {
        TRY(token, tokens_.take());
    }
    if (!token.is(TokenKind::kNumber) && !token.is(TokenKind::kDuration)) {
        return fail(tokens_.unexpected(token));
    }
    TRY(const double value, TokenStream::number_value(token));
    TRY(tokens_.expect(TokenKind::kRightParen));
    return negate ? -value : value;
}

Parsed<Grouping> MatchingParser::grouping_labels() {
    constexpr Context kOpen{"grouping opts", "\"(\""};
    constexpr Context kNext{"grouping opts", "\",\" or \")\""};
    Grouping out;
    TRY(tokens_.expect_in(TokenKind::kLeftParen, kOpen));
    TRY(bool closed, tokens_.take_if(TokenKind::kRightParen));
    while (!closed) {
        TRY(std::string label_read, grouping_label());
        out.labels.push_back(std::move(label_read));
        TRY(const bool more, tokens_.take_if(TokenKind::kComma));
        if (more) {
            TRY(closed, tokens_.take_if(TokenKind::kRightParen));
        } else {
            TRY(tokens_.expect_in(TokenKind::kRightParen, kNext));
            closed = true;
        }
    }
    out.end = tokens_.end();
    return out;
}

Parsed<std::string> MatchingParser::grouping_label() {
    TRY(const Token token, tokens_.peek());
    const bool quoted_name = token.is(TokenKind::kString);
    if (!quoted_name && !can_be_label(token)) {
        return fail(tokens_.unexpected(token, {"grouping opts", "label"}));
    }
    TRY(tokens_.take());
    std::string name = quoted_name ? unquote(token.text) : std::string(token.text);
    if (!model::is_valid_label_name(name, model::NameScheme::kUtf8)) {
        return fail(error_at(token.position, "invalid label name for grouping: " + quoted(name)));
    }
    return name;
}

}  // namespace query
