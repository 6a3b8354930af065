#include "query/ast_json.h"

#include <cmath>
#include <span>
#include <string_view>

#include "base/float_format.h"
#include "base/json.h"

namespace query {
namespace {

std::string_view name_of(MatchCard card) {
    switch (card) {
        case MatchCard::kOneToOne:
            return "one-to-one";
        case MatchCard::kManyToOne:
            return "many-to-one";
        case MatchCard::kOneToMany:
            return "one-to-many";
        case MatchCard::kManyToMany:
            return "many-to-many";
    }
    return "";
}

// The tree may be deeper than base::JsonWriter goes, so the text is put together here.
class AstWriter {
  public:
    explicit AstWriter(std::string& out) : out_(out) {}

    void expr(const Expr& node) {
        switch (node.kind) {
            case ExprKind::kNumber:
                return number(as<NumberLiteral>(node));
            case ExprKind::kString:
                out_ += R"({"type":"stringLiteral","val":)";
                string(as<StringLiteral>(node).value);
                out_ += '}';
                return;
            case ExprKind::kVectorSelector:
                return vector_selector(as<VectorSelector>(node));
            case ExprKind::kMatrixSelector:
                return matrix_selector(as<MatrixSelector>(node));
            case ExprKind::kSubquery:
                return subquery(as<Subquery>(node));
            case ExprKind::kUnary:
                return unary(as<UnaryExpr>(node));
            case ExprKind::kBinary:
                return binary(as<BinaryExpr>(node));
            case ExprKind::kAggregate:
                return aggregate(as<AggregateExpr>(node));
            case ExprKind::kCall:
                return call(as<Call>(node));
            case ExprKind::kParen:
                out_ += R"({"expr":)";
                expr(*as<ParenExpr>(node).expr);
                out_ += R"(,"type":"parenExpr"})";
                return;
        }
    }

  private:
    void string(std::string_view text) { base::append_json_string(out_, text); }

    void boolean(bool value) { out_ += value ? "true" : "false"; }

    void integer(int64_t value) { base::append_integer(out_, value); }

    void strings(std::span<const std::string> texts) {
        out_ += '[';
        std::string_view separator;
        for (const std::string& text : texts) {
            out_ += separator;
            string(text);
            separator = ",";
        }
        out_ += ']';
    }

    void quoted_float(double value) {
        out_ += '"';
        base::append_float_f(out_, value);
        out_ += '"';
    }

    void number(const NumberLiteral& node) {
        out_ += R"({"type":"numberLiteral","val":)";
        quoted_float(node.value);
        out_ += '}';
    }

    void unary(const UnaryExpr& node) {
        out_ += R"({"expr":)";
        expr(*node.expr);
        out_ += R"(,"op":")";
        out_ += node.negate ? '-' : '+';
        out_ += R"(","type":"unaryExpr"})";
    }

    void binary(const BinaryExpr& node) {
        out_ += R"({"bool":)";
        boolean(node.return_bool);
        out_ += R"(,"lhs":)";
        expr(*node.lhs);
        out_ += R"(,"matching":)";
        if (node.matching) {
            matching(*node.matching);
        } else {
            out_ += "null";
        }
        out_ += R"(,"op":)";
        string(symbol(node.op));
        out_ += R"(,"rhs":)";
        expr(*node.rhs);
        out_ += R"(,"type":"binaryExpr"})";
    }

    void matching(const VectorMatching& how) {
        out_ += R"({"card":")";
        out_ += name_of(how.card);
        out_ += R"(","fillValues":{"lhs":)";
        fill(how.fill_left);
        out_ += R"(,"rhs":)";
        fill(how.fill_right);
        out_ += R"(},"include":)";
        strings(how.include);
        out_ += R"(,"labels":)";
        strings(how.labels);
        out_ += R"(,"on":)";
        boolean(how.on);
        out_ += '}';
    }

    // JSON has no NaN and no infinities: those are strings.
    void fill(const std::optional<double>& value) {
        if (!value) {
            out_ += "null";
        } else if (std::isfinite(*value)) {
            base::append_float_g(out_, *value);
        } else {
            quoted_float(*value);
        }
    }

    void aggregate(const AggregateExpr& node) {
        out_ += R"({"expr":)";
        expr(*node.expr);
        out_ += R"(,"grouping":)";
        strings(node.grouping);
        out_ += R"(,"op":")";
        out_ += query::name_of(node.op);
        out_ += R"(","param":)";
        if (node.param) {
            expr(*node.param);
        } else {
            out_ += "null";
        }
        out_ += R"(,"type":"aggregation","without":)";
        boolean(node.without);
        out_ += '}';
    }

    void call(const Call& node) {
        out_ += R"({"args":[)";
        std::string_view separator;
        for (const ExprPtr& arg : node.args) {
            out_ += separator;
            expr(*arg);
            separator = ",";
        }
        out_ += R"(],"func":{"argTypes":[)";
        separator = "";
        for (const ValueType type : node.function->args()) {
            out_ += separator;
            string(query::name_of(type));
            separator = ",";
        }
        out_ += R"(],"name":)";
        string(node.function->name);
        out_ += R"(,"returnType":)";
        string(query::name_of(node.function->return_type));
        out_ += R"(,"variadic":)";
        integer(node.function->variadic);
        out_ += R"(},"type":"call"})";
    }

    void matchers(std::span<const MatcherSpec> list) {
        out_ += '[';
        std::string_view separator;
        for (const MatcherSpec& matcher : list) {
            out_ += separator;
            out_ += R"({"name":)";
            string(matcher.name);
            out_ += R"(,"type":)";
            string(model::match_operator(matcher.type));
            out_ += R"(,"value":)";
            string(matcher.value);
            out_ += '}';
            separator = ",";
        }
        out_ += ']';
    }

    // Members shared by the two kinds of selectors, up to the name.
    void selector_head(const VectorSelector& selector) {
        out_ += R"({"anchored":)";
        boolean(selector.extension == RangeExtension::kAnchored);
        out_ += R"(,"matchers":)";
        matchers(selector.matchers);
        out_ += R"(,"name":)";
        string(selector.name);
        duration_members(R"(,"offset":)", R"(,"offsetExpr":)", selector.offset);
    }

    void selector_tail(const VectorSelector& selector) {
        out_ += R"(,"smoothed":)";
        boolean(selector.extension == RangeExtension::kSmoothed);
        at_start_or_end(selector.at);
        at_timestamp(selector.at);
    }

    void vector_selector(const VectorSelector& selector) {
        selector_head(selector);
        selector_tail(selector);
        out_ += R"(,"type":"vectorSelector"})";
    }

    void matrix_selector(const MatrixSelector& node) {
        selector_head(*node.selector);
        duration_members(R"(,"range":)", R"(,"rangeExpr":)", node.range);
        selector_tail(*node.selector);
        out_ += R"(,"type":"matrixSelector"})";
    }

    void subquery(const Subquery& node) {
        out_ += R"({"expr":)";
        expr(*node.expr);
        duration_members(R"(,"offset":)", R"(,"offsetExpr":)", node.offset);
        duration_members(R"(,"range":)", R"(,"rangeExpr":)", node.range);
        at_start_or_end(node.at);
        duration_members(R"(,"step":)", R"(,"stepExpr":)", node.step);
        at_timestamp(node.at);
        out_ += R"(,"type":"subquery"})";
    }

    void at_start_or_end(const AtModifier& at) {
        out_ += R"(,"startOrEnd":)";
        out_ += at.kind == AtKind::kStart ? R"("start")"
                : at.kind == AtKind::kEnd ? R"("end")"
                                          : "null";
    }

    void at_timestamp(const AtModifier& at) {
        out_ += R"(,"timestamp":)";
        if (at.kind == AtKind::kTimestamp) {
            integer(at.timestamp_ms);
        } else {
            out_ += "null";
        }
    }

    // Milliseconds in one member, an expression in the other.
    void duration_members(std::string_view constant,
                          std::string_view expression,
                          const DurationSpec& spec) {
        out_ += constant;
        integer(spec.is_constant() ? spec.millis : 0);
        out_ += expression;
        optional_duration(spec.expr.get());
    }

    void optional_duration(const DurationExpr* node) {
        if (node == nullptr) {
            out_ += "null";
        } else {
            duration(*node);
        }
    }

    void duration(const DurationExpr& node) {
        if (node.kind != DurationKind::kNumber) {
            const bool unary = node.kind == DurationKind::kUnary;
            return duration_node(unary ? nullptr : node.lhs.get(),
                                 unary ? node.lhs.get() : node.rhs.get(),
                                 operator_of(node),
                                 node.parenthesized);
        }
        if (!node.parenthesized) {
            return duration_number(node);
        }
        // A number in parentheses is shown as an operation that does nothing.
        out_ += R"({"lhs":null,"op":"+","rhs":)";
        duration_number(node);
        out_ += R"(,"type":"durationExpr","wrapped":true})";
    }

    void duration_node(const DurationExpr* lhs,
                       const DurationExpr* rhs,
                       std::string_view op,
                       bool wrapped) {
        out_ += R"({"lhs":)";
        optional_duration(lhs);
        out_ += R"(,"op":)";
        string(op);
        out_ += R"(,"rhs":)";
        optional_duration(rhs);
        out_ += R"(,"type":"durationExpr","wrapped":)";
        boolean(wrapped);
        out_ += '}';
    }

    void duration_number(const DurationExpr& node) {
        out_ += R"({"duration":)";
        boolean(node.is_duration);
        out_ += R"(,"type":"numberLiteral","val":)";
        quoted_float(node.seconds);
        out_ += '}';
    }

    static std::string_view operator_of(const DurationExpr& node) {
        switch (node.kind) {
            case DurationKind::kStep:
                return "step";
            case DurationKind::kRange:
                return "range";
            case DurationKind::kMinOf:
                return "min_of";
            case DurationKind::kMaxOf:
                return "max_of";
            default:
                return symbol(node.op);
        }
    }

    std::string& out_;
};

}  // namespace

std::string ast_json(const Expr& expr) {
    std::string out;
    AstWriter(out).expr(expr);
    return out;
}

}  // namespace query
