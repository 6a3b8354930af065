// What a reader sees of the storage, pinned for as long as it reads.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/sync.h"
#include "tsdb/block/block.h"

namespace tsdb {

// A consistent state: what lies before head_from is asked of the blocks, what lies after it of the
// head. While a view is held, nothing that it shows goes away. Immutable.
struct View {
    std::vector<std::shared_ptr<const block::Block>> blocks;  // by min_t
    int64_t head_from = INT64_MIN;                            // ms
};

// The newest view, and who still reads older ones. Threads: any.
class Views {
  public:
    Views() : current_(std::make_shared<const View>()) {}

    // To be held in a name while it is read: in `for (… : current()->blocks)` it is gone at once.
    [[nodiscard]] std::shared_ptr<const View> current() const EXCLUDES_LOCK(mutex_);
    // Readers that come from now on see `view`.
    void replace(View view) EXCLUDES_LOCK(mutex_);
    // Whether everybody reads the current view.
    [[nodiscard]] bool only_current() const EXCLUDES_LOCK(mutex_);
    // Waits until everybody does who began before the last replace().
    //   returns  false: asked to stop first
    [[nodiscard]] bool wait_for_readers(const std::stop_token& stop) const;

  private:
    mutable base::Mutex mutex_;
    std::shared_ptr<const View> current_ GUARDED_BY(mutex_);
    mutable std::vector<std::weak_ptr<const View>> older_ GUARDED_BY(mutex_);
};

}  // namespace tsdb
