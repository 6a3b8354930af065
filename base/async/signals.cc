#include "base/async/signals.h"

#include <csignal>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

namespace base {

struct Signals::State : std::enable_shared_from_this<Signals::State> {
    State(Lane& lane, std::function<void(int)> call)
        : set(lane.context()), callback(std::move(call)) {}

    void wait() {
        set.async_wait(
            [self = shared_from_this()](const boost::system::error_code& error, int signal) {
                if (!error) {
                    self->callback(signal);
                    self->wait();
                }
            });
    }

    boost::asio::signal_set set;
    std::function<void(int)> callback;
};

Signals::Signals(Lane& lane, std::initializer_list<int> signals, std::function<void(int)> callback)
    : lane_(lane), state_(std::make_shared<State>(lane, std::move(callback))) {
    for (const int signal : signals) {
        state_->set.add(signal);
    }
    lane.call([this] { state_->wait(); });
}

Signals::~Signals() {
    // On the lane, so that no call is under way afterwards.
    lane_.call([this] {
        boost::system::error_code ignored;
        state_->set.cancel(ignored);
        state_->callback = [](int) {};
    });
}

void ignore_sigpipe() {
    std::signal(SIGPIPE, SIG_IGN);
}

}  // namespace base
