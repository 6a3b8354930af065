// Small chores on a thread of their own, each at its own pace.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/sync.h"

namespace engine {

class Maintenance {
  public:
    struct Chore {
        std::string name;
        std::chrono::milliseconds every;
        std::function<void()> run;
    };

    explicit Maintenance(std::vector<Chore> chores);
    ~Maintenance();  // stop()
    Maintenance(const Maintenance&) = delete;
    Maintenance& operator=(const Maintenance&) = delete;

    // Waits for the chore that is running.
    void stop() EXCLUDES_LOCK(mutex_);

  private:
    void loop() EXCLUDES_LOCK(mutex_);

    std::vector<Chore> chores_;
    base::Mutex mutex_;
    base::CondVar wake_;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;
};

}  // namespace engine
