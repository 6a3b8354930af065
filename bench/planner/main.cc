// skein-planner [TARGETS NODES]: what plans cost and how even they leave the nodes.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include <time.h>

#include "bench/planner/workload.h"

namespace {

using namespace bench;

constexpr int kRepeats = 5;
constexpr int kPlansMax = 1000;

struct Totals {
    size_t plans = 0;
    size_t moves = 0;
    uint64_t series = 0;
    double first_ratio = 0, last_ratio = 0;
};

// Of this thread: what else the machine does is left out.
double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double seconds_of_plan(const Cluster& cluster) {
    double best = 1e9;
    for (int i = 0; i < kRepeats; ++i) {
        const double begin = cpu_seconds();
        const shard::Plan plan = shard::make_plan(cluster.input());
        best = std::min(best, cpu_seconds() - begin);
    }
    return best;
}

// Plans and carries out, a minute apart, until there is nothing to do.
Totals settle(Cluster& cluster) {
    Totals totals;
    for (int i = 0; i < kPlansMax; ++i) {
        const shard::Plan plan = shard::make_plan(cluster.input());
        if (i == 0) {
            totals.first_ratio = plan.ratio_before;
        }
        totals.last_ratio = plan.ratio_after;
        if (plan.moves.empty()) {
            break;
        }
        ++totals.plans;
        totals.moves += plan.moves.size();
        for (const shard::PlannedMove& move : plan.moves) {
            totals.series += cluster.targets[move.target].series;
        }
        cluster.apply(plan);
        cluster.now_s += 60;
    }
    return totals;
}

uint64_t all_series(const Cluster& cluster) {
    uint64_t series = 0;
    for (const shard::PlanTarget& target : cluster.targets) {
        series += target.series * target.slots;
    }
    return series;
}

void report(const char* name, Cluster cluster) {
    const double seconds = seconds_of_plan(cluster);
    const Totals totals = settle(cluster);
    const shard::Plan rest = shard::make_plan(cluster.input());
    std::printf("%-34s %9.1f %6zu %9zu %8.2f%% %9.4f %9.4f %7u\n",
                name,
                seconds * 1e3,
                totals.plans,
                totals.moves,
                100 * static_cast<double>(totals.series) / static_cast<double>(all_series(cluster)),
                totals.first_ratio,
                totals.last_ratio,
                rest.needed_nodes);
}

Cluster placed(uint32_t targets, uint32_t nodes, uint8_t slots = 1) {
    Cluster cluster = unplaced_cluster(targets, nodes, slots);
    cluster.options.full = true;
    settle(cluster);
    cluster.options.full = false;
    cluster.now_s += 24 * 3600;
    return cluster;
}

void print_figures(uint32_t targets, uint32_t nodes) {
    std::printf("%u targets, %u nodes\n", targets, nodes);
    std::printf("%-34s %9s %6s %9s %9s %9s %9s %7s\n",
                "",
                "cpu ms",
                "plans",
                "moves",
                "series",
                "before",
                "after",
                "needed");

    Cluster cluster = unplaced_cluster(targets, nodes);
    cluster.options.full = true;
    report("cold start", cluster);
    for (shard::PlanTarget& target : cluster.targets) {
        target.series = 1000;
    }
    report("cold start, sizes unknown", cluster);

    cluster = unplaced_cluster(targets, nodes);
    for (uint32_t i = 0; i < nodes; ++i) {
        cluster.nodes[i].capacity = cluster.nodes[i].capacity * (60 + i * 80 / nodes) / 100;
    }
    cluster.options.full = true;
    report("cold start, capacities differ", cluster);

    cluster = unplaced_cluster(targets, nodes);
    for (shard::PlanTarget& target : cluster.targets) {
        cluster.owners[target.first_owner] = static_cast<uint32_t>(target.id % nodes);
    }
    cluster.options.full = true;
    report("full plan from hashed places", cluster);
    cluster.options.full = false;
    report("damped plans from hashed places", cluster);

    const Cluster even = placed(targets, nodes);
    report("nothing to do", even);

    cluster = even;
    cluster.nodes.front().use = shard::NodeUse::kGone;
    report("a node is lost", cluster);

    cluster = even;
    cluster.nodes.front().use = shard::NodeUse::kEmpties;
    report("a node is drained", cluster);

    cluster = even;
    base::SeededRandom random(1);
    for (shard::PlanTarget& target : cluster.targets) {
        target.series *= random.below(10) == 0 ? 3 : 1;
    }
    report("a tenth of the targets grow 3 x", cluster);

    cluster = even;
    shard::PlanNode newcomer = cluster.nodes.front();
    newcomer.number = nodes + 1;
    cluster.nodes.push_back(newcomer);
    report("a node joins", cluster);
    cluster.options.moves_per_node = UINT32_MAX;
    cluster.options.moves_per_plan_min = 100'000;
    report("a node joins, no bounds", cluster);

    cluster = placed(targets / 3, nodes, 3);
    report("three replicas, nothing to do", cluster);
    cluster.nodes.front().use = shard::NodeUse::kGone;
    report("three replicas, a node is lost", cluster);
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 3) {
        print_figures(static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)),
                      static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)));
        return 0;
    }
    if (argc != 1) {
        std::fprintf(stderr, "usage: skein-planner [TARGETS NODES]\n");
        return 2;
    }
    print_figures(3'000, 3);
    print_figures(10'000, 10);
    print_figures(100'000, 100);
    print_figures(1'000'000, 1'000);
    return 0;
}
