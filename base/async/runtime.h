// The lanes of a process.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/async/lane.h"

namespace base {

struct RuntimeOptions {
    size_t lanes = 1;  // 1 .. Runtime::kLanesMax
    LaneOptions lane;  // the name gets "-<index>" behind it when there are several
};

// A set of alike lanes. A process has one for serving (event-driven) and one for scraping (ticked).
//   threads   any
//   lifetime  the first thing built, the last destroyed
class Runtime {
  public:
    static constexpr size_t kLanesMax = 256;

    Runtime(const Clock& clock, RuntimeOptions options);
    ~Runtime();  // stop()
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    void start();
    void stop();

    [[nodiscard]] size_t size() const { return lanes_.size(); }

    [[nodiscard]] Lane& lane(size_t index) { return *lanes_[index % lanes_.size()]; }

    // Round robin.
    [[nodiscard]] Lane& next() { return lane(next_.fetch_add(1, std::memory_order_relaxed)); }

    [[nodiscard]] const Clock& clock() const { return clock_; }

  private:
    const Clock& clock_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    std::atomic<size_t> next_{0};
};

}  // namespace base
