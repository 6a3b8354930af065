#include "query/printer.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "base/duration.h"
#include "base/float_format.h"
#include "model/labels.h"
#include "model/quote.h"

namespace query {
namespace {

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

// An offset that is not in parentheses ends early when it is read, so it may need some.
bool needs_parens_as_offset(const DurationExpr& offset) {
    if (offset.parenthesized) {
        return false;
    }
    const DurationExpr* inner = &offset;
    if (offset.kind == DurationKind::kUnary) {
        inner = offset.lhs.get();
        return inner->kind == DurationKind::kBinary && !inner->parenthesized;
    }
    while (inner->kind == DurationKind::kBinary) {
        inner = inner->lhs.get();
        if (inner->parenthesized) {
            return false;
        }
    }
    return offset.kind == DurationKind::kBinary;
}

// `Inf ^ x`: with its usual sign, infinity would be read as +(Inf ^ x).
constexpr std::string_view kUnsignedInfinity = "Inf";

bool is_power_of_infinity(const BinaryExpr& expr) {
    const auto* number = try_as<NumberLiteral>(*expr.lhs);
    return expr.op == BinaryOp::kPow && number != nullptr && std::isinf(number->value);
}

// Writes nodes one after the other. With a limit it stops soon after the text is longer: enough to
// know that it is.
class Printer {
  public:
    explicit Printer(size_t limit = kNoLimit) : limit_(limit) {}

    [[nodiscard]] std::string take() { return std::move(out_); }

    [[nodiscard]] bool full() const { return out_.size() > limit_; }

    void print(const Expr& expr) {
        if (full()) {
            return;
        }
        switch (expr.kind) {
            case ExprKind::kNumber:
                return number(as<NumberLiteral>(expr));
            case ExprKind::kString:
                return model::append_quoted(out_, as<StringLiteral>(expr).value);
            case ExprKind::kVectorSelector:
                return vector_selector(as<VectorSelector>(expr));
            case ExprKind::kMatrixSelector:
                return matrix_selector(as<MatrixSelector>(expr));
            case ExprKind::kSubquery:
                print(*as<Subquery>(expr).expr);
                return subquery_suffix(as<Subquery>(expr));
            case ExprKind::kUnary:
                out_ += as<UnaryExpr>(expr).negate ? '-' : '+';
                return print(*as<UnaryExpr>(expr).expr);
            case ExprKind::kBinary:
                return binary(as<BinaryExpr>(expr));
            case ExprKind::kAggregate:
                return aggregate(as<AggregateExpr>(expr));
            case ExprKind::kCall:
                return call(as<Call>(expr));
            case ExprKind::kParen:
                out_ += '(';
                print(*as<ParenExpr>(expr).expr);
                out_ += ')';
                return;
        }
    }

    void print(const DurationExpr& duration) {
        if (duration.parenthesized) {
            out_ += '(';
        }
        duration_inside(duration);
        if (duration.parenthesized) {
            out_ += ')';
        }
    }

    void matcher(const MatcherSpec& spec) {
        model::append_label_name(out_, spec.name);
        out_ += model::match_operator(spec.type);
        model::append_quoted(out_, spec.value);
    }

    // `op bool on (…) group_left (…) fill (…)`
    void operator_with_modifiers(const BinaryExpr& binary) {
        out_ += symbol(binary.op);
        if (binary.return_bool) {
            out_ += " bool";
        }
        if (binary.matching) {
            matching(*binary.matching);
        }
    }

    // `sum by (a) `
    void aggregate_head(const AggregateExpr& aggregate) {
        out_ += name_of(aggregate.op);
        if (aggregate.without || !aggregate.grouping.empty()) {
            out_ += aggregate.without ? " without (" : " by (";
            labels(aggregate.grouping);
            out_ += ") ";
        }
    }

    // `[5m:1m] @ end() offset 1h`
    void subquery_suffix(const Subquery& subquery) {
        out_ += '[';
        duration(subquery.range);
        out_ += ':';
        if (subquery.has_step) {
            duration(subquery.step);
        }
        out_ += ']';
        at(subquery.at);
        offset(subquery.offset);
    }

  private:
    // A number that was written as a duration.
    void seconds(double value) {
        constexpr double kNanosPerSecond = 1e9;
        constexpr int64_t kNanosPerMilli = 1'000'000;
        constexpr double kNanosMax = 9.2e18;
        if (value < 0) {
            out_ += '-';
        }
        const double nanos =
            std::min(value < 0 ? -value * kNanosPerSecond : value * kNanosPerSecond, kNanosMax);
        out_ += base::format_duration_ms(static_cast<int64_t>(nanos) / kNanosPerMilli);
    }

    void number(const NumberLiteral& literal) {
        if (literal.is_duration) {
            seconds(literal.value);
        } else {
            base::append_float_f(out_, literal.value);
        }
    }

    void duration_inside(const DurationExpr& duration) {
        switch (duration.kind) {
            case DurationKind::kNumber:
                if (duration.is_duration) {
                    return seconds(duration.seconds);
                }
                return base::append_float_f(out_, duration.seconds);
            case DurationKind::kStep:
                out_ += "step()";
                return;
            case DurationKind::kRange:
                out_ += "range()";
                return;
            case DurationKind::kUnary:
                out_ += symbol(duration.op);
                return print(*duration.lhs);
            case DurationKind::kBinary:
                print(*duration.lhs);
                out_ += ' ';
                out_ += symbol(duration.op);
                out_ += ' ';
                return print(*duration.rhs);
            case DurationKind::kMinOf:
            case DurationKind::kMaxOf:
                out_ += duration.kind == DurationKind::kMinOf ? "min_of(" : "max_of(";
                print(*duration.lhs);
                out_ += ", ";
                print(*duration.rhs);
                out_ += ')';
                return;
        }
    }

    void duration(const DurationSpec& spec) {
        if (spec.expr) {
            print(*spec.expr);
        } else {
            out_ += base::format_duration_ms(spec.millis);
        }
    }

    void offset(const DurationSpec& spec) {
        if (!spec.expr && spec.millis == 0) {
            return;
        }
        out_ += " offset ";
        const bool parens = spec.expr && needs_parens_as_offset(*spec.expr);
        if (parens) {
            out_ += '(';
        }
        duration(spec);
        if (parens) {
            out_ += ')';
        }
    }

    void at(const AtModifier& modifier) {
        constexpr double kMillisPerSecond = 1000;
        switch (modifier.kind) {
            case AtKind::kNone:
                return;
            case AtKind::kStart:
                out_ += " @ start()";
                return;
            case AtKind::kEnd:
                out_ += " @ end()";
                return;
            case AtKind::kTimestamp:
                break;
        }
        char text[64];
        const double at_seconds = static_cast<double>(modifier.timestamp_ms) / kMillisPerSecond;
        std::snprintf(text, sizeof text, " @ %.3f", at_seconds);
        out_ += text;
    }

    void extension(RangeExtension what) {
        switch (what) {
            case RangeExtension::kNone:
                return;
            case RangeExtension::kAnchored:
                out_ += " anchored";
                return;
            case RangeExtension::kSmoothed:
                out_ += " smoothed";
                return;
        }
    }

    // Name and matchers, without modifiers.
    void selection(const VectorSelector& selector) {
        std::vector<std::string> texts;
        for (const MatcherSpec& spec : selector.matchers) {
            const bool is_name = spec.name == model::kMetricName &&
                                 spec.type == MatchType::kEqual && spec.value == selector.name;
            if (!is_name || spec.value.empty()) {
                texts.push_back(to_string(spec));
            }
        }
        std::ranges::sort(texts);
        out_ += selector.name;
        if (texts.empty() && !selector.name.empty()) {
            return;
        }
        char separator = '{';
        for (const std::string& text : texts) {
            out_ += separator;
            out_ += text;
            separator = ',';
        }
        out_ += texts.empty() ? "{}" : "}";
    }

    void vector_selector(const VectorSelector& selector) {
        selection(selector);
        at(selector.at);
        extension(selector.extension);
        offset(selector.offset);
    }

    void matrix_selector(const MatrixSelector& matrix) {
        selection(*matrix.selector);
        out_ += '[';
        duration(matrix.range);
        out_ += ']';
        extension(matrix.selector->extension);
        at(matrix.selector->at);
        offset(matrix.selector->offset);
    }

    void labels(const std::vector<std::string>& names) {
        std::string_view separator;
        for (const std::string& name : names) {
            out_ += separator;
            model::append_label_name(out_, name);
            separator = ", ";
        }
    }

    void binary(const BinaryExpr& node) {
        if (is_power_of_infinity(node)) {
            out_ += kUnsignedInfinity;
        } else {
            print(*node.lhs);
        }
        out_ += ' ';
        operator_with_modifiers(node);
        out_ += ' ';
        print(*node.rhs);
    }

    void matching(const VectorMatching& how) {
        const bool group = how.card == MatchCard::kManyToOne || how.card == MatchCard::kOneToMany;
        if (!how.labels.empty() || how.on || group) {
            out_ += how.on ? " on (" : " ignoring (";
            labels(how.labels);
            out_ += ')';
        }
        if (group) {
            out_ += how.card == MatchCard::kManyToOne ? " group_left (" : " group_right (";
            labels(how.include);
            out_ += ')';
        }
        if (how.fill_left && how.fill_right && *how.fill_left == *how.fill_right) {
            return fill(" fill (", *how.fill_left);
        }
        if (how.fill_left) {
            fill(" fill_left (", *how.fill_left);
        }
        if (how.fill_right) {
            fill(" fill_right (", *how.fill_right);
        }
    }

    void fill(std::string_view head, double value) {
        out_ += head;
        base::append_float_g(out_, value);
        out_ += ')';
    }

    void aggregate(const AggregateExpr& node) {
        aggregate_head(node);
        out_ += '(';
        if (node.param) {
            print(*node.param);
            out_ += ", ";
        }
        print(*node.expr);
        out_ += ')';
    }

    void call(const Call& node) {
        out_ += node.function->name;
        out_ += '(';
        std::string_view separator;
        for (const ExprPtr& arg : node.args) {
            out_ += separator;
            print(*arg);
            separator = ", ";
        }
        out_ += ')';
    }

    std::string out_;
    size_t limit_;
};

bool fits_on_a_line(const Expr& expr) {
    Printer printer(kLineMax);
    printer.print(expr);
    return !printer.full();
}

// Writes nodes over several lines. A level above zero says that the node starts a line, and how far
// it is indented.
class PrettyPrinter {
  public:
    [[nodiscard]] std::string take() { return std::move(out_); }

    void print(const Expr& expr, size_t level) {
        if (expr.kind == ExprKind::kSubquery) {
            return subquery(as<Subquery>(expr), level);
        }
        indent(level);
        print_here(expr, level);
    }

  private:
    void indent(size_t level) { out_.append(2 * level, ' '); }

    // The line has been indented already.
    void print_here(const Expr& expr, size_t level) {
        if (fits_on_a_line(expr)) {
            return one_line(expr);
        }
        switch (expr.kind) {
            case ExprKind::kSubquery: {
                print_here(*as<Subquery>(expr).expr, level);
                return subquery_suffix(as<Subquery>(expr));
            }
            case ExprKind::kUnary:
                return unary(as<UnaryExpr>(expr), level);
            case ExprKind::kBinary:
                return binary(as<BinaryExpr>(expr), level);
            case ExprKind::kAggregate:
                return aggregate(as<AggregateExpr>(expr), level);
            case ExprKind::kCall:
                return call(as<Call>(expr), level);
            case ExprKind::kParen:
                out_ += "(\n";
                print(*as<ParenExpr>(expr).expr, level + 1);
                return close(level);
            default:
                return one_line(expr);
        }
    }

    void one_line(const Expr& expr) { out_ += to_string(expr); }

    void close(size_t level) {
        out_ += '\n';
        indent(level);
        out_ += ')';
    }

    void subquery(const Subquery& node, size_t level) {
        print(*node.expr, level);
        subquery_suffix(node);
    }

    void subquery_suffix(const Subquery& node) {
        Printer printer;
        printer.subquery_suffix(node);
        out_ += printer.take();
    }

    void binary(const BinaryExpr& node, size_t level) {
        // The left operand starts the line that has been indented for this node; its own indent is
        // one deeper.
        indent(1);
        if (is_power_of_infinity(node)) {
            out_ += kUnsignedInfinity;
        } else {
            print_here(*node.lhs, level + 1);
        }
        out_ += '\n';
        indent(level);
        Printer printer;
        printer.operator_with_modifiers(node);
        out_ += printer.take();
        out_ += '\n';
        print(*node.rhs, level + 1);
    }

    // The operand starts right behind the sign, whatever its indent would be.
    void unary(const UnaryExpr& node, size_t level) {
        PrettyPrinter inner;
        inner.print(*node.expr, level);
        const std::string text = inner.take();
        out_ += node.negate ? '-' : '+';
        out_ += std::string_view(text).substr(text.find_first_not_of(' '));
    }

    void aggregate(const AggregateExpr& node, size_t level) {
        Printer printer;
        printer.aggregate_head(node);
        out_ += printer.take();
        out_ += "(\n";
        if (node.param) {
            print(*node.param, level + 1);
            out_ += ",\n";
        }
        print(*node.expr, level + 1);
        close(level);
    }

    void call(const Call& node, size_t level) {
        out_ += node.function->name;
        out_ += "(\n";
        std::string_view separator;
        for (const ExprPtr& arg : node.args) {
            out_ += separator;
            print(*arg, level + 1);
            separator = ",\n";
        }
        close(level);
    }

    std::string out_;
};

}  // namespace

std::string to_string(const Expr& expr) {
    Printer printer;
    printer.print(expr);
    return printer.take();
}

std::string to_string(const DurationExpr& duration) {
    Printer printer;
    printer.print(duration);
    return printer.take();
}

std::string to_string(const MatcherSpec& matcher) {
    Printer printer;
    printer.matcher(matcher);
    return printer.take();
}

std::string pretty(const Expr& expr) {
    PrettyPrinter printer;
    printer.print(expr, 0);
    return printer.take();
}

}  // namespace query
