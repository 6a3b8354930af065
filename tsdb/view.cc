#include "tsdb/view.h"

#include <chrono>
#include <thread>
#include <utility>

namespace tsdb {
namespace {

// Readers let go of a view from any thread and without telling: who waits looks now and then.
constexpr std::chrono::milliseconds kLookEvery{5};

}  // namespace

std::shared_ptr<const View> Views::current() const {
    const base::MutexLock lock(mutex_);
    return current_;
}

void Views::replace(View view) {
    auto next = std::make_shared<const View>(std::move(view));
    const base::MutexLock lock(mutex_);
    older_.emplace_back(std::exchange(current_, std::move(next)));
}

bool Views::only_current() const {
    const base::MutexLock lock(mutex_);
    std::erase_if(older_, [](const auto& view) { return view.expired(); });
    return older_.empty();
}

bool Views::wait_for_readers(const std::stop_token& stop) const {
    while (!only_current()) {
        if (stop.stop_requested()) {
            return false;
        }
        std::this_thread::sleep_for(kLookEvery);
    }
    return true;
}

}  // namespace tsdb
