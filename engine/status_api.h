// What the process says of itself over HTTP: status/*, health, lifecycle, its metrics.
#pragma once

#include <atomic>
#include <functional>
#include <string>

#include "base/http/router.h"
#include "base/metrics.h"
#include "engine/cli.h"
#include "engine/reload.h"

namespace engine {

// Starting, serving, stopping: what /-/ready and the API's gate look at. Threads: any.
class Readiness {
  public:
    enum class State : uint8_t { kStarting, kReady, kStopping };

    void set(State state) { state_.store(state); }

    [[nodiscard]] State get() const { return state_.load(); }

    [[nodiscard]] bool ready() const { return get() == State::kReady; }

  private:
    std::atomic<State> state_{State::kStarting};
};

// What the status pages need; all borrowed for the life of the server.
struct StatusSources {
    const base::Clock& clock;
    const base::Registry& registry;
    const Readiness& readiness;
    ConfigReload& reload;
    const FlagValues& flags;
    std::function<void()> quit;  // starts an orderly stop
    std::function<double()> corruptions;
    int64_t started_ms = 0;
    int64_t memory_limit = 0;          // bytes
    base::WorkerPool* pool = nullptr;  // for what may block: reloads, collections
};

void register_status_routes(base::http::Router& router, StatusSources sources);

// A handler that answers 503 until the process is ready, as Prometheus' API does.
[[nodiscard]] base::http::Handler when_ready(const Readiness& readiness,
                                             base::http::Handler handler);

}  // namespace engine
