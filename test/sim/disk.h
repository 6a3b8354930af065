// The disk of one process: writes become durable later, in order, each whole; those under way at a
// kill are lost from some point on.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "base/random.h"
#include "test/sim/world.h"

namespace sim {

struct DiskProfile {
    Time write_min = std::chrono::microseconds(100);
    Time write_spread = std::chrono::microseconds(400);  // evenly besides
};

// It belongs to the machine, not to the program: it outlives kills, and works on during a pause.
class Disk {
  public:
    // `commit` makes the write durable; `done` tells the program, unless it was killed, whether it
    // is. After a failed write all others fail.
    using Commit = std::function<void()>;
    using Done = std::function<void(bool ok)>;

    Disk(World& world, ProcessId process);

    void set_profile(const DiskProfile& profile) { profile_ = profile; }

    void write(Commit commit, Done done);

    // Nothing becomes durable before `until`.
    void stall(Time until);

    // The next write to end fails, and all after it, until the next crash().
    void fail() { failing_ = true; }

    // With a kill: a random number of the writes under way become durable, the later ones are lost.
    void crash();
    // No faults any more.
    void heal();

    [[nodiscard]] size_t under_way() const { return writes_.size(); }

    [[nodiscard]] bool failed() const { return failed_; }

    // Since when the oldest write under way has waited; only if there is one.
    [[nodiscard]] Time oldest() const { return writes_.front().begun; }

  private:
    struct Write {
        Commit commit;
        Done done;
        Time begun{};
        Time ready{};
    };

    void wake(Time when);
    void work();
    void finish(Write write, bool ok);

    World& world_;
    ProcessId process_;
    base::SeededRandom random_;
    DiskProfile profile_;
    std::deque<Write> writes_;
    Time stalled_until_{};
    uint64_t wake_number_ = 0;  // of the newest wake-up; older ones do nothing
    bool failing_ = false;
    bool failed_ = false;
};

}  // namespace sim
