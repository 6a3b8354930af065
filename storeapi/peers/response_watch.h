// How long one message of a peer may take: calls that keep their reader waiting longer end.
#pragma once

#include <list>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/client.h"
#include "base/sync.h"

namespace storeapi {

// Cancels waits that last too long, from a thread of its own.
//   threads   any
//   lifetime  outlives the calls made with it
class ResponseWatch {
  public:
    // timeout  of the wait for one message; 0: none, and then there is no thread
    explicit ResponseWatch(base::Duration timeout);
    ~ResponseWatch();
    ResponseWatch(const ResponseWatch&) = delete;
    ResponseWatch& operator=(const ResponseWatch&) = delete;

    // As Channel::stream().
    //   errors  of the reader also kTimeout: the next message took too long
    [[nodiscard]] std::unique_ptr<base::rpc::MessageReader> stream(base::rpc::Channel& channel,
                                                                   const std::string& path,
                                                                   std::string request,
                                                                   base::Deadline deadline,
                                                                   std::stop_token stop);

  private:
    friend class WatchedReader;

    // A reader that waits.
    struct Wait {
        base::SteadyTime until;
        std::stop_source cancel;
        bool cancelled = false;
    };

    using Waits = std::list<Wait>;  // by time: all wait equally long

    [[nodiscard]] Waits::iterator begin_wait(const std::stop_source& cancel) EXCLUDES_LOCK(mutex_);
    void end_wait(Waits::iterator wait) EXCLUDES_LOCK(mutex_);
    // Waits for the next one that has lasted too long; false: stopping.
    [[nodiscard]] bool next_late(std::stop_source& late) EXCLUDES_LOCK(mutex_);
    void loop() EXCLUDES_LOCK(mutex_);

    const base::Duration timeout_;
    base::Mutex mutex_;
    base::CondVar wake_;
    Waits waits_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::thread thread_;  // last: it uses everything above
};

}  // namespace storeapi
