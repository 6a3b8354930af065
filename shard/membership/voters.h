// Who votes: what the leader changes in the group's configuration, one member at a time, so that
// enough of the right nodes vote and whoever is gone does not. docs/protocol.md, Voters
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "shard/raft/driver.h"
#include "shard/raft/types.h"
#include "shard/types.h"

namespace shard {

// A learner whose log ends no further before the committed end than so is promoted.
inline constexpr raft::Index kCatchUpEntries = 64;

// A node of the cluster, as the leader knows it.
struct VoterCandidate {
    NodeNumber number = kNoNode;
    raft::MemberId member = raft::kNobody;
    std::string id, address, zone;
    bool live = false;
    // It belongs to the cluster for good: active, or in maintenance. Not: draining, drained. A node
    // that only restarts stays; it is `stopping` meanwhile.
    bool stays = false;
    base::SteadyTime silent_since{};  // when not live
    bool may_vote = true;             // asked of new voters: feature level, clock
    bool stopping = false;  // its process ends soon: it becomes no voter, and does not lead
};

struct VoterOptions {
    size_t voters = 3;                                   // cluster.voters: 1, 3 or 5
    std::chrono::milliseconds voter_dead{300'000};       // of silence, before it is replaced
    std::chrono::milliseconds learner_patience{60'000};  // with a learner that says nothing
    std::chrono::milliseconds unfit{300'000};            // until such a node is tried again
    std::chrono::milliseconds zone_calm{60'000};  // without a change, before zones are evened out
    std::chrono::milliseconds transfer_every{5'000};  // between attempts
    // Of a new leader, before it changes who votes: it takes all members for there at first. More
    // than an election timeout.
    std::chrono::milliseconds first_look{3'000};
};

// What the leader does next. Nothing, most of the time.
struct VoterStep {
    std::optional<raft::Configuration> change;  // differs in one member: Driver::change()
    std::optional<raft::MemberId>
        transfer_to;     // this member is to lead no more: Driver::transfer()
    std::string reason;  // of either, for people

    [[nodiscard]] bool nothing() const { return !change && !transfer_to; }
};

// How many vote when all goes well: the largest odd number that is no more than `voters` and than
// the nodes that vote, or stay and can. Not less than 1.
[[nodiscard]] size_t wanted_voters(const VoterOptions& options,
                                   const raft::Configuration& configuration,
                                   std::span<const VoterCandidate> nodes);

// A step machine without a clock of its own. A new voter is first a learner, and promoted when its
// log is near the end; so that the number stays odd, one is promoted when another leaves, or
// together with another. Voters that are dead for long, drain or are surplus leave when enough
// others vote; members that no node is any more (its disk was lost, it was removed) leave at once.
// A dead voter that nobody can replace stays if the number would be even without it. When a zone
// has two voters and another one none, one is exchanged after a calm time. Voters that are chosen
// stay chosen as long as they can.
//   threads  one
//   promise  after each change a majority of the voters answers, if one did before
class Voters {
  public:
    explicit Voters(const VoterOptions& options) : options_(options) {}

    void reconfigure(const VoterOptions& options) { options_ = options; }

    // status  of this member's driver. Unless it leads, and all changes before are committed,
    //         nothing is to be done
    // nodes   of the table; who leads may be missing, as long as its own record is not made
    [[nodiscard]] VoterStep next(const raft::DriverStatus& status,
                                 std::span<const VoterCandidate> nodes,
                                 base::SteadyTime now);

  private:
    struct View;

    using Members = std::vector<raft::MemberId>;

    void follow(const View& view);
    void forget();
    [[nodiscard]] Members choose(const View& view);
    void exchange_for_zones(const View& view, Members& chosen);
    void choose_new(const View& view, Members& chosen, size_t wanted) const;
    [[nodiscard]] bool dead(const View& view, raft::MemberId member) const;
    [[nodiscard]] bool eligible(const View& view, const VoterCandidate& node) const;

    [[nodiscard]] VoterStep correct(const View& view, const Members& chosen);
    [[nodiscard]] VoterStep remove(const View& view, const Members& chosen);
    [[nodiscard]] VoterStep add(const View& view, const Members& chosen);
    [[nodiscard]] VoterStep promote(const View& view, const Members& chosen);
    [[nodiscard]] VoterStep transfer(const View& view, const Members& chosen, const char* why);

    VoterOptions options_;
    bool leading_ = false;
    raft::Term term_ = 0;
    raft::Index configuration_index_ = 0;
    base::SteadyTime leads_since_{};
    base::SteadyTime calm_since_{};
    base::SteadyTime transfer_at_{};
    std::map<raft::MemberId, base::SteadyTime> silent_;  // members that do not answer: since when
    std::map<raft::MemberId, base::SteadyTime> unfit_;   // learners that were given up: until when

    struct Exchange {
        raft::MemberId from = raft::kNobody, to = raft::kNobody;
    };

    std::optional<Exchange> exchange_;  // for zones, under way
};

}  // namespace shard
