// What goes wrong in a world, and when: a list made from the seed before the run, so that a failing
// run can be tried again with parts of the list left out.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "test/sim/disk.h"
#include "test/sim/network.h"
#include "test/sim/world.h"

namespace sim {

enum class FaultKind : uint8_t {
    kKill,       // one process; restarted after `length`
    kPowerCut,   // several at once; restarted within `length`
    kPause,      // stopped for `length`
    kStallDisk,  // nothing becomes durable for `length`
    kSlowDisk,   // writes take up to 200 ms, for `length`
    kFailDisk,   // writes fail; killed after `length` and restarted
    kJumpWall,   // by up to 2 s, either way
    kDrift,      // another drift of the clock
    kCutLink,    // one direction between two
    kIsolate,    // both directions, from everybody
    kDeafen,     // it hears nobody
    kMute,       // nobody hears it
    kPartition,  // two groups
    kBridge,     // two groups and one process that hears both
    kSlowLink,   // both directions between two: late, and little goes through
    kLossyLink,  // one direction between two: half gets lost
    kLoseDisk,   // killed, the disk gone for good: the host replaces it
    kOverlap,    // it is with one half of the others, then, at once, with the other half
    kFreeze,     // stopped, and cut off for longer: it wakes up among nobody
    kRevive,     // stopped until another one leads, who dies: it goes on, heard by no other voter
};
inline constexpr size_t kFaultKinds = 20;
inline constexpr size_t kDrawnFaultKinds = 19;  // the others are added by who wants them

// Whom it hits.
enum class Aim : uint8_t {
    kAnybody,
    kLeader,     // whoever leads then; nobody: anybody
    kNewLeader,  // the next one, a moment after it begins to lead
};

struct Fault {
    uint32_t round = 0;
    Time offset{};  // since the round began
    Time length{};
    FaultKind kind = FaultKind::kKill;
    Aim aim = Aim::kAnybody;
    uint64_t pick = 0;   // says who, and
    uint64_t other = 0;  // who else, or how much

    [[nodiscard]] std::string text() const;
};

// How often and how long, drawn anew for every world: some kinds are left out altogether, so that
// the others meet more often.
struct FaultPlan {
    uint32_t rounds = 3;
    Time round_length = std::chrono::seconds(30);
    Time gap = std::chrono::seconds(2);         // between faults, on average
    Time length_max = std::chrono::seconds(8);  // of most
    bool lose_disks = true;
};

// In the order in which they begin.
[[nodiscard]] std::vector<Fault> make_faults(base::Random& random, const FaultPlan& plan);

// The processes that faults are for.
class FaultHost {
  public:
    virtual ~FaultHost() = default;
    // Those that take part now, up or down.
    [[nodiscard]] virtual std::vector<ProcessId> targets() = 0;
    // kNoProcess: nobody leads.
    [[nodiscard]] virtual ProcessId leading() = 0;

    // Whether it votes, as far as whoever leads knows.
    [[nodiscard]] virtual bool votes(ProcessId /*process*/) { return true; }

    [[nodiscard]] virtual Disk& disk(ProcessId process) = 0;
    // With what its disk has not yet written.
    virtual void crash(ProcessId process) = 0;
    virtual void restart(ProcessId process) = 0;
    // False: not now, too much would be lost.
    virtual bool lose_disk(ProcessId process) = 0;
};

// Carries faults out and ends them.
class FaultInjector {
  public:
    FaultInjector(World& world, Network& network, FaultHost& host);

    // Those of `round`, from now on.
    void begin(const std::vector<Fault>& faults, uint32_t round);
    // Faults that wait for a new leader strike now.
    void new_leader(ProcessId leader);
    // Ends everything, starts what is down, and lets nothing of it happen later.
    void heal();

    static constexpr Time kAmbushMax = std::chrono::milliseconds(30);
    // What a frozen process is awake for before it is heard again.
    static constexpr Time kAloneMax = std::chrono::seconds(3);
    // How long the next leader may lead before it dies, and how long after that the one that was
    // stopped goes on.
    static constexpr Time kReignMax = std::chrono::seconds(10);
    static constexpr Time kInterregnumMax = std::chrono::seconds(4);

  private:
    void strike(const Fault& fault);
    void hit(const Fault& fault, ProcessId target);
    void hit_process(const Fault& fault, ProcessId target);
    void hit_disk(const Fault& fault, ProcessId target);
    void hit_network(const Fault& fault, ProcessId target);
    void power_cut(const Fault& fault);
    void separate(ProcessId one, ProcessId other, bool there, bool back, Time length);
    void split(const Fault& fault, ProcessId bridge);
    void take_turns(const Fault& fault, ProcessId target);
    void freeze(const Fault& fault, ProcessId target);
    void await_next(const Fault& fault, ProcessId target);
    void revive(const Fault& fault, ProcessId target, ProcessId next);
    // Unless everything was healed meanwhile.
    void later(Time after, World::Task task);
    [[nodiscard]] ProcessId pick(uint64_t number, ProcessId but = kNoProcess);

    World& world_;
    Network& network_;
    FaultHost& host_;
    uint64_t healed_ = 0;
    std::vector<Fault> ambushes_;
    std::vector<std::pair<Fault, ProcessId>> deposed_;  // stopped until another one leads
};

}  // namespace sim
