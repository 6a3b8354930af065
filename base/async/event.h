// A flag that a task waits for and any thread may raise.
#pragma once

#include <memory>

#include "base/async/lane.h"

namespace base {

// Auto-reset: each wait() consumes the flag; raising a raised flag changes nothing. One waiter at a
// time (CHECKed).
//   threads   set() any, also after the Event is gone through a Setter; wait() on the lane
class Event {
    struct State;

  public:
    explicit Event(Lane& lane);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    // What another thread keeps: may outlive the Event, but not the lane.
    class Setter {
      public:
        void set() const;

      private:
        friend class Event;

        explicit Setter(std::shared_ptr<State> state) : state_(std::move(state)) {}

        std::shared_ptr<State> state_;
    };

    void set();
    [[nodiscard]] Setter setter() const;

    // errors  kCanceled
    [[nodiscard]] Task<void> wait();
    // errors  kCanceled, kTimeout: not raised by then
    [[nodiscard]] Task<void> wait_until(SteadyTime when);

  private:
    std::shared_ptr<State> state_;
};

}  // namespace base
