// SIGTERM, SIGINT, SIGHUP and friends as calls on a lane.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "base/async/lane.h"

namespace base {

// Calls `callback(signal number)` on the lane for each of the signals while it lives.
//   threads   built and destroyed off the lane or on it; one object per signal number
class Signals {
  public:
    Signals(Lane& lane, std::initializer_list<int> signals, std::function<void(int)> callback);
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

  private:
    struct State;

    Lane& lane_;
    std::shared_ptr<State> state_;
};

// A peer that closed its socket must not end the process. Once, in main().
void ignore_sigpipe();

}  // namespace base
