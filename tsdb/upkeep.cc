#include "tsdb/upkeep.h"

#include <algorithm>

namespace tsdb {
namespace {

constexpr std::chrono::seconds kRetryFirst{1};  // doubled with every failure, up to the interval

}  // namespace

Upkeep::Upkeep(const TsdbOptions& options,
               HeadCutter& cutter,
               OutOfOrderCutter& late_cutter,
               BlockKeeper& blocks,
               CutMetrics& cut_metrics,
               BlockMetrics& block_metrics,
               std::function<uint64_t()> head_bytes,
               std::function<Scope()> scope,
               base::Logger log)
    : options_(options),
      cutter_(cutter),
      late_cutter_(late_cutter),
      blocks_(blocks),
      cut_metrics_(cut_metrics),
      block_metrics_(block_metrics),
      head_bytes_(std::move(head_bytes)),
      scope_(std::move(scope)),
      log_(std::move(log)) {}

Upkeep::~Upkeep() {
    stop();
}

void Upkeep::start() {
    thread_ = std::thread([this] { loop(stop_.get_token()); });
}

void Upkeep::stop() {
    stop_.request_stop();
    {
        const base::MutexLock lock(mutex_);
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

base::Status Upkeep::run_once() {
    const base::MutexLock lock(work_);
    const std::stop_token stop = stop_.get_token();
    TRY(blocks_.reload(head_bytes_()));
    block_metrics_.triggered.add();
    const Scope scope = scope_();
    if (scope == Scope::kLetGo) {
        return base::success();
    }
    while (cutter_.due() && !stop.stop_requested()) {
        base::Status cut = cutter_.cut(stop);
        if (!cut) {
            cut_metrics_.truncations_failed.add();
            return cut;
        }
        late_due_ = true;
    }
    if (late_due_) {
        TRY(late_cutter_.cut(stop));
        late_due_ = false;
    }
    if (scope == Scope::kCut) {
        return base::success();
    }
    return blocks_.compact(stop, [&] { return cutter_.due(); });
}

base::Status Upkeep::while_resting(const std::function<base::Status()>& work) {
    const base::MutexLock lock(work_);
    if (stop_.stop_requested()) {
        return base::fail(base::Code::kUnavailable, "the storage is stopping");
    }
    return work();
}

void Upkeep::loop(const std::stop_token& stop) {
    const auto interval =
        std::chrono::duration_cast<std::chrono::nanoseconds>(options_.block_reload_interval);
    std::chrono::nanoseconds wait = interval;
    while (!stop.stop_requested()) {
        {
            const base::MutexLock lock(mutex_);
            const auto until = std::chrono::steady_clock::now() + wait;
            while (!stop.stop_requested() && std::chrono::steady_clock::now() < until) {
                wake_.wait_until(mutex_, until);
            }
        }
        if (stop.stop_requested()) {
            return;
        }
        const base::Status status = run_once();
        if (status || stop.stop_requested()) {
            wait = interval;
            continue;
        }
        log_.error("storage upkeep failed, it is tried again", "error", status.error());
        wait =
            wait >= interval ? std::chrono::nanoseconds(kRetryFirst) : std::min(interval, wait * 2);
    }
}

}  // namespace tsdb
