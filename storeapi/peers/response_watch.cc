#include "storeapi/peers/response_watch.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace storeapi {

// Asks to stop when somebody else does.
struct PassStop {
    std::stop_source* to;

    void operator()() const { to->request_stop(); }
};

class WatchedReader final : public base::rpc::MessageReader {
  public:
    WatchedReader(ResponseWatch& watch,
                  base::rpc::Channel& channel,
                  const std::string& path,
                  std::string request,
                  base::Deadline deadline,
                  std::stop_token stop)
        : watch_(watch),
          pass_(std::move(stop), PassStop{&cancel_}),
          reader_(channel.stream(path, std::move(request), deadline, cancel_.get_token())) {}

    base::Result<bool> next(std::string& message) override {
        const auto began = std::chrono::steady_clock::now();
        const auto wait = watch_.begin_wait(cancel_);
        base::Result<bool> more = reader_->next(message);
        watch_.end_wait(wait);
        if (!more && std::chrono::steady_clock::now() - began >= watch_.timeout_) {
            const auto waited =
                std::chrono::duration_cast<std::chrono::milliseconds>(watch_.timeout_);
            return base::fail(base::Code::kTimeout, "no message came for", waited.count(), "ms");
        }
        return more;
    }

  private:
    ResponseWatch& watch_;
    std::stop_source cancel_;
    std::stop_callback<PassStop> pass_;
    std::unique_ptr<base::rpc::MessageReader> reader_;
};

ResponseWatch::ResponseWatch(base::Duration timeout) : timeout_(timeout) {
    if (timeout_ > base::Duration::zero()) {
        thread_ = std::thread([this] { loop(); });
    }
}

ResponseWatch::~ResponseWatch() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::unique_ptr<base::rpc::MessageReader> ResponseWatch::stream(base::rpc::Channel& channel,
                                                                const std::string& path,
                                                                std::string request,
                                                                base::Deadline deadline,
                                                                std::stop_token stop) {
    if (timeout_ <= base::Duration::zero()) {
        return channel.stream(path, std::move(request), deadline, std::move(stop));
    }
    return std::make_unique<WatchedReader>(
        *this, channel, path, std::move(request), deadline, std::move(stop));
}

ResponseWatch::Waits::iterator ResponseWatch::begin_wait(const std::stop_source& cancel) {
    const base::MutexLock lock(mutex_);
    const auto wait = waits_.insert(
        waits_.end(), {.until = std::chrono::steady_clock::now() + timeout_, .cancel = cancel});
    if (waits_.size() == 1) {
        wake_.notify_all();
    }
    return wait;
}

void ResponseWatch::end_wait(Waits::iterator wait) {
    const base::MutexLock lock(mutex_);
    waits_.erase(wait);
}

bool ResponseWatch::next_late(std::stop_source& late) {
    const base::MutexLock lock(mutex_);
    while (!stopping_) {
        // Those that were cancelled stand in front for the moment that they take to end.
        const auto next =
            std::ranges::find_if(waits_, [](const Wait& wait) { return !wait.cancelled; });
        const auto now = std::chrono::steady_clock::now();
        if (next == waits_.end() && waits_.empty()) {
            wake_.wait(mutex_);
        } else if (next == waits_.end()) {
            wake_.wait_until(mutex_, now + timeout_);
        } else if (next->until > now) {
            wake_.wait_until(mutex_, next->until);
        } else {
            next->cancelled = true;
            late = next->cancel;
            return true;
        }
    }
    return false;
}

void ResponseWatch::loop() {
    std::stop_source late(std::nostopstate);
    while (next_late(late)) {
        late.request_stop();  // not under the lock: what ends a call may run here
    }
}

}  // namespace storeapi
