#include "query/exec/explain.h"

#include <algorithm>

#include "query/printer.h"

namespace query::exec {
namespace {

constexpr size_t kExpressionMax = 1000;  // bytes that are shown of one

std::string operation_of(const plan::Node& node) {
    switch (node.kind) {
        case plan::NodeKind::kNumber:
            return "number";
        case plan::NodeKind::kString:
            return "string";
        case plan::NodeKind::kTime:
            return "time";
        case plan::NodeKind::kSelect:
            return "select";
        case plan::NodeKind::kRange:
            return node.select ? "select range" : "subquery";
        case plan::NodeKind::kRollup:
        case plan::NodeKind::kFunction:
            return std::string(as<query::Call>(*node.expr).function->name);
        case plan::NodeKind::kAggregate:
            return std::string(name_of(as<AggregateExpr>(*node.expr).op));
        case plan::NodeKind::kBinary:
            return std::string(symbol(as<BinaryExpr>(*node.expr).op));
        case plan::NodeKind::kNegate:
            return "negate";
        case plan::NodeKind::kBroadcast:
            return "repeat";
    }
    return {};
}

std::string expression_of(const plan::Node& node) {
    std::string text = to_string(*node.expr);
    if (text.size() > kExpressionMax) {
        text.resize(kExpressionMax);
        text += "…";
    }
    return text;
}

double seconds(base::Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

}  // namespace

template <class Run>
auto Explain::book(Figures& figures, Run&& run) {
    Call call{.caller = running_};
    running_ = &call;
    const base::SteadyTime begun = clock_.steady();
    const int64_t bytes_before = budget_.used();
    const int64_t read_before = samples_.total_read();
    auto result = run();
    const base::Duration took = clock_.steady() - begun;
    const int64_t bytes = budget_.used() - bytes_before;
    const int64_t read = samples_.total_read() - read_before;
    running_ = call.caller;
    figures.whole += took;
    figures.own += took - call.inner_time;
    figures.samples_read += read - call.inner_read;
    figures.bytes += bytes - call.inner_bytes;
    figures.peak_bytes = std::max(figures.peak_bytes, figures.bytes);
    if (running_ != nullptr) {
        running_->inner_time += took;
        running_->inner_bytes += bytes;
        running_->inner_read += read;
    }
    return result;
}

class Explain::WatchedRows final : public Operator {
  public:
    WatchedRows(Explain& explain, Figures& figures, OperatorPtr inner)
        : explain_(explain), figures_(figures), inner_(std::move(inner)) {}

    base::Result<bool> next(Block& out) override {
        auto more = explain_.book(figures_, [&] { return inner_->next(out); });
        if (more && more.value()) {
            figures_.series += static_cast<int64_t>(out.rows());
            for (size_t r = 0; r < out.rows(); ++r) {
                figures_.points += static_cast<int64_t>(out.present(r).count());
            }
        }
        return more;
    }

  private:
    Explain& explain_;
    Figures& figures_;
    OperatorPtr inner_;
};

class Explain::WatchedSeries final : public SeriesSource {
  public:
    WatchedSeries(Explain& explain, Figures& figures, std::unique_ptr<SeriesSource> inner)
        : explain_(explain), figures_(figures), inner_(std::move(inner)) {}

    base::Result<bool> next(SeriesSamples& out) override {
        auto more = explain_.book(figures_, [&] { return inner_->next(out); });
        if (more && more.value()) {
            ++figures_.series;
            figures_.points +=
                static_cast<int64_t>(out.columns->t.size() + out.columns->histogram_t.size());
        }
        return more;
    }

  private:
    Explain& explain_;
    Figures& figures_;
    std::unique_ptr<SeriesSource> inner_;
};

OperatorPtr Explain::watch(const plan::Node& node, OperatorPtr rows) {
    return std::make_unique<WatchedRows>(*this, figures_[&node], std::move(rows));
}

std::unique_ptr<SeriesSource> Explain::watch(const plan::Node& node,
                                             std::unique_ptr<SeriesSource> series) {
    return std::make_unique<WatchedSeries>(*this, figures_[&node], std::move(series));
}

ExplainedOperator Explain::tree(const plan::Node& root) const {
    ExplainedOperator out;
    add(root, out);
    return out;
}

void Explain::add(const plan::Node& node, ExplainedOperator& out) const {
    out.operation = operation_of(node);
    out.expression = expression_of(node);
    out.uses = std::max(node.uses, 1);
    out.steps = static_cast<int64_t>(node.grid.count);
    if (const auto found = figures_.find(&node); found != figures_.end()) {
        const Figures& figures = found->second;
        out.series = figures.series;
        out.points = figures.points;
        out.samples_read = figures.samples_read;
        out.peak_bytes = figures.peak_bytes;
        out.seconds = seconds(figures.whole);
        out.own_seconds = seconds(figures.own);
    }
    for (const plan::NodePtr& input : node.inputs) {
        add(*input, out.inputs.emplace_back());
    }
}

}  // namespace query::exec
