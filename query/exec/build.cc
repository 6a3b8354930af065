#include "query/exec/build.h"

#include "query/exec/aggregate.h"
#include "query/exec/binary.h"
#include "query/exec/explain.h"
#include "query/exec/functions.h"
#include "query/exec/info.h"
#include "query/exec/pushed_aggregate.h"
#include "query/exec/rollup.h"
#include "query/exec/select.h"

namespace query::exec {

using plan::Node;
using plan::NodeKind;

OperatorPtr Builder::build(const Node& node) {
    if (node.uses <= 1 || !sharing_) {
        return build_unshared(node);
    }
    std::shared_ptr<SharedResult>& shared = shared_[&node];
    if (!shared) {
        shared = std::make_shared<SharedResult>(build_unshared(node), context_);
    }
    return make_reader(shared);
}

OperatorPtr Builder::build_unshared(const Node& node) {
    OperatorPtr rows = build_unwatched(node);
    return context_.explain == nullptr ? std::move(rows)
                                       : context_.explain->watch(node, std::move(rows));
}

OperatorPtr Builder::build_unwatched(const Node& node) {
    switch (node.kind) {
        case NodeKind::kNumber:
            return make_number(node.number, node.grid.count, context_);
        case NodeKind::kString:
        case NodeKind::kRange:
            break;
        case NodeKind::kTime:
            return make_time(node.grid, context_);
        case NodeKind::kSelect: {
            OperatorPtr select = make_select(node, *querier_, context_);
            return node.select->value == plan::SelectValue::kSample
                       ? std::move(select)
                       : merged(std::move(select), node, false);
        }
        case NodeKind::kRollup:
            return build_rollup(node, std::nullopt);
        case NodeKind::kFunction:
            return build_function(node);
        case NodeKind::kAggregate:
            return build_aggregate(node);
        case NodeKind::kBinary: {
            OperatorPtr binary = make_binary({node,
                                              as<BinaryExpr>(*node.expr),
                                              build(*node.inputs[0]),
                                              build(*node.inputs[1]),
                                              context_});
            return node.type == ValueType::kVector &&
                           !is_set_operator(as<BinaryExpr>(*node.expr).op)
                       ? merged(std::move(binary), node, false)
                       : std::move(binary);
        }
        case NodeKind::kNegate:
            return merged(
                make_negate(build(*node.inputs[0]), node.type == ValueType::kScalar, context_),
                node,
                false);
        case NodeKind::kBroadcast:
            return make_broadcast(build(*node.inputs[0]), node.grid.count, context_);
    }
    SKEIN_CHECK(false, "a node without rows", static_cast<int>(node.kind));
    return nullptr;
}

std::unique_ptr<SeriesSource> Builder::build_source(const Node& range) {
    auto series = build_source_unwatched(range);
    return context_.explain == nullptr ? std::move(series)
                                       : context_.explain->watch(range, std::move(series));
}

std::unique_ptr<SeriesSource> Builder::build_source_unwatched(const Node& range) {
    if (range.select) {
        return std::make_unique<SeriesReader>(
            *querier_, *range.select, /*drop_stale=*/true, context_);
    }
    const Node& inner = *range.inputs[0];
    return std::make_unique<SubquerySource>(build(inner), inner.grid, context_);
}

OperatorPtr Builder::build_rollup(const Node& node, LabelNames labels) {
    std::vector<OperatorPtr> scalars;
    for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (i != node.source) {
            scalars.push_back(build(*node.inputs[i]));
        }
    }
    const Node& range = *node.inputs[node.source];
    // Who wants to know what each part of it did has the parts apart.
    OperatorPtr rollup = range.select && context_.explain == nullptr
                             ? make_rollup(node, *querier_, std::move(scalars), context_, labels)
                             : make_rollup(node, build_source(range), std::move(scalars), context_);
    const Call& call = as<Call>(*node.expr);
    if (call.function->id == FunctionId::kAbsentOverTime) {
        return make_absent(*call.args[0], std::move(rollup), node.grid.count, context_);
    }
    return merged(std::move(rollup), node, true);
}

OperatorPtr Builder::build_function(const Node& node) {
    const Call& call = as<Call>(*node.expr);
    if (call.function->id == FunctionId::kInfo) {
        return make_info(node, build(*node.inputs[0]), *querier_, context_);
    }
    std::vector<OperatorPtr> inputs;
    for (const plan::NodePtr& input : node.inputs) {
        inputs.push_back(input->kind == NodeKind::kString ? nullptr : build(*input));
    }
    const FunctionId id = call.function->id;
    OperatorPtr rows = make_function({node, call, std::move(inputs), context_});
    if (id == FunctionId::kLabelReplace || id == FunctionId::kLabelJoin) {
        rows = make_merge(std::move(rows), node.grid.count, alike(node, false), context_);
    }
    return merged(std::move(rows), node, false);
}

OperatorPtr Builder::build_aggregated(const Node& aggregate) {
    const Node& input = *aggregate.inputs[0];
    const auto& expr = as<AggregateExpr>(*aggregate.expr);
    if (folds(expr.op) && input.uses <= 1) {
        folded_.insert(&input);
    }
    // Rows that look alike must not meet anybody who looks for rows that are alike.
    const bool few = !expr.without && folds(expr.op) && input.uses <= 1 &&
                     context_.explain == nullptr && !context_.options.delayed_name_removal;
    if (few && input.kind == NodeKind::kSelect &&
        input.select->value == plan::SelectValue::kSample) {
        return make_select(input, *querier_, context_, expr.grouping);
    }
    if (few && input.kind == NodeKind::kRollup && input.distinct_without_name &&
        input.inputs[input.source]->select &&
        as<Call>(*input.expr).function->id != FunctionId::kAbsentOverTime) {
        return build_rollup(input, expr.grouping);
    }
    return build(input);
}

OperatorPtr Builder::build_aggregate(const Node& node) {
    OperatorPtr param;
    if (node.inputs.size() > 1 && node.inputs[1]->kind != NodeKind::kString) {
        param = build(*node.inputs[1]);
    }
    OperatorPtr here = make_aggregate(
        {node, as<AggregateExpr>(*node.expr), build_aggregated(node), std::move(param), context_});
    if (target_.to == nullptr) {
        return here;
    }
    auto fragment = plan::fragment_of(node, target_.query);
    return fragment ? make_pushed_aggregate(
                          {node, std::move(*fragment), *target_.to, std::move(here), context_})
                    : std::move(here);
}

Alike Builder::alike(const Node& node, bool strict) const {
    if (strict) {
        return Alike::kRefused;
    }
    const bool folded = folded_.contains(&node) && !context_.options.delayed_name_removal;
    return folded ? Alike::kApart : Alike::kMerged;
}

OperatorPtr Builder::merged(OperatorPtr input, const Node& node, bool strict) {
    if (node.distinct_without_name || node.type != ValueType::kVector ||
        context_.options.delayed_name_removal) {
        return input;
    }
    return make_merge(std::move(input), node.grid.count, alike(node, strict), context_);
}

}  // namespace query::exec
