// How compaction reports what goes wrong in one of its blocks.
#pragma once

#include <stop_token>
#include <utility>

#include "base/result.h"
#include "tsdb/block/block.h"

namespace tsdb {

// Damage is remembered by the block, for whoever decides about it; the error names the block.
[[nodiscard]] inline auto fail_in(const block::Block& block, base::Error error) {
    if (error.code() == base::Code::kCorrupt) {
        block.report_damage(error);
    }
    error.add_context("block " + block.meta().ulid.text());
    return base::fail(std::move(error));
}

// errors  kCanceled
[[nodiscard]] inline base::Status check_not_stopped(const std::stop_token& stop) {
    if (stop.stop_requested()) {
        return base::fail(base::Code::kCanceled, "compaction was stopped");
    }
    return base::success();
}

}  // namespace tsdb
