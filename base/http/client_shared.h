// What client connections share: the resolver's cache and the TLS contexts.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/async/event.h"
#include "base/async/worker_pool.h"
#include "base/http/client.h"
#include "base/http/stream.h"
#include "base/http/tls.h"
#include "base/sync.h"

namespace base::http {

// Names to addresses, kept for a few seconds; getaddrinfo() runs on threads of its own, so that a
// slow name server delays only those who ask for its names.
//   threads   any
class Resolver {
  public:
    static constexpr size_t kThreads = 4;
    static constexpr size_t kWaitingMax = 4096;

    explicit Resolver(ClientShared::Options options) : options_(std::move(options)) {}

    ~Resolver();

    // errors  kUnavailable: no such host; kLimit: too many names are being asked for; kTimeout,
    //         kCanceled
    [[nodiscard]] Task<std::vector<Address>> resolve(Lane& lane,
                                                     std::string host,
                                                     Deadline deadline) EXCLUDES_LOCK(mutex_);

  private:
    using Addresses = Result<std::vector<Address>>;

    struct Entry {
        bool asked = false;  // a thread is asking
        SteadyTime until{};  // when the answer gets old
        std::unique_ptr<Addresses> answer;
        std::vector<Event::Setter> waiting;
    };

    [[nodiscard]] Status ask(const std::string& host, const Clock& clock) REQUIRES_LOCK(mutex_);
    void answer(const std::string& host, const Clock& clock) EXCLUDES_LOCK(mutex_);
    void make_room(SteadyTime now) REQUIRES_LOCK(mutex_);

    const ClientShared::Options options_;
    std::atomic<bool> stopping_{false};
    Mutex mutex_;
    std::map<std::string, Entry> entries_ GUARDED_BY(mutex_);
    std::unique_ptr<WorkerPool> pool_ GUARDED_BY(mutex_);
};

struct ClientShared::State {
    explicit State(Options chosen) : options(chosen), resolver(std::move(chosen)) {}

    const Options options;
    TlsContexts tls;
    Resolver resolver;
};

}  // namespace base::http
