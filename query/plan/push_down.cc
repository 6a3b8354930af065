#include "query/plan/push_down.h"

#include <algorithm>

#include "model/labels.h"

namespace query::plan {
namespace {

// Functions of one float at one step, with scalars beside it at most.
bool is_elementwise(FunctionId id) {
    switch (id) {
        case FunctionId::kAbs:
        case FunctionId::kAcos:
        case FunctionId::kAcosh:
        case FunctionId::kAsin:
        case FunctionId::kAsinh:
        case FunctionId::kAtan:
        case FunctionId::kAtanh:
        case FunctionId::kCeil:
        case FunctionId::kClamp:
        case FunctionId::kClampMax:
        case FunctionId::kClampMin:
        case FunctionId::kCos:
        case FunctionId::kCosh:
        case FunctionId::kDayOfMonth:
        case FunctionId::kDayOfWeek:
        case FunctionId::kDayOfYear:
        case FunctionId::kDaysInMonth:
        case FunctionId::kDeg:
        case FunctionId::kExp:
        case FunctionId::kFloor:
        case FunctionId::kHour:
        case FunctionId::kLn:
        case FunctionId::kLog10:
        case FunctionId::kLog2:
        case FunctionId::kMinute:
        case FunctionId::kMonth:
        case FunctionId::kRad:
        case FunctionId::kRound:
        case FunctionId::kSgn:
        case FunctionId::kSin:
        case FunctionId::kSinh:
        case FunctionId::kSqrt:
        case FunctionId::kStartTimestamp:
        case FunctionId::kTan:
        case FunctionId::kTanh:
        case FunctionId::kTimestamp:
        case FunctionId::kYear:
            return true;
        default:
            return false;
    }
}

// Scalars that are the same wherever they are worked out.
bool reads_nothing(const Node& node) {
    switch (node.kind) {
        case NodeKind::kNumber:
        case NodeKind::kTime:
            return true;
        case NodeKind::kFunction: {
            const FunctionId id = as<Call>(*node.expr).function->id;
            if (id != FunctionId::kPi && id != FunctionId::kMaxOf && id != FunctionId::kMinOf) {
                return false;
            }
            break;
        }
        case NodeKind::kBinary:
        case NodeKind::kNegate:
        case NodeKind::kBroadcast:
            break;
        default:
            return false;
    }
    return node.type == ValueType::kScalar &&
           std::ranges::all_of(node.inputs,
                               [](const NodePtr& input) { return reads_nothing(*input); });
}

// The only input that is not a scalar, or null when there are others that read something.
const Node* only_vector(const Node& node) {
    const Node* vector = nullptr;
    for (const NodePtr& input : node.inputs) {
        if (reads_nothing(*input)) {
            continue;
        }
        if (vector != nullptr || input->type != ValueType::kVector) {
            return nullptr;
        }
        vector = input.get();
    }
    return vector;
}

// Follows the chain from an aggregation's input down to its selection.
class Chain {
  public:
    // Null when it is not a chain.
    const Select* follow(const Node& node) {
        switch (node.kind) {
            case NodeKind::kSelect:
                return select(node);
            case NodeKind::kRollup:
                return rollup(node);
            case NodeKind::kFunction:
                return is_elementwise(as<Call>(*node.expr).function->id) ? below(node, true)
                                                                         : nullptr;
            case NodeKind::kNegate:
                return below(node, true);
            case NodeKind::kBinary:
                return binary(node);
            case NodeKind::kBroadcast:
                return below(node, false);
            default:
                return nullptr;
        }
    }

  private:
    const Select* below(const Node& node, bool drops_name) {
        const Node* vector = only_vector(node);
        return vector == nullptr || loses_identity(node, drops_name) ? nullptr : follow(*vector);
    }

    // Series that differ in their names only would meet, which is an error that no holder of some
    // of them could see.
    static bool loses_identity(const Node& node, bool drops_name) {
        return drops_name && !node.distinct_without_name;
    }

    static const Select* select(const Node& node) {
        const bool drops_name = node.select->value != SelectValue::kSample;
        return node.select->selector == nullptr || loses_identity(node, drops_name) ? nullptr
                                                                                    : &*node.select;
    }

    const Select* binary(const Node& node) {
        const auto& expr = as<BinaryExpr>(*node.expr);
        if (is_set_operator(expr.op) || is_trim(expr.op)) {
            return nullptr;
        }
        return below(node, !is_comparison(expr.op) || expr.return_bool);
    }

    static const Select* rollup(const Node& node) {
        const FunctionId id = as<Call>(*node.expr).function->id;
        const bool keeps_name = id == FunctionId::kLastOverTime || id == FunctionId::kFirstOverTime;
        if (id == FunctionId::kAbsentOverTime || loses_identity(node, !keeps_name)) {
            return nullptr;
        }
        for (size_t i = 0; i < node.inputs.size(); ++i) {
            if (i != node.source && !reads_nothing(*node.inputs[i])) {
                return nullptr;
            }
        }
        const std::optional<Select>& select = node.inputs[node.source]->select;
        return select ? &*select : nullptr;
    }
};

// Whether the parameter is the same for all, and nothing that an error should be about.
bool parameter_is_plain(const Node& aggregate) {
    constexpr double kRowsMax = 1'000'000'000;  // as good as all
    switch (as<AggregateExpr>(*aggregate.expr).op) {
        case AggregateOp::kTopk:
        case AggregateOp::kBottomk: {
            const Node& k = *aggregate.inputs[1];
            return k.kind == NodeKind::kNumber && k.number >= 1 && k.number <= kRowsMax;
        }
        case AggregateOp::kCountValues:
            return aggregate.inputs[1]->kind == NodeKind::kString &&
                   model::is_valid_label_name(aggregate.inputs[1]->text, model::NameScheme::kUtf8);
        case AggregateOp::kQuantile:
        case AggregateOp::kLimitk:
        case AggregateOp::kLimitRatio:
            return false;
        default:
            return true;
    }
}

bool uses_times(const DurationSpec& duration) {
    return !duration.is_constant();
}

bool uses_times(const AtModifier& at) {
    return at.kind == AtKind::kStart || at.kind == AtKind::kEnd;
}

// Whether anything depends on the start, end or step of the whole query.
bool uses_query_times(const Expr& expr) {
    switch (expr.kind) {
        case ExprKind::kVectorSelector: {
            const auto& selector = as<VectorSelector>(expr);
            return uses_times(selector.at) || uses_times(selector.offset);
        }
        case ExprKind::kMatrixSelector: {
            const auto& matrix = as<MatrixSelector>(expr);
            return uses_times(matrix.range) || uses_query_times(*matrix.selector);
        }
        case ExprKind::kCall: {
            const FunctionId id = as<Call>(expr).function->id;
            if (id == FunctionId::kStart || id == FunctionId::kEnd || id == FunctionId::kStep ||
                id == FunctionId::kRange) {
                return true;
            }
            break;
        }
        default:
            break;
    }
    bool uses = false;
    for_each_child(expr, [&](const Expr& child) { uses |= uses_query_times(child); });
    return uses;
}

}  // namespace

const Select* selection_in_parts(const Node& aggregate) {
    return parameter_is_plain(aggregate) ? Chain().follow(*aggregate.inputs[0]) : nullptr;
}

std::optional<model::Fragment> fragment_of(const Node& aggregate, const WholeQuery& query) {
    const Grid& grid = aggregate.grid;
    const bool own_times = grid == query.grid;
    const Select* select = selection_in_parts(aggregate);
    if (select == nullptr || grid.count == 0 || (!own_times && uses_query_times(*aggregate.expr))) {
        return std::nullopt;
    }
    model::Fragment fragment;
    const PositionRange at = aggregate.expr->position;
    fragment.query =
        query.text.substr(static_cast<size_t>(at.start), static_cast<size_t>(at.end - at.start));
    if (own_times) {
        // As they are: the end need not be a step.
        fragment.start_ms = query.times.start_ms;
        fragment.end_ms = query.times.end_ms;
        fragment.step_ms = query.times.step_ms;
    } else {
        fragment.start_ms = grid.start;
        fragment.end_ms = grid.at(grid.count - 1);
        fragment.step_ms = grid.count > 1 ? grid.step : 0;
    }
    fragment.lookback_ms = query.lookback_ms;
    fragment.matchers = select->matchers;
    fragment.min_t = select->hints.min_t;
    fragment.max_t = select->hints.max_t;
    return fragment;
}

}  // namespace query::plan
