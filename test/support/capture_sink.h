// A log sink that keeps the lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/sync.h"

namespace test_support {

// Threads: any.
class CaptureSink final : public base::LogSink {
  public:
    void write(std::string_view line) override {
        const base::MutexLock lock(mutex_);
        lines_.emplace_back(line);
    }

    [[nodiscard]] std::vector<std::string> lines() const {
        const base::MutexLock lock(mutex_);
        return lines_;
    }

    // True when a line holds `text`.
    [[nodiscard]] bool contains(std::string_view text) const {
        const base::MutexLock lock(mutex_);
        for (const std::string& line : lines_) {
            if (line.find(text) != std::string::npos) {
                return true;
            }
        }
        return false;
    }

  private:
    mutable base::Mutex mutex_;
    std::vector<std::string> lines_ GUARDED_BY(mutex_);
};

}  // namespace test_support
