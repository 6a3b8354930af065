#include "query/plan/plan.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "query/plan/invariant.h"
#include "query/printer.h"

namespace query::plan {
namespace {

using base::Code;
using base::Result;

bool names_one_metric(const VectorSelector& selector) {
    return std::ranges::any_of(selector.matchers, [](const MatcherSpec& matcher) {
        return matcher.name == model::kMetricName && matcher.type == MatchType::kEqual &&
               !matcher.value.empty();
    });
}

void weigh(Node& node, int64_t times) {
    node.sample_weight += times;
    int64_t times_inside = node.window ? 0 : times;
    if (node.kind == NodeKind::kBroadcast) {
        times_inside *= static_cast<int64_t>(node.grid.count);
    }
    for (const NodePtr& input : node.inputs) {
        weigh(*input, times_inside);
    }
}

// What the nodes below an aggregation or call may tell the storage.
struct Enclosing {
    std::string function;
    std::vector<std::string> grouping;
    bool by = false;
};

// Whether the calls around a selector let it leave the buckets of histograms out: one of them asks
// for count and sum alone, and none sees buckets. A subquery does: its points are neighbours that
// the storage knows nothing about, so that resets show in the buckets only.
struct BucketUse {
    bool unasked = false;
    bool seen = false;

    [[nodiscard]] bool statistics() const { return unasked && !seen; }
};

class Planner {
  public:
    Planner(const QueryTimes& times, const Options& options) : times_(times), options_(options) {}

    Result<Plan> run(const Expr& expr) {
        Plan plan;
        const Grid grid{
            times_.start_ms,
            std::max<int64_t>(times_.step_ms, 1),
            times_.step_ms <= 0 || times_.end_ms <= times_.start_ms
                ? 1
                : static_cast<size_t>((times_.end_ms - times_.start_ms) / times_.step_ms) + 1};
        TRY(plan.root, node(expr, grid, {}));
        plan.root->uses = 1;
        weigh(*plan.root, 1);
        plan.selects = selects_;
        // A selection may be of no time at all: a subquery without steps.
        plan.min_t = min_t_ <= max_t_ ? min_t_ : times_.start_ms;
        plan.max_t = min_t_ <= max_t_ ? max_t_ : times_.start_ms;
        return plan;
    }

  private:
    // The node for an expression on a grid: one that is there already, or a new one.
    Result<NodePtr> node(const Expr& outer, const Grid& grid, const Enclosing& enclosing) {
        const Expr& expr = without_parens(outer);
        if (grid.count > 1 && expr.kind != ExprKind::kNumber && expr.kind != ExprKind::kString &&
            expr.type() != ValueType::kMatrix && is_step_invariant(expr)) {
            return broadcast(expr, grid, enclosing);
        }
        if (expr.type() != ValueType::kVector) {
            return make(expr, grid, enclosing);
        }
        const std::string key = key_of(expr, grid);
        const auto found = known_.find(key);
        if (found != known_.end()) {
            ++found->second->uses;
            return found->second;
        }
        TRY(NodePtr made, make(expr, grid, enclosing));
        made->uses = 1;
        known_.emplace(key, made);
        return made;
    }

    [[nodiscard]] std::string key_of(const Expr& expr, const Grid& grid) const {
        return std::to_string(grid.start) + "/" + std::to_string(grid.step) + "/" +
               std::to_string(grid.count) + (buckets_.statistics() ? " ~ " : " ") + to_string(expr);
    }

    // The node for an argument that uses buckets in its own way.
    Result<NodePtr> node(const Expr& expr,
                         const Grid& grid,
                         const Enclosing& enclosing,
                         BucketUse buckets) {
        const BucketUse around = std::exchange(buckets_, buckets);
        Result<NodePtr> made = node(expr, grid, enclosing);
        buckets_ = around;
        return made;
    }

    [[nodiscard]] BucketUse buckets_within(FunctionId id) const {
        BucketUse use = buckets_;
        switch (id) {
            case FunctionId::kHistogramCount:
            case FunctionId::kHistogramSum:
            case FunctionId::kHistogramAvg:
                use.unasked = true;
                return use;
            case FunctionId::kHistogramQuantile:
            case FunctionId::kHistogramQuantiles:
            case FunctionId::kHistogramFraction:
                use.seen = true;
                return use;
            default:
                return use;
        }
    }

    Result<NodePtr> broadcast(const Expr& expr, const Grid& grid, const Enclosing& enclosing) {
        TRY(NodePtr once, node(expr, Grid{grid.start, grid.step, 1}, enclosing));
        NodePtr all = start(NodeKind::kBroadcast, expr, grid);
        all->distinct_without_name = once->distinct_without_name;
        all->inputs.push_back(std::move(once));
        return all;
    }

    static NodePtr start(NodeKind kind, const Expr& expr, const Grid& grid) {
        auto node = std::make_shared<Node>();
        node->kind = kind;
        node->expr = &expr;
        node->type = expr.type();
        node->grid = grid;
        return node;
    }

    Result<NodePtr> make(const Expr& expr, const Grid& grid, const Enclosing& enclosing) {
        switch (expr.kind) {
            case ExprKind::kNumber:
                return number(expr, grid, as<NumberLiteral>(expr).value);
            case ExprKind::kString: {
                NodePtr text = start(NodeKind::kString, expr, grid);
                text->text = as<StringLiteral>(expr).value;
                return text;
            }
            case ExprKind::kVectorSelector:
                return select(expr, as<VectorSelector>(expr), grid, enclosing);
            case ExprKind::kMatrixSelector:
                return range(as<MatrixSelector>(expr), grid, enclosing);
            case ExprKind::kSubquery:
                return subquery(as<Subquery>(expr), grid);
            case ExprKind::kUnary:
                return unary(as<UnaryExpr>(expr), grid, enclosing);
            case ExprKind::kBinary:
                return binary(as<BinaryExpr>(expr), grid);
            case ExprKind::kAggregate:
                return aggregate(as<AggregateExpr>(expr), grid);
            case ExprKind::kCall:
                return call(as<Call>(expr), grid);
            case ExprKind::kParen:
                break;
        }
        SKEIN_CHECK(false, "parentheses were taken off");
        return NodePtr();
    }

    static NodePtr number(const Expr& expr, const Grid& grid, double value) {
        NodePtr node = start(NodeKind::kNumber, expr, grid);
        node->type = ValueType::kScalar;
        node->number = value;
        return node;
    }

    [[nodiscard]] std::optional<int64_t> resolve_at(const AtModifier& at) const {
        switch (at.kind) {
            case AtKind::kNone:
                return std::nullopt;
            case AtKind::kTimestamp:
                return at.timestamp_ms;
            case AtKind::kStart:
                return times_.start_ms;
            case AtKind::kEnd:
                return times_.end_ms;
        }
        return std::nullopt;
    }

    Result<Select> selection(const VectorSelector& selector,
                             const Grid& grid,
                             int64_t range_ms,
                             const Enclosing& enclosing) {
        Select select;
        select.selector = &selector;
        for (const MatcherSpec& spec : selector.matchers) {
            TRY(model::Matcher matcher, model::Matcher::create(spec.type, spec.name, spec.value));
            select.matchers.push_back(std::move(matcher));
        }
        TRY(select.offset_ms, resolve(selector.offset, times_, DurationUse::kSigned));
        select.at_ms = resolve_at(selector.at);
        select.range_ms = range_ms;
        select.extension = selector.extension;
        select.statistics = buckets_.statistics();
        set_hints(select, grid, enclosing);
        return select;
    }

    // The first and last time that any step can use, and what the storage may want to know.
    void set_hints(Select& select, const Grid& grid, const Enclosing& enclosing) {
        model::SelectHints& hints = select.hints;
        const bool extended = select.extension != RangeExtension::kNone;
        const int64_t back = select.range_ms == 0
                                 ? options_.lookback_ms
                                 : select.range_ms + (extended ? options_.lookback_ms : 0);
        hints.min_t = select.reference(grid.start) - back + 1;
        hints.max_t = select.reference(grid.at(grid.count - 1));
        if (extended) {
            // The boundary sample may lie exactly a lookback away.
            hints.min_t -= 1;
        }
        if (select.extension == RangeExtension::kSmoothed) {
            hints.max_t += options_.lookback_ms;
        }
        hints.step_ms = grid.count > 1 ? grid.step : 0;
        hints.range_ms = select.range_ms;
        hints.function = enclosing.function;
        hints.grouping = enclosing.grouping;
        hints.by = enclosing.by;
        note_range(hints.min_t, hints.max_t);
    }

    void note_range(int64_t min_t, int64_t max_t) {
        selects_ = true;
        if (min_t > max_t) {
            return;
        }
        const bool first = min_t_ > max_t_;
        min_t_ = first ? min_t : std::min(min_t_, min_t);
        max_t_ = first ? max_t : std::max(max_t_, max_t);
    }

    Result<NodePtr> select(const Expr& expr,
                           const VectorSelector& selector,
                           const Grid& grid,
                           const Enclosing& enclosing) {
        NodePtr node = start(NodeKind::kSelect, expr, grid);
        TRY(node->select, selection(selector, grid, 0, enclosing));
        node->distinct_without_name = names_one_metric(selector);
        return node;
    }

    Result<NodePtr> range(const MatrixSelector& expr,
                          const Grid& grid,
                          const Enclosing& enclosing) {
        NodePtr node = start(NodeKind::kRange, expr, grid);
        TRY(const int64_t range_ms, resolve(expr.range, times_, DurationUse::kPositive));
        TRY(node->select, selection(*expr.selector, grid, range_ms, enclosing));
        node->distinct_without_name = names_one_metric(*expr.selector);
        return node;
    }

    Result<NodePtr> subquery(const Subquery& expr, const Grid& grid) {
        NodePtr node = start(NodeKind::kRange, expr, grid);
        SubqueryWindow window;
        TRY(window.range_ms, resolve(expr.range, times_, DurationUse::kPositive));
        TRY(window.offset_ms, resolve(expr.offset, times_, DurationUse::kSigned));
        window.at_ms = resolve_at(expr.at);
        int64_t step = options_.default_subquery_step_ms;
        if (expr.has_step) {
            TRY(step, resolve(expr.step, times_, DurationUse::kPositive));
        }
        TRY(const Grid inner, subquery_grid(window, step, grid));
        node->window = window;
        TRY(NodePtr input, this->node(*expr.expr, inner, {}, {.seen = true}));
        node->distinct_without_name = input->distinct_without_name;
        node->inputs.push_back(std::move(input));
        return node;
    }

    // The multiples of `step` that any window contains. Without any: a grid of no steps.
    static Result<Grid> subquery_grid(const SubqueryWindow& window,
                                      int64_t step,
                                      const Grid& outer) {
        const int64_t before = window.reference(outer.start) - window.range_ms;  // exclusive
        const int64_t last = window.reference(outer.at(outer.count - 1));
        int64_t first = before / step * step;
        if (first <= before) {
            first += step;
        }
        if (first > last) {
            return Grid{first, step, 0};
        }
        const auto count = static_cast<size_t>((last - first) / step) + 1;
        if (count > kSubqueryStepsMax) {
            return base::fail(Code::kExecution,
                              "query processing would load too many samples into memory in query "
                              "execution");
        }
        return Grid{first, step, count};
    }

    Result<NodePtr> unary(const UnaryExpr& expr, const Grid& grid, const Enclosing& enclosing) {
        if (!expr.negate) {
            return node(*expr.expr, grid, enclosing);
        }
        NodePtr made = start(NodeKind::kNegate, expr, grid);
        TRY(NodePtr input, node(*expr.expr, grid, {}));
        made->distinct_without_name = input->distinct_without_name;
        made->inputs.push_back(std::move(input));
        return made;
    }

    Result<NodePtr> binary(const BinaryExpr& expr, const Grid& grid) {
        NodePtr made = start(NodeKind::kBinary, expr, grid);
        const BucketUse buckets{buckets_.unasked, buckets_.seen || is_trim(expr.op)};
        TRY(NodePtr lhs, node(*expr.lhs, grid, {}, buckets));
        TRY(NodePtr rhs, node(*expr.rhs, grid, {}, buckets));
        const bool left = lhs->type == ValueType::kVector;
        const bool right = rhs->type == ValueType::kVector;
        if (left && right) {
            made->distinct_without_name =
                is_set_operator(expr.op) ? expr.op != BinaryOp::kOr && lhs->distinct_without_name
                                         : !is_comparison(expr.op) && !is_trim(expr.op);
        } else {
            made->distinct_without_name = (left ? lhs : rhs)->distinct_without_name;
        }
        made->inputs = {std::move(lhs), std::move(rhs)};
        return made;
    }

    Result<NodePtr> aggregate(const AggregateExpr& expr, const Grid& grid) {
        NodePtr made = start(NodeKind::kAggregate, expr, grid);
        const Enclosing enclosing{std::string(name_of(expr.op)), expr.grouping, !expr.without};
        TRY(NodePtr input, node(*expr.expr, grid, enclosing));
        const bool picks = expr.op == AggregateOp::kTopk || expr.op == AggregateOp::kBottomk ||
                           expr.op == AggregateOp::kLimitk || expr.op == AggregateOp::kLimitRatio;
        const bool groups_by_name =
            !expr.without &&
            std::ranges::find(expr.grouping, model::kMetricName) != expr.grouping.end();
        made->distinct_without_name = picks ? input->distinct_without_name : !groups_by_name;
        made->inputs.push_back(std::move(input));
        if (expr.param) {
            TRY(NodePtr param, node(*expr.param, grid, {}));
            made->inputs.push_back(std::move(param));
        }
        return made;
    }

    Result<NodePtr> call(const Call& expr, const Grid& grid) {
        switch (expr.function->id) {
            case FunctionId::kTime:
                return start(NodeKind::kTime, expr, grid);
            case FunctionId::kStart:
                return number(expr, grid, static_cast<double>(times_.start_ms) / 1000);
            case FunctionId::kEnd:
                return number(expr, grid, static_cast<double>(times_.end_ms) / 1000);
            case FunctionId::kStep:
                return number(expr, grid, static_cast<double>(times_.step_ms) / 1000);
            case FunctionId::kRange:
                return number(
                    expr, grid, static_cast<double>(times_.end_ms - times_.start_ms) / 1000);
            case FunctionId::kTimestamp:
            case FunctionId::kStartTimestamp:
                if (const auto* selector = try_as<VectorSelector>(without_parens(*expr.args[0]))) {
                    return times_of(expr, *selector, grid);
                }
                break;
            default:
                break;
        }
        return plain_call(expr, grid);
    }

    Result<NodePtr> times_of(const Call& expr, const VectorSelector& selector, const Grid& grid) {
        TRY(NodePtr made,
            select(expr, selector, grid, {std::string(expr.function->name), {}, false}));
        made->select->value = expr.function->id == FunctionId::kTimestamp
                                  ? SelectValue::kTimestamp
                                  : SelectValue::kStartTimestamp;
        return made;
    }

    Result<NodePtr> plain_call(const Call& expr, const Grid& grid) {
        NodePtr made = start(NodeKind::kFunction, expr, grid);
        const Enclosing enclosing{std::string(expr.function->name), {}, false};
        made->distinct_without_name = true;
        if (expr.function->id == FunctionId::kInfo) {
            return info(expr, grid);
        }
        for (const ExprPtr& arg : expr.args) {
            TRY(NodePtr input, node(*arg, grid, enclosing, buckets_within(expr.function->id)));
            if (input->type == ValueType::kMatrix) {
                made->kind = NodeKind::kRollup;
                made->source = made->inputs.size();
            }
            if (input->type == ValueType::kMatrix || input->type == ValueType::kVector) {
                made->distinct_without_name &= input->distinct_without_name;
            }
            made->inputs.push_back(std::move(input));
        }
        const FunctionId id = expr.function->id;
        if ((id == FunctionId::kLabelReplace || id == FunctionId::kLabelJoin) &&
            made->inputs[1]->text == model::kMetricName) {
            made->distinct_without_name = false;
        }
        return made;
    }

    // When info metrics are looked at: as the first selector of the base vector says, together with
    // the subqueries around it.
    struct InfoTime {
        std::optional<int64_t> at_ms;
        int64_t offset_ms = 0;
    };

    Result<std::optional<InfoTime>> info_time(const Expr& expr) {
        if (const auto* selector = try_as<VectorSelector>(expr)) {
            InfoTime time{resolve_at(selector->at), 0};
            TRY(time.offset_ms, resolve(selector->offset, times_, DurationUse::kSigned));
            return std::optional(time);
        }
        std::optional<InfoTime> found;
        base::Status status = base::success();
        for_each_child(expr, [&](const Expr& child) {
            if (found || !status) {
                return;
            }
            auto time = info_time(child);
            if (time) {
                found = time.value();
            } else {
                status = base::fail(std::move(time).error());
            }
        });
        TRY(std::move(status));
        const auto* subquery = try_as<Subquery>(expr);
        if (found && subquery != nullptr && !found->at_ms) {
            TRY(const int64_t offset, resolve(subquery->offset, times_, DurationUse::kSigned));
            found->offset_ms += offset;
            found->at_ms = resolve_at(subquery->at);
        }
        return found;
    }

    Result<NodePtr> info(const Call& expr, const Grid& grid) {
        NodePtr made = start(NodeKind::kFunction, expr, grid);
        TRY(NodePtr base, node(*expr.args[0], grid, {}));
        NodePtr data = start(NodeKind::kSelect, expr, grid);
        TRY(const std::optional<InfoTime> time, info_time(*expr.args[0]));
        Select select;
        select.at_ms = time ? time->at_ms : std::nullopt;
        select.offset_ms = time ? time->offset_ms : 0;
        set_hints(select, grid, {"info", {}, false});
        select.value = SelectValue::kSampleTime;
        TRY(select.matchers, info_matchers(expr));
        data->select = std::move(select);
        made->inputs = {std::move(base), std::move(data)};
        return made;
    }

    // Those of the second argument; without a positive one for the name, target_info or *_info.
    static Result<std::vector<model::Matcher>> info_matchers(const Call& expr) {
        std::vector<model::Matcher> matchers;
        bool any_name = false;
        bool positive_name = false;
        if (expr.args.size() > 1) {
            for (const MatcherSpec& spec :
                 as<VectorSelector>(without_parens(*expr.args[1])).matchers) {
                TRY(model::Matcher matcher,
                    model::Matcher::create(spec.type, spec.name, spec.value));
                matchers.push_back(std::move(matcher));
                if (spec.name == model::kMetricName) {
                    any_name = true;
                    positive_name |=
                        spec.type == MatchType::kEqual || spec.type == MatchType::kRegex;
                }
            }
        }
        if (!any_name) {
            matchers.push_back(
                model::Matcher::equal(std::string(model::kMetricName), "target_info"));
        } else if (!positive_name) {
            TRY(model::Matcher matcher,
                model::Matcher::create(
                    model::MatchType::kRegex, std::string(model::kMetricName), ".+_info"));
            matchers.push_back(std::move(matcher));
        }
        return matchers;
    }

    const QueryTimes& times_;
    const Options& options_;
    std::unordered_map<std::string, NodePtr> known_;
    BucketUse buckets_;  // of what is around the node being made
    bool selects_ = false;
    int64_t min_t_ = 0;
    int64_t max_t_ = -1;
};

}  // namespace

Result<Plan> make_plan(const Expr& expr, const QueryTimes& times, const Options& options) {
    return Planner(times, options).run(expr);
}

}  // namespace query::plan
