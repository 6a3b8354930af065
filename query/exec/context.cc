#include "query/exec/context.h"

#include <algorithm>

#include "query/exec/block.h"

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

base::Status ExecContext::check() {
    if (request.stop.stop_requested()) {
        return base::fail(base::Code::kCanceled, "query was canceled in expression evaluation");
    }
    if (request.clock != nullptr && request.deadline.passed(request.clock->steady())) {
        return base::fail(base::Code::kTimeout, "query timed out in expression evaluation");
    }
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
