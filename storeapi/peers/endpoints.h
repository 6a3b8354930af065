// The endpoints that can be asked, and what each of them last said of itself.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/sync.h"
#include "storeapi/peers/metrics.h"
#include "storeapi/peers/options.h"
#include "storeapi/peers/peer.h"

namespace storeapi {

enum class PeerKind : uint8_t { kNode, kStore };

// "node", "store"
[[nodiscard]] std::string_view kind_name(PeerKind kind);

// An endpoint at one moment. Immutable.
struct Endpoint {
    std::string address;
    PeerKind kind = PeerKind::kStore;
    std::shared_ptr<Peer> peer;  // null: it could not be opened
    EndpointMetrics metrics;
    bool healthy = false;       // it answered the last time it was asked
    bool known = false;         // it has answered before: the facts are its last ones
    int64_t last_check_ms = 0;  // wall time; 0: not asked yet
    std::string last_error;     // empty when healthy
    PeerFacts facts;
};

using EndpointSnapshot = std::vector<std::shared_ptr<const Endpoint>>;

// Asks every endpoint what it holds, again and again. Each has a thread of its own, so that those
// that do not answer hold up nobody.
//   threads   any
//   lifetime  snapshots may outlive it; the parts outlive both
class Endpoints {
  public:
    // Makes the peer of an address. errors  what the address, or TLS files, lack; tried again
    using Open = std::function<base::Result<std::unique_ptr<Peer>>(const std::string& address)>;

    struct Parts {
        const base::Clock& clock;
        PeerMetrics& metrics;
        base::Logger log = {};
        Open open_node = {};   // may be missing where there are no nodes
        Open open_store = {};  // and so here
    };

    Endpoints(const PeersOptions& options, Parts parts);
    ~Endpoints();  // waits for those that are being asked, which are told to end
    Endpoints(const Endpoints&) = delete;
    Endpoints& operator=(const Endpoints&) = delete;

    // The addresses of one kind from now on; those that stay keep what is known of them. New ones
    // are asked at once. Calls that run to those that go are not disturbed.
    //   errors  kLimit: too many; the first ones are taken
    base::Status set(PeerKind kind, std::vector<std::string> addresses) EXCLUDES_LOCK(mutex_);

    // By kind and address.
    [[nodiscard]] EndpointSnapshot snapshot() const EXCLUDES_LOCK(mutex_);

  private:
    class Watch;
    using Key = std::pair<PeerKind, std::string>;

    const PeersOptions options_;
    const Parts parts_;
    mutable base::Mutex mutex_;
    std::map<Key, std::unique_ptr<Watch>> watches_ GUARDED_BY(mutex_);
};

}  // namespace storeapi
