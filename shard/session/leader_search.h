// Whom a node asks for the leader, and when.
// source: docs/protocol.md, "The course of a session"
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/session/messages.h"

namespace shard {

struct WorkerOptions;

// Addresses are asked in rounds, and each comes once in a round. A round has the voters that are
// known, then WorkerOptions::join, who know best; then this node itself, if it is in the cluster or
// that list, for if it led it would know; and last one of the other nodes, each round another one.
// Who was named as the leader goes before them all.
//   threads   one
//   lifetime  what it borrows outlives it
class LeaderSearch {
  public:
    //   own  address of this node
    LeaderSearch(std::string own, const WorkerOptions& options, base::Random& random)
        : own_(std::move(own)), options_(options), random_(random) {}

    // The nodes of the cluster: for the rounds that begin from now on.
    void know(std::vector<KnownNode> nodes) { nodes_ = std::move(nodes); }

    [[nodiscard]] const std::vector<KnownNode>& nodes() const { return nodes_; }

    // The next one to ask; empty: nobody is known.
    [[nodiscard]] std::string next();

    // The one that was asked, or had a session, is no leader (any more).
    //   returns  how long to wait before the next is asked: retry_next within a round; after the
    //            last of one `retry`, doubled with every round since a leader was found, up to
    //            what so many nodes may ask for; half of that at least, the rest is chance, so that
    //            nodes do not come all at once
    [[nodiscard]] std::chrono::milliseconds failed();

    // The one that was asked says that this one leads: it is next.
    //   returns  as failed(), but 0 for the first kRedirectsMax since a leader was found
    [[nodiscard]] std::chrono::milliseconds redirected(const std::string& to);

    // This one leads, as is known otherwise: it is next, at once.
    void prefer(const std::string& leader) { preferred_ = leader; }

    // The one that was asked last leads. The next search begins anew.
    void found();

    static constexpr uint32_t kRedirectsMax = 3;

  private:
    void begin_round();

    const std::string own_;
    const WorkerOptions& options_;
    base::Random& random_;
    std::vector<KnownNode> nodes_;
    std::string preferred_;          // empty: none
    std::deque<std::string> round_;  // to be asked before one is asked again
    uint32_t rounds_ = 0;
    // Since a leader was found.
    uint32_t failed_rounds_ = 0;
    uint32_t redirects_ = 0;
};

}  // namespace shard
