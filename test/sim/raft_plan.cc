#include "test/sim/raft_plan.h"

#include <algorithm>
#include <array>

namespace sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

template <class T, size_t N>
T any_of(base::Random& random, const std::array<T, N>& choices) {
    return choices[random.below(N)];
}

raft::DriverOptions draw_driver(base::Random& random) {
    raft::DriverOptions driver;
    driver.compact_entries =
        any_of<raft::Index>(random, std::array<raft::Index, 4>{8, 30, 100, 600});
    driver.trailing_entries =
        any_of<raft::Index>(random, std::array<raft::Index, 4>{0, 3, 20, 200});
    driver.compact_bytes = any_of<size_t>(random, std::array<size_t, 2>{16 << 10, 1 << 20});
    driver.core.in_flight_appends_max = any_of<size_t>(random, std::array<size_t, 3>{1, 3, 16});
    driver.core.uncommitted_bytes_max =
        any_of<size_t>(random, std::array<size_t, 3>{600, 64 << 10, 16 << 20});
    driver.waiting_max = any_of<size_t>(random, std::array<size_t, 2>{20, 1024});
    return driver;
}

NetworkProfile draw_network(base::Random& random) {
    NetworkProfile network;
    network.delay_spread =
        any_of<Time>(random,
                     std::array<Time, 4>{
                         microseconds(400), milliseconds(5), milliseconds(40), milliseconds(200)});
    network.drop = any_of<uint32_t>(random, std::array<uint32_t, 4>{0, 1'000, 10'000, 80'000});
    network.duplicate = any_of<uint32_t>(random, std::array<uint32_t, 3>{0, 5'000, 50'000});
    network.late = any_of<uint32_t>(random, std::array<uint32_t, 3>{0, 2'000, 20'000});
    network.late_max = seconds(1 + random.below(kLateMax / seconds(1)));
    network.in_order = random.below(4) == 0;
    return network;
}

}  // namespace

RaftPlan draw_raft_plan(base::Random& random) {
    RaftPlan plan;
    plan.group.voters =
        any_of<uint32_t>(random, std::array<uint32_t, 10>{1, 2, 3, 3, 3, 3, 5, 5, 5, 7});
    plan.group.learners = static_cast<uint32_t>(random.below(3) / 2 * (1 + random.below(2)));
    plan.group.driver = draw_driver(random);
    // Some have snapshots of several parts.
    plan.group.padding = random.below(16) == 0 ? 2 * raft::kSnapshotChunkBytesMax + 1000 : 0;
    if (plan.group.padding > 0) {
        plan.group.driver.compact_entries = 200;
    }
    plan.network = draw_network(random);
    plan.clients.gap = milliseconds(any_of<int>(random, std::array<int, 3>{10, 40, 200}));
    plan.clients.large_per_mille = random.below(4) == 0 ? 100 : 0;
    plan.clients.admin_gap = milliseconds(any_of<int>(random, std::array<int, 3>{0, 800, 4000}));
    plan.clients.members_max = std::min<uint32_t>(raft::kVotersMax, plan.group.voters + 2);
    plan.faults.rounds = 2 + static_cast<uint32_t>(random.below(3));
    plan.faults.round_length = seconds(10 + random.below(50));
    plan.faults.gap = milliseconds(any_of<int>(random, std::array<int, 4>{200, 600, 2000, 6000}));
    plan.faults.length_max = seconds(any_of<int>(random, std::array<int, 4>{1, 4, 10, 30}));
    return plan;
}

}  // namespace sim
