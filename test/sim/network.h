// The network between the processes of a world: late, lossy, cut.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/random.h"
#include "test/sim/world.h"

namespace sim {

// How messages travel when nothing is broken. Chances are in parts of a million.
struct NetworkProfile {
    Time delay_min = std::chrono::microseconds(100);
    Time delay_spread = std::chrono::microseconds(400);  // evenly besides
    uint32_t drop = 0;
    uint32_t duplicate = 0;
    uint32_t late = 0;  // a message that takes up to `late_max` besides
    Time late_max{};
    bool in_order = false;  // a link never lets a message overtake another
};

// A message that cannot be delivered is sometimes noticed (a broken connection) and sometimes not.
class Network {
  public:
    using Task = World::Task;

    static constexpr Time kQueueMax =
        std::chrono::seconds(2);  // before a slow link: beyond, it drops

    explicit Network(World& world);

    void set_profile(const NetworkProfile& profile) { profile_ = profile; }

    // `arrive` runs in `to`, once, twice or never; `lost` perhaps in `from`, when it did not.
    void send(ProcessId from, ProcessId to, size_t bytes, Task arrive, Task lost);

    // How long what is sent now in a connection takes: what gets lost is sent again. Whether the
    // link is cut is the caller's to ask.
    [[nodiscard]] Time stream_delay(ProcessId from, ProcessId to, size_t bytes);

    // --- faults, each ended by its counterpart; they add up ---
    void cut(ProcessId from, ProcessId to) { ++link(from, to).cuts; }

    void mend(ProcessId from, ProcessId to);

    // Parts of a million that get lost.
    void set_loss(ProcessId from, ProcessId to, uint32_t loss) { link(from, to).loss = loss; }

    // A slow link: `delay` besides, and a bandwidth. 0: as usual.
    void set_slow(ProcessId from, ProcessId to, Time delay, uint64_t bytes_per_second);
    // As if nothing had ever been broken.
    void heal();

    [[nodiscard]] bool is_cut(ProcessId from, ProcessId to) const;

  private:
    struct Link {
        uint32_t cuts = 0;
        uint32_t loss = 0;
        Time delay{};
        uint64_t bytes_per_second = 0;
        Time busy_until{};
        Time last_arrival{};
    };

    [[nodiscard]] Link& link(ProcessId from, ProcessId to);

    [[nodiscard]] bool chance(uint32_t parts) {
        return parts != 0 && random_.below(1'000'000) < parts;
    }

    [[nodiscard]] Time arrival(Link& link, size_t bytes);
    void give_up(ProcessId from, Task lost);

    World& world_;
    base::SeededRandom random_;
    NetworkProfile profile_;
    std::vector<std::vector<Link>> links_;  // [from][to]
};

}  // namespace sim
