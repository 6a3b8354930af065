// How a cluster begins: once, by the node that stands first in --cluster.join, when enough of the
// listed nodes say that there is none yet. docs/protocol.md, Founding
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace shard {

// What a node says of itself to who asks.
struct Identity {
    std::string cluster_id;  // empty: it belongs to none
    std::string node_id;
    uint64_t member = 0;         // of its disk; another one when that was lost
    std::string leader_address;  // of the cluster's leader; empty: not known

    bool operator==(const Identity&) const = default;
};

// The way to ask others who they are.
class Identities {
  public:
    virtual ~Identities() = default;
    // `done` is called once, on the caller's thread, later; or never, when nothing comes.
    virtual void ask(const std::string& address,
                     std::function<void(base::Result<Identity>)> done) = 0;
};

struct FoundingOptions {
    std::vector<std::string> join;  // --cluster.join, the same on every node
    std::string self_address;       // --cluster.advertise-address
    std::chrono::milliseconds ask_every{200};
    std::chrono::milliseconds ask_timeout{2'000};
    std::chrono::milliseconds log_every{10'000};  // between lines that say what is waited for
};

// A node that belongs to no cluster, and whether it may found one: it does if it stands first in
// the list, a majority of the listed nodes (itself counted) belongs to none, and nobody says that
// he belongs to one. Everybody is asked in rounds; a round that is over, whoever has answered or
// not, is what counts. Who once said that he belongs to a cluster is believed until he says
// something else, also while he is silent.
//   threads   one
//   lifetime  what it borrows outlives it; answers that come after it was destroyed do nothing
class Founding {
  public:
    struct Parts {
        Identities& identities;
        const base::Clock& clock;
        base::Logger log;
    };

    // self  of this node; one that has a cluster never founds another
    Founding(Identity self, FoundingOptions options, Parts parts);
    ~Founding();
    Founding(const Founding&) = delete;
    Founding& operator=(const Founding&) = delete;

    // returns  when to call again, at the latest; never, once it is clear that it does not found
    base::SteadyTime poll();

    // The last round said so.
    [[nodiscard]] bool may_found() const;
    // What stands in the way, for people. Empty: nothing, or nobody was asked yet.
    [[nodiscard]] const std::string& obstacle() const;

  private:
    struct Body;
    std::shared_ptr<Body> body_;  // answers hold it weakly
};

}  // namespace shard
