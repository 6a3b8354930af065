#include "query/parse/selector_parser.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "model/matcher.h"
#include "query/literals.h"

namespace query {
namespace {

std::optional<MatchType> match_type(const Token& token) {
    switch (token.kind) {
        case TokenKind::kAssign:
            return MatchType::kEqual;
        case TokenKind::kRegexMatch:
            return MatchType::kRegex;
        case TokenKind::kRegexReject:
            return MatchType::kNotRegex;
        default:
            return token.is(BinaryOp::kNotEqual) ? std::optional(MatchType::kNotEqual)
                                                 : std::nullopt;
    }
}

}  // namespace

Parsed<ExprPtr> SelectorParser::selector(const Token* name) {
    auto node = std::make_unique<VectorSelector>();
    if (name != nullptr) {
        node->name = name->text;
        node->position = name->position;
    }
    TRY(const Token next, tokens_.peek());
    if (next.is(TokenKind::kLeftBrace)) {
        node->position.start = name != nullptr ? name->position.start : next.position.start;
        TRY(node->position.end, matchers(node->matchers));
    }
    if (name != nullptr) {
        node->matchers.push_back({.type = MatchType::kEqual,
                                  .name = std::string(model::kMetricName),
                                  .value = node->name});
    }
    return ExprPtr(std::move(node));
}

// `{…}`; returns where it ends.
Parsed<int32_t> SelectorParser::matchers(std::vector<MatcherSpec>& out) {
    constexpr Context kNext{"label matching", "\",\" or \"}\""};
    TRY(tokens_.expect(TokenKind::kLeftBrace));
    TRY(bool closed, tokens_.take_if(TokenKind::kRightBrace));
    while (!closed) {
        TRY(MatcherSpec spec, matcher());
        out.push_back(std::move(spec));
        TRY(const bool more, tokens_.take_if(TokenKind::kComma));
        if (more) {
            TRY(closed, tokens_.take_if(TokenKind::kRightBrace));
        } else {
            TRY(tokens_.expect_in(TokenKind::kRightBrace, kNext));
            closed = true;
        }
    }
    return tokens_.end();
}

Parsed<MatcherSpec> SelectorParser::matcher() {
    TRY(const Token name, tokens_.peek());
    const bool quoted_name = name.is(TokenKind::kString);
    if (!quoted_name && !name.is(TokenKind::kIdentifier)) {
        return fail(tokens_.unexpected(name, {"label matching", "identifier or \"}\""}));
    }
    TRY(tokens_.take());
    std::string text = quoted_name ? unquote(name.text) : std::string(name.text);
    TRY(const Token op, tokens_.peek());
    const auto type = match_type(op);
    if (!type && quoted_name) {
        return MatcherSpec{MatchType::kEqual, std::string(model::kMetricName), std::move(text)};
    }
    if (!type) {
        return fail(tokens_.unexpected(op, {"label matching", "label matching operator"}));
    }
    TRY(tokens_.take());
    TRY(const Token value, tokens_.expect_in(TokenKind::kString, {"label matching", "string"}));
    MatcherSpec spec{*type, std::move(text), unquote(value.text)};
    if (*type == MatchType::kRegex || *type == MatchType::kNotRegex) {
        if (auto compiled = model::Regex::compile(spec.value); compiled.has_error()) {
            return fail(ParseError{.position = {name.position.start, value.position.end},
                                   .reason = compiled.error().message(),
                                   .code = compiled.error().code()});
        }
    }
    return spec;
}

Parsed<std::vector<MatcherSpec>> SelectorParser::whole() {
    TRY(const Token first, tokens_.peek());
    ExprPtr expr;
    if (first.is(TokenKind::kLeftBrace)) {
        TRY(expr, selector(nullptr));
    } else if (can_be_metric(first)) {
        TRY(tokens_.take());
        TRY(expr, selector(&first));
    } else {
        return fail(tokens_.unexpected(first));
    }
    TRY(tokens_.expect(TokenKind::kEnd));
    return std::move(as<VectorSelector>(*expr).matchers);
}

Parsed<model::Labels> SelectorParser::metric(std::string_view* rest) {
    model::LabelsBuilder labels;
    TRY(const Token first, tokens_.peek());
    const bool named_metric = can_be_metric(first);
    if (named_metric) {
        TRY(tokens_.take());
    } else if (!first.is(TokenKind::kLeftBrace)) {
        return fail(tokens_.unexpected(first));
    }
    // In a series description the braces follow at once or not at all: `up{} 1` and `up {{…}}`.
    const auto after = tokens_.query().substr(static_cast<size_t>(tokens_.end()));
    if (!named_metric || rest == nullptr || after.starts_with('{')) {
        TRY(label_set(labels));
    }
    if (named_metric) {
        labels.set(model::kMetricName, first.text);
    }
    if (rest != nullptr) {
        *rest = tokens_.query().substr(static_cast<size_t>(tokens_.end()));
    } else {
        TRY(tokens_.expect(TokenKind::kEnd));
    }
    return labels.labels();
}

// `{a="b"}`, or nothing.
Parsed<void> SelectorParser::label_set(model::LabelsBuilder& labels) {
    constexpr Context kNext{"label set", "\",\" or \"}\""};
    TRY(const bool open, tokens_.take_if(TokenKind::kLeftBrace));
    if (!open) {
        return base::success();
    }
    TRY(bool closed, tokens_.take_if(TokenKind::kRightBrace));
    while (!closed) {
        TRY(label(labels));
        TRY(const bool more, tokens_.take_if(TokenKind::kComma));
        if (more) {
            TRY(closed, tokens_.take_if(TokenKind::kRightBrace));
        } else {
            TRY(tokens_.expect_in(TokenKind::kRightBrace, kNext));
            closed = true;
        }
    }
    return base::success();
}

Parsed<void> SelectorParser::label(model::LabelsBuilder& labels) {
    TRY(const Token name, tokens_.peek());
    const bool quoted_name = name.is(TokenKind::kString);
    if (!quoted_name && !name.is(TokenKind::kIdentifier)) {
        return fail(tokens_.unexpected(name, {"label set", "identifier or \"}\""}));
    }
    TRY(tokens_.take());
    const std::string text = quoted_name ? unquote(name.text) : std::string(name.text);
    TRY(const Token assign, tokens_.peek());
    if (quoted_name && !assign.is(TokenKind::kAssign)) {
        labels.set(model::kMetricName, text);
        return base::success();
    }
    TRY(tokens_.expect_in(TokenKind::kAssign, {"label set", "\"=\""}));
    TRY(const Token value, tokens_.expect_in(TokenKind::kString, {"label set", "string"}));
    labels.set(text, unquote(value.text));
    return base::success();
}

}  // namespace query
