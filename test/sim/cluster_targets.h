// What a simulated cluster scrapes: jobs, their targets as they really are, and what discovery says
// of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "model/target.h"
#include "test/sim/world.h"

namespace sim {

struct JobPlan {
    uint32_t targets = 10;  // at first
    std::chrono::milliseconds interval{10'000};
    uint8_t replicas = 1;
    bool exclusive = false;
    bool steady = false;  // its targets never come or go
};

// One target. It is never forgotten, so that what is told of it later is judged.
struct SimTarget {
    model::TargetId id = 0;
    uint32_t job = 0;
    std::shared_ptr<const model::Target> target;
    uint64_t series = 0;
    uint32_t down = 0;  // faults that keep it from answering
    uint32_t slow = 0;  // … that let it answer too late
    bool there = true;  // discovery says so
    Time there_since{};
    Time up_since{};
    Time absent_told{Time::min()};  // when a node was last told that it is not there

    [[nodiscard]] bool answers() const { return down == 0 && slow == 0; }
};

class ClusterTargets {
  public:
    ClusterTargets(World& world, const std::vector<JobPlan>& jobs, base::Random& random);

    [[nodiscard]] size_t size() const { return targets_.size(); }

    [[nodiscard]] SimTarget& at(uint32_t number) { return targets_[number]; }

    [[nodiscard]] const SimTarget& at(uint32_t number) const { return targets_[number]; }

    // The number of a target. It is one of them.
    [[nodiscard]] uint32_t number(model::TargetId id) const { return numbers_.at(id); }

    [[nodiscard]] const std::vector<JobPlan>& jobs() const { return jobs_; }

    [[nodiscard]] static std::string job_name(uint32_t job) { return "job" + std::to_string(job); }

    [[nodiscard]] const JobPlan& job_of(std::string_view name) const;

    // --- what becomes of them; each ends with the call that undoes it ---
    void add(uint32_t job, uint32_t count);
    void set_there(uint32_t number, bool there);
    void set_health(uint32_t number, int down, int slow);
    // All of the job's, or none of those that are there.
    void set_empty(uint32_t job, bool empty);

    // What discovery says of the job now.
    [[nodiscard]] std::shared_ptr<const model::ResolvedJob> resolved(uint32_t job) const;
    // A node was told that.
    void told(const model::ResolvedJob& said, uint32_t job);

  private:
    World& world_;
    std::vector<JobPlan> jobs_;
    std::vector<bool> empty_;
    std::vector<SimTarget> targets_;
    std::unordered_map<model::TargetId, uint32_t> numbers_;
    base::SeededRandom random_;
};

}  // namespace sim
