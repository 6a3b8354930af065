#include "query/types.h"

namespace query {

std::string_view describe(ValueType type) {
    switch (type) {
        case ValueType::kNone:
            return "none";
        case ValueType::kScalar:
            return "scalar";
        case ValueType::kVector:
            return "instant vector";
        case ValueType::kMatrix:
            return "range vector";
        case ValueType::kString:
            return "string";
    }
    return "none";
}

std::string_view name_of(ValueType type) {
    switch (type) {
        case ValueType::kNone:
            return "none";
        case ValueType::kScalar:
            return "scalar";
        case ValueType::kVector:
            return "vector";
        case ValueType::kMatrix:
            return "matrix";
        case ValueType::kString:
            return "string";
    }
    return "none";
}

std::string_view symbol(BinaryOp op) {
    switch (op) {
        case BinaryOp::kPow:
            return "^";
        case BinaryOp::kMul:
            return "*";
        case BinaryOp::kDiv:
            return "/";
        case BinaryOp::kMod:
            return "%";
        case BinaryOp::kAtan2:
            return "atan2";
        case BinaryOp::kAdd:
            return "+";
        case BinaryOp::kSub:
            return "-";
        case BinaryOp::kEqual:
            return "==";
        case BinaryOp::kNotEqual:
            return "!=";
        case BinaryOp::kLess:
            return "<";
        case BinaryOp::kLessEqual:
            return "<=";
        case BinaryOp::kGreater:
            return ">";
        case BinaryOp::kGreaterEqual:
            return ">=";
        case BinaryOp::kTrimUpper:
            return "</";
        case BinaryOp::kTrimLower:
            return ">/";
        case BinaryOp::kAnd:
            return "and";
        case BinaryOp::kUnless:
            return "unless";
        case BinaryOp::kOr:
            return "or";
    }
    return "";
}

int precedence(BinaryOp op) {
    switch (op) {
        case BinaryOp::kPow:
            return 6;
        case BinaryOp::kMul:
        case BinaryOp::kDiv:
        case BinaryOp::kMod:
        case BinaryOp::kAtan2:
            return 5;
        case BinaryOp::kAdd:
        case BinaryOp::kSub:
            return 4;
        case BinaryOp::kEqual:
        case BinaryOp::kNotEqual:
        case BinaryOp::kLess:
        case BinaryOp::kLessEqual:
        case BinaryOp::kGreater:
        case BinaryOp::kGreaterEqual:
        case BinaryOp::kTrimUpper:
        case BinaryOp::kTrimLower:
            return 3;
        case BinaryOp::kAnd:
        case BinaryOp::kUnless:
            return 2;
        case BinaryOp::kOr:
            return 1;
    }
    return 0;
}

std::string_view name_of(AggregateOp op) {
    switch (op) {
        case AggregateOp::kSum:
            return "sum";
        case AggregateOp::kAvg:
            return "avg";
        case AggregateOp::kCount:
            return "count";
        case AggregateOp::kMin:
            return "min";
        case AggregateOp::kMax:
            return "max";
        case AggregateOp::kGroup:
            return "group";
        case AggregateOp::kStddev:
            return "stddev";
        case AggregateOp::kStdvar:
            return "stdvar";
        case AggregateOp::kTopk:
            return "topk";
        case AggregateOp::kBottomk:
            return "bottomk";
        case AggregateOp::kCountValues:
            return "count_values";
        case AggregateOp::kQuantile:
            return "quantile";
        case AggregateOp::kLimitk:
            return "limitk";
        case AggregateOp::kLimitRatio:
            return "limit_ratio";
    }
    return "";
}

ValueType param_type(AggregateOp op) {
    switch (op) {
        case AggregateOp::kTopk:
        case AggregateOp::kBottomk:
        case AggregateOp::kQuantile:
        case AggregateOp::kLimitk:
        case AggregateOp::kLimitRatio:
            return ValueType::kScalar;
        case AggregateOp::kCountValues:
            return ValueType::kString;
        default:
            return ValueType::kNone;
    }
}

}  // namespace query
