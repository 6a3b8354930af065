#include "storeapi/peers/endpoints.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace storeapi {

std::string_view kind_name(PeerKind kind) {
    return kind == PeerKind::kNode ? "node" : "store";
}

// Asks one endpoint.
class Endpoints::Watch {
  public:
    Watch(const PeersOptions& options, const Parts& parts, PeerKind kind, std::string address)
        : options_(options),
          parts_(parts),
          now_(std::make_shared<const Endpoint>(
              Endpoint{.address = address,
                       .kind = kind,
                       .metrics = EndpointMetrics(parts.metrics, address, kind_name(kind)),
                       .last_error = "has not answered yet"})),
          thread_([this] { loop(); }) {}

    ~Watch() {
        request_stop();
        thread_.join();
    }

    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void request_stop() EXCLUDES_LOCK(mutex_) {
        std::shared_ptr<Peer> peer;
        {
            const base::MutexLock lock(mutex_);
            stopping_ = true;
            peer = now_->peer;
            wake_.notify_all();
        }
        if (peer != nullptr) {
            peer->close();
        }
    }

    std::shared_ptr<const Endpoint> now() const EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        return now_;
    }

  private:
    void loop() EXCLUDES_LOCK(mutex_) {
        while (open() && check() && rest()) {
        }
    }

    // Makes the peer when there is none. False: stopping.
    bool open() EXCLUDES_LOCK(mutex_) {
        Endpoint next = *now();
        if (next.peer != nullptr) {
            return true;
        }
        const Open& make = next.kind == PeerKind::kNode ? parts_.open_node : parts_.open_store;
        auto peer = make ? make(next.address)
                         : base::fail(base::Code::kUnsupported, "no such peers are asked");
        if (peer) {
            next.peer = std::move(peer).value();
        } else {
            next.last_error = peer.error().message();
            next.last_check_ms = parts_.clock.now_ms();
        }
        return put(std::move(next));
    }

    bool check() EXCLUDES_LOCK(mutex_) {
        const auto before = now();
        if (before->peer == nullptr) {
            return true;
        }
        auto facts = before->peer->ask_facts(
            base::Deadline(std::chrono::steady_clock::now() + options_.check_timeout));
        Endpoint next = *before;
        next.last_check_ms = parts_.clock.now_ms();
        next.healthy = facts.has_value();
        if (facts) {
            next.facts = std::move(facts).value();
            next.known = true;
            next.last_error.clear();
        } else {
            next.last_error = facts.error().message();
        }
        next.metrics.up.set(next.healthy ? 1 : 0);
        tell_change(*before, next);
        return put(std::move(next));
    }

    void tell_change(const Endpoint& before, const Endpoint& next) const {
        const bool first = before.last_check_ms == 0;
        if (next.healthy && !before.healthy) {
            parts_.log.info("endpoint answers", "address", next.address);
        } else if (!next.healthy && (before.healthy || first)) {
            parts_.log.warn("endpoint does not answer, queries go on without it",
                            "address",
                            next.address,
                            "error",
                            next.last_error);
        }
    }

    bool put(Endpoint next) EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        if (!stopping_) {
            now_ = std::make_shared<const Endpoint>(std::move(next));
        }
        return !stopping_;
    }

    bool rest() EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        const auto until = std::chrono::steady_clock::now() + wait();
        while (!stopping_ && std::chrono::steady_clock::now() < until) {
            wake_.wait_until(mutex_, until);
        }
        return !stopping_;
    }

    std::chrono::milliseconds wait() REQUIRES_LOCK(mutex_) {
        if (now_->healthy) {
            retry_ = options_.retry_first;
            return options_.check_interval;
        }
        const auto wait = std::min(retry_, options_.check_interval);
        retry_ = 2 * wait;
        return wait;
    }

    const PeersOptions& options_;
    const Parts& parts_;
    mutable base::Mutex mutex_;
    base::CondVar wake_;
    std::chrono::milliseconds retry_ GUARDED_BY(mutex_) = options_.retry_first;
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::shared_ptr<const Endpoint> now_ GUARDED_BY(mutex_);
    std::thread thread_;  // last: it uses everything above
};

Endpoints::Endpoints(const PeersOptions& options, Parts parts)
    : options_(options), parts_(std::move(parts)) {}

Endpoints::~Endpoints() {
    std::map<Key, std::unique_ptr<Watch>> watches;
    {
        const base::MutexLock lock(mutex_);
        watches.swap(watches_);
    }
    for (const auto& [key, watch] : watches) {
        watch->request_stop();
    }
}

base::Status Endpoints::set(PeerKind kind, std::vector<std::string> addresses) {
    std::ranges::sort(addresses);
    const auto repeated = std::ranges::unique(addresses);
    addresses.erase(repeated.begin(), repeated.end());
    std::vector<std::unique_ptr<Watch>> gone;
    size_t left_out = 0;
    {
        const base::MutexLock lock(mutex_);
        for (auto at = watches_.begin(); at != watches_.end();) {
            const auto& [of_kind, address] = at->first;
            if (of_kind == kind && !std::ranges::binary_search(addresses, address)) {
                gone.push_back(std::move(at->second));
                at = watches_.erase(at);
            } else {
                ++at;
            }
        }
        for (const std::string& address : addresses) {
            if (watches_.contains({kind, address})) {
                continue;
            }
            if (watches_.size() >= options_.endpoints_max) {
                ++left_out;
                continue;
            }
            watches_.emplace(Key(kind, address),
                             std::make_unique<Watch>(options_, parts_, kind, address));
        }
    }
    for (const auto& watch : gone) {
        watch->request_stop();
    }
    for (const auto& watch : gone) {
        const std::string address = watch->now()->address;
        parts_.metrics.up.remove({address, kind_name(kind)});
        parts_.metrics.calls.remove({address, kind_name(kind)});
        parts_.metrics.call_failures.remove({address, kind_name(kind)});
    }
    gone.clear();
    if (left_out > 0) {
        return base::fail(base::Code::kLimit,
                          left_out,
                          "endpoints are not asked: there are more than",
                          options_.endpoints_max);
    }
    return base::success();
}

EndpointSnapshot Endpoints::snapshot() const {
    EndpointSnapshot all;
    const base::MutexLock lock(mutex_);
    for (const auto& [key, watch] : watches_) {
        all.push_back(watch->now());
    }
    return all;
}

}  // namespace storeapi
