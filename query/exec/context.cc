#include "query/exec/context.h"

#include <algorithm>

#include "query/exec/block.h"
#include "query/plan/plan.h"

namespace query::exec {

base::Status SampleMeter::hold(int64_t count) {
    const int64_t held = add(held_, count);
    peak_ = std::max(peak_, held);
    if (held > limit_) {
        return base::fail(base::Code::kExecution,
                          "query processing would load too many samples into memory in query "
                          "execution");
    }
    return base::success();
}

base::Status SampleMeter::take(const SampleMeter& part) {
    read(part.total_read());
    queried(part.total_queried());
    for (size_t step = 0; step < part.per_step_.size(); ++step) {
        queried_at(step, part.per_step_[step]);
    }
    const base::Status held = hold(part.peak());
    release(part.peak());
    return held;
}

void SampleMeter::start_over() {
    held_.store(0, std::memory_order_relaxed);
    read_.store(0, std::memory_order_relaxed);
    peak_ = 0;
    queried_ = 0;
    std::ranges::fill(per_step_, Step{});
}

QueriedSamples::QueriedSamples(const plan::Node& node, SampleMeter& meter)
    : meter_(meter), weight_(node.sample_weight), steps_(node.grid.count) {}

void QueriedSamples::add(size_t step, int64_t count, int64_t first) {
    meter_.queried(count * weight_);
    if (!meter_.counts_steps() || weight_ == 0) {
        return;
    }
    const size_t all = meter_.steps();
    if (steps_ == all) {
        meter_.queried_at(step, {count * weight_, first * weight_});
        return;
    }
    // Worked out once for all steps: the weight has a part for each, and the first is the first to
    // look.
    const int64_t part = weight_ / static_cast<int64_t>(all);
    for (size_t i = 0; i < all; ++i) {
        meter_.queried_at(i, {count * part, i == 0 ? first * part : 0});
    }
}

void QueriedSamples::add(const Bits& present) {
    if (!meter_.counts_steps()) {
        meter_.queried(static_cast<int64_t>(present.count()) * weight_);
        return;
    }
    present.for_each([&](size_t step) { add(step, 1, 1); });
}

base::Status RowContext::check() {
    if (request.stop.stop_requested()) {
        return base::fail(base::Code::kCanceled, "query was canceled in expression evaluation");
    }
    if (request.clock != nullptr && request.deadline.passed(request.clock->steady())) {
        return base::fail(base::Code::kTimeout, "query timed out in expression evaluation");
    }
    return base::success();
}

base::Status ExecContext::check() {
    TRY(RowContext::check());
    const auto held = static_cast<int64_t>(labels.capacity_bytes());
    if (held > label_memory_.bytes()) {
        TRY(label_memory_.grow(held - label_memory_.bytes()));
    }
    return base::success();
}

void ExecContext::drop_name(RowLabels& row) {
    if (options.delayed_name_removal) {
        row.drop_name = true;
    } else {
        row.labels = labels.without_metadata(row.labels);
    }
}

}  // namespace query::exec
