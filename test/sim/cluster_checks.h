// What must hold at every step of a simulated cluster, whatever goes wrong, and what must hold
// while little does. Names are those of the invariants in docs/testing.md.
//
//   F1  members' tables are equal at equal index      F2  a table is what its snapshot restores
//   F3  epochs rise                                   F4  a plan for another epoch changes nothing
//   P2  owners of a target differ                     P5  moves under way are bounded
//   M1, M3  no gap beyond its bound                   M2  two scrape a slot for three samples
//   M4  no stale markers on what is only moved        trial  nothing is stored on trial
//   M6  one move of a target at a time
//   X1  no older order is obeyed                      X2  a node that is cut off gets no targets
//   X4  an exclusive target is never scraped by two, nor could it be: not even by one that is
//   paused,
//       holds it and has a lease when it wakes
//   Q1, Q2  what queries join has one rhythm, and counters do not step back
//
// R1 to R7 are RaftChecks'; P3, P4, P6, P7 and P11 ClusterPlans'; P1 and X3 ClusterOwners'; P8 to
// P10 and M5 are judged at rest, by ClusterLife.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "shard/member/member.h"
#include "test/sim/cluster_records.h"
#include "test/sim/cluster_targets.h"
#include "test/sim/raft_disk.h"
#include "test/sim/world.h"

namespace sim {

// That clocks, phases and scrapes of different nodes differ by, in gaps.
inline constexpr Time kGapGrace = std::chrono::milliseconds(300);
// What a crash may add to an interval; and more, if the leader crashed.
inline constexpr Time kCrashGap = std::chrono::seconds(6);
inline constexpr Time kLeaderCrashGap = std::chrono::seconds(6);

class ClusterChecks {
  public:
    ClusterChecks(World& world, ClusterTargets& targets);

    // --- told by the nodes ---
    void obeys(ProcessId process, const shard::Order& before, const shard::Order& now);
    void holds(ProcessId process,
               const shard::AssignedTarget& target,
               bool starting,
               bool in_session);
    void releases(ProcessId process, model::TargetId id, shard::ReleaseReason reason);
    void scraping(ProcessId process, uint32_t number, const model::Target& target, bool begins);
    void scrapes(ProcessId process, uint32_t number, const model::Target& target);
    void stored(ProcessId process,
                uint32_t number,
                const model::Target& target,
                const SimSample& sample);
    void after(ProcessId process, const shard::Member& member);
    void stopped(ProcessId process);

    void lost_disk(ProcessId process) { records_.lose(process); }

    // --- told by the world ---
    // Nothing breaks from now on, and everything was whole before.
    //   nodes  that can scrape all the time: slots beyond that may stay without
    void calm(size_t nodes);
    // One node has crashed now, or is paused; nothing else breaks.
    void crashed(bool leader);
    // That node joins a cluster at rest: no target moves twice, or away from it. Until it is "".
    void joins(const std::string& node);
    // Gaps are judged no more. `judge`: those that are open are, now.
    void storm(bool judge);

    [[nodiscard]] bool is_calm() const { return calm_; }

    // Somebody wants a target on another node; bounds do not count for that.
    void asked_to_move() { asked_.push_back(world_.now()); }

    // Of all targets, when the world ends.
    void check_queries();

    [[nodiscard]] const ClusterRecords& records() const { return records_; }

    [[nodiscard]] uint64_t samples() const { return samples_; }

  private:
    struct Slot {
        Time last_good{Time::min()};
        ProcessId last_by = kNoProcess;
        uint32_t overlaps = 0;  // samples in a row that another node has, too
    };

    struct Trial {
        bool incoming = false;
        bool owner = false;
        bool good = false;
    };

    void fail(std::string invariant, ProcessId process, const std::string& text);
    void check_replaced(ProcessId process, uint32_t number);
    void check_alone(ProcessId process, uint32_t number, const model::Target& target);
    void check_gone(ProcessId process, uint32_t number, const char* what);
    void check_gap(uint32_t number, size_t slot, Time now);
    void check_overlap(ProcessId process, uint32_t number, Slot& slot, Time now);
    void check_table(ProcessId process, const shard::Table& table, raft::Index index);
    void check_placement(ProcessId process, const shard::Table& table);
    void count_overlaps_anew(const shard::TargetView& target);
    void check_join(const shard::Table& table);
    void check_stale_plan(ProcessId process, const shard::Table& table);
    void check_query(uint32_t number);

    World& world_;
    ClusterTargets& targets_;
    base::SeededRandom random_;
    ClusterRecords records_;
    std::vector<Time> asked_;  // moves by hand
    bool calm_ = false;
    size_t nodes_ = 0;
    Time calm_since_{};
    Time crashed_at_{Time::min()};
    bool leader_crashed_ = false;
    bool crash_seen_ = false;
    std::vector<std::array<Slot, shard::kReplicasMax>> slots_;  // by target
    std::map<std::pair<ProcessId, uint32_t>, Trial> trials_;
    // Of exclusive targets: until when the process may scrape it.
    std::map<std::pair<ProcessId, uint32_t>, std::shared_ptr<const model::ScrapeEnd>> ends_;
    std::vector<raft::Index> applied_;  // by process
    std::vector<shard::Epoch> epochs_;  // by process
    std::unordered_map<raft::Index, uint64_t> fingerprints_;
    shard::Epoch newest_ = 0;
    std::unordered_map<uint32_t, shard::Epoch> last_moves_;  // by target
    bool standing_in_ = false;  // somebody, for somebody, in the newest table
    std::string joining_;       // node that joins a cluster at rest
    shard::Epoch joins_since_ = 0;
    std::map<model::TargetId, shard::Epoch> joined_moves_;   // by target
    Time second_began_{};                                    // of counting entries
    raft::Index second_index_ = 0;                           // the newest then
    std::map<uint32_t, std::pair<int64_t, int64_t>> skews_;  // of all samples of a target, ms
    uint64_t samples_ = 0;
};

}  // namespace sim
