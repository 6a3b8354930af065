// Methods that are served from the start and answered once what answers them is there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/rpc/server.h"
#include "base/sync.h"

namespace engine {

// A call in which both ends send, at a path whose handler comes later, or changes.
//   threads  any
class LateMethod {
  public:
    explicit LateMethod(std::string path) : path_(std::move(path)) {}

    // Of `methods`, the one with this path.
    void set(std::vector<base::rpc::Method> methods) EXCLUDES_LOCK(state_->mutex) {
        const base::MutexLock lock(state_->mutex);
        for (base::rpc::Method& method : methods) {
            if (method.path == path_) {
                state_->handler = std::move(method.duplex);
            }
        }
    }

    [[nodiscard]] base::rpc::Method method() const {
        return {.path = path_,
                .unary = {},
                .stream = {},
                .duplex = [state = state_](std::shared_ptr<base::rpc::Duplex> peer,
                                           const base::rpc::CallPeer& who)
                    -> base::Result<std::unique_ptr<base::rpc::DuplexListener>> {
                    base::rpc::DuplexHandler handler;
                    {
                        const base::MutexLock lock(state->mutex);
                        handler = state->handler;
                    }
                    if (!handler) {
                        return base::fail(base::Code::kUnavailable,
                                          "this node belongs to no cluster yet");
                    }
                    return handler(std::move(peer), who);
                }};
    }

  private:
    struct State {
        base::Mutex mutex;
        base::rpc::DuplexHandler handler GUARDED_BY(mutex);
    };

    const std::string path_;
    const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace engine
