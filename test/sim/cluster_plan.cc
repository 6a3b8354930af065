#include "test/sim/cluster_plan.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace sim {

using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::array<const char*, kClusterEventKinds> kNames = {"grow",
                                                                "giant",
                                                                "down",
                                                                "slow",
                                                                "vanish",
                                                                "burst",
                                                                "empty job",
                                                                "flap",
                                                                "drain",
                                                                "hold",
                                                                "move",
                                                                "transfer",
                                                                "stop",
                                                                "reload",
                                                                "jump far",
                                                                "join"};
constexpr std::array<uint32_t, kClusterEventKinds> kWeights = {
    6, 1, 5, 3, 4, 3, 2, 2, 4, 2, 6, 3, 3, 3, 1, 2};

template <class T, size_t N>
T any_of(base::Random& random, const std::array<T, N>& choices) {
    return choices[random.below(N)];
}

Time evenly(base::Random& random, Time max) {
    return Time(random.below(static_cast<uint64_t>(max.count()) + 1));
}

std::vector<JobPlan> draw_jobs(base::Random& random) {
    std::vector<JobPlan> jobs(1 + random.below(3));
    uint64_t left = any_of<uint64_t>(random, std::array<uint64_t, 6>{5, 12, 20, 40, 80, 200});
    for (JobPlan& job : jobs) {
        job.targets = static_cast<uint32_t>(1 + random.below(left));
        left = std::max<uint64_t>(1, left - job.targets);
        job.interval = seconds(any_of<int>(random, std::array<int, 5>{5, 10, 10, 15, 30}));
        job.replicas = any_of<uint8_t>(random, std::array<uint8_t, 6>{1, 1, 1, 1, 2, 3});
        job.exclusive = job.replicas == 1 && random.below(4) == 0;
        job.steady = random.below(2) == 0;
    }
    return jobs;
}

shard::raft::DriverOptions draw_raft(base::Random& random) {
    shard::raft::DriverOptions raft;
    raft.compact_entries =
        any_of<shard::raft::Index>(random, std::array<shard::raft::Index, 3>{20, 100, 600});
    raft.trailing_entries =
        any_of<shard::raft::Index>(random, std::array<shard::raft::Index, 3>{0, 5, 100});
    return raft;
}

NetworkProfile draw_network(base::Random& random) {
    NetworkProfile network;
    network.delay_spread = any_of<Time>(
        random,
        std::array<Time, 3>{std::chrono::microseconds(400), milliseconds(5), milliseconds(60)});
    network.drop = any_of<uint32_t>(random, std::array<uint32_t, 4>{0, 0, 2'000, 20'000});
    network.duplicate = any_of<uint32_t>(random, std::array<uint32_t, 3>{0, 0, 10'000});
    network.late = any_of<uint32_t>(random, std::array<uint32_t, 3>{0, 0, 2'000});
    network.late_max = seconds(1 + random.below(3));
    return network;
}

}  // namespace

std::string ClusterEvent::text() const {
    std::ostringstream out;
    out << "round " << round << " +" << offset.count() / 1'000'000 << "ms "
        << kNames[static_cast<size_t>(kind)] << " for " << length.count() / 1'000'000 << "ms";
    return out.str();
}

ClusterPlan draw_cluster_plan(base::Random& random) {
    ClusterPlan plan;
    plan.nodes = any_of<uint32_t>(
        random, std::array<uint32_t, 16>{1, 2, 2, 3, 3, 3, 3, 3, 3, 4, 4, 5, 5, 6, 7, 15});
    plan.spare = static_cast<uint32_t>(random.below(3));
    plan.zones = any_of<uint32_t>(random, std::array<uint32_t, 4>{1, 1, 2, 3});
    plan.voters = any_of<size_t>(random, std::array<size_t, 5>{1, 3, 3, 3, 5});
    plan.budget = any_of<uint64_t>(random, std::array<uint64_t, 3>{5'000, 30'000, 1'000'000});
    plan.jobs = draw_jobs(random);
    plan.raft = draw_raft(random);
    plan.network = draw_network(random);
    // What takes minutes is to be seen within a round.
    plan.voter_options.voters = plan.voters;
    plan.voter_options.voter_dead = seconds(any_of<int>(random, std::array<int, 2>{20, 60}));
    plan.voter_options.learner_patience = seconds(10);
    plan.voter_options.unfit = seconds(15);
    plan.voter_options.zone_calm = seconds(20);
    plan.faults.rounds = 1 + static_cast<uint32_t>(random.below(2));
    plan.faults.round_length = seconds(10 + random.below(60));
    plan.faults.gap =
        milliseconds(any_of<int>(random, std::array<int, 4>{1000, 3000, 8000, 20000}));
    plan.faults.length_max = seconds(any_of<int>(random, std::array<int, 4>{2, 8, 20, 60}));
    plan.event_gap = milliseconds(any_of<int>(random, std::array<int, 4>{1000, 3000, 8000, 30000}));
    return plan;
}

std::vector<ClusterEvent> make_cluster_events(base::Random& random, const ClusterPlan& plan) {
    std::array<uint64_t, kClusterEventKinds> weights{};
    uint64_t sum = 0;
    for (size_t kind = 0; kind < kClusterEventKinds; ++kind) {
        weights[kind] = kWeights[kind] * random.below(3) + (kind == 0 ? 1 : 0);
        sum += weights[kind];
    }
    std::vector<ClusterEvent> events;
    for (uint32_t round = 0; round < plan.faults.rounds; ++round) {
        for (Time at = evenly(random, 2 * plan.event_gap); at < plan.faults.round_length;
             at += evenly(random, 2 * plan.event_gap)) {
            ClusterEvent event{.round = round, .offset = at};
            uint64_t number = random.below(sum);
            size_t kind = 0;
            for (; number >= weights[kind]; ++kind) {
                number -= weights[kind];
            }
            event.kind = static_cast<ClusterEventKind>(kind);
            event.length = seconds(1) + evenly(random, seconds(30));
            event.pick = random.u64();
            event.other = random.u64();
            events.push_back(event);
        }
    }
    return events;
}

}  // namespace sim
