#include "base/rpc/duplex_queue.h"

#include <deque>
#include <optional>
#include <utility>

#include "base/sync.h"

namespace base::rpc {
namespace {

// What is to be done once the lock is released: the next write, or the end, or nothing.
struct Next {
    DuplexCall* call = nullptr;
    std::optional<std::string> message = std::nullopt;
    std::optional<Status> outcome = std::nullopt;

    void act() {
        if (message.has_value()) {
            call->write(std::move(*message));
        } else if (outcome.has_value()) {
            call->finish(*outcome);
        }
    }
};

}  // namespace

struct DuplexQueue::State {
    State(DuplexCall& call_of, size_t most) : bytes_max(most), call(&call_of) {}

    [[nodiscard]] Next next() REQUIRES_LOCK(mutex) {
        Next step{.call = call};
        if (call == nullptr || writing) {
            return step;
        }
        if (!waiting.empty()) {
            step.message = std::move(waiting.front());
            waiting.pop_front();
            bytes -= step.message->size();
            writing = true;
            writing_bytes = step.message->size();
        } else if (outcome.has_value() && !cancelling) {
            step.outcome = outcome;
            call = nullptr;
        }
        return step;
    }

    void set_outcome(Status ended) REQUIRES_LOCK(mutex) {
        if (!outcome.has_value()) {
            outcome = std::move(ended);
        }
    }

    void drop_waiting() REQUIRES_LOCK(mutex) {
        waiting.clear();
        bytes = 0;
    }

    const size_t bytes_max;
    mutable Mutex mutex;
    DuplexCall* call GUARDED_BY(mutex);  // null: finished
    std::deque<std::string> waiting GUARDED_BY(mutex);
    size_t bytes GUARDED_BY(mutex) = 0;
    bool writing GUARDED_BY(mutex) = false;
    size_t writing_bytes GUARDED_BY(mutex) = 0;
    bool cancelling GUARDED_BY(mutex) = false;
    std::optional<Status> outcome GUARDED_BY(mutex);
};

DuplexQueue::DuplexQueue(DuplexCall& call, size_t bytes_max)
    : state_(std::make_unique<State>(call, bytes_max)) {}

DuplexQueue::~DuplexQueue() = default;

bool DuplexQueue::send(std::string message) {
    Next step;
    {
        const MutexLock lock(state_->mutex);
        if (state_->outcome.has_value() || state_->bytes + message.size() > state_->bytes_max) {
            return false;
        }
        state_->bytes += message.size();
        state_->waiting.push_back(std::move(message));
        step = state_->next();
    }
    step.act();
    return true;
}

size_t DuplexQueue::waiting_bytes() const {
    const MutexLock lock(state_->mutex);
    return state_->bytes + state_->writing_bytes;
}

void DuplexQueue::close(Status outcome) {
    Next step;
    {
        const MutexLock lock(state_->mutex);
        state_->set_outcome(std::move(outcome));
        step = state_->next();
    }
    step.act();
}

void DuplexQueue::written(bool ok) {
    Next step;
    {
        const MutexLock lock(state_->mutex);
        state_->writing = false;
        state_->writing_bytes = 0;
        if (!ok) {
            state_->set_outcome(fail(Code::kUnavailable, "the connection was lost"));
            state_->drop_waiting();
        }
        step = state_->next();
    }
    step.act();
}

void DuplexQueue::end(Status outcome) {
    Next step;
    {
        const MutexLock lock(state_->mutex);
        state_->set_outcome(std::move(outcome));
        state_->drop_waiting();
        step = state_->next();
    }
    step.act();
}

void DuplexQueue::abort() {
    DuplexCall* call = nullptr;
    {
        const MutexLock lock(state_->mutex);
        state_->set_outcome(fail(Code::kCanceled, "the call was cancelled"));
        state_->drop_waiting();
        if (state_->call == nullptr || state_->cancelling) {
            return;
        }
        state_->cancelling = true;
        call = state_->call;
    }
    call->cancel();
    Next step;
    {
        const MutexLock lock(state_->mutex);
        state_->cancelling = false;
        step = state_->next();
    }
    step.act();
}

bool DuplexQueue::ending() const {
    const MutexLock lock(state_->mutex);
    return state_->outcome.has_value();
}

}  // namespace base::rpc
