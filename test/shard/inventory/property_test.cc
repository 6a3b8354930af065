// An inventory against a model that keeps plain maps, over random jobs, reports and times.
#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/shard/inventory/support.h"
#include "test/support/seed.h"

using namespace shard;
using namespace shard::inventory_test;
using namespace std::chrono_literals;

namespace {

using Known = std::map<model::TargetId, TargetPtr>;

// So few ids that targets and jobs fight for them.
model::TargetId narrow_key(const model::Target& target) {
    return target_key(target) % 100;
}

constexpr size_t kTargetsLimit = 20;

bool same_details(const model::Target& a, const model::Target& b) {
    return a.interval == b.interval && a.timeout == b.timeout && a.discovered == b.discovered;
}

struct ModelJob {
    std::string name;
    uint64_t hash = 0, reported_hash = 0;
    Known targets;
    bool reported = false;
    std::optional<base::SteadyTime> held_until;
};

class Model {
  public:
    void configure(const std::vector<JobHash>& wanted, base::SteadyTime now) {
        std::erase_if(jobs_, [&](const ModelJob& job) {
            return std::ranges::none_of(wanted,
                                        [&](const JobHash& one) { return one.job == job.name; });
        });
        for (const JobHash& one : wanted) {
            ModelJob* job = find(one.job);
            if (job == nullptr) {
                job = &jobs_.emplace_back(ModelJob{.name = one.job});
            }
            job->hash = one.hash;
        }
        started_ = started_.value_or(now);
        pass(now);
    }

    void report(const std::string& name,
                const std::vector<TargetPtr>& active,
                base::SteadyTime now) {
        ModelJob* const job = find(name);
        if (job == nullptr) {
            return;
        }
        job->reported = true;
        if (active.empty() && job->targets.size() > 10 && job->hash == job->reported_hash) {
            job->held_until = job->held_until.value_or(now + 120s);
        } else {
            job->held_until.reset();
            job->reported_hash = job->hash;
            job->targets = admitted(*job, active);
        }
        warm_ = warm_ || all_reported();
    }

    void pass(base::SteadyTime now) {
        for (ModelJob& job : jobs_) {
            if (job.held_until && *job.held_until <= now) {
                job.held_until.reset();
                job.targets.clear();
            }
        }
        warm_ = warm_ || (started_ && (all_reported() || now >= *started_ + 60s));
    }

    [[nodiscard]] Known visible() const {
        Known all;
        for (const ModelJob& job : jobs_) {
            for (const auto& [id, target] : job.targets) {
                if (all.size() < kTargetsLimit) {
                    all.emplace(id, target);
                }
            }
        }
        return all;
    }

    [[nodiscard]] base::SteadyTime next() const {
        auto when = base::SteadyTime::max();
        if (started_ && !warm_) {
            when = *started_ + 60s;
        }
        for (const ModelJob& job : jobs_) {
            when = std::min(when, job.held_until.value_or(when));
        }
        return when;
    }

    [[nodiscard]] bool cold() const { return !warm_; }

    [[nodiscard]] size_t left_out() const {
        size_t count = 0;
        for (const ModelJob& job : jobs_) {
            count += job.targets.size();
        }
        return count - visible().size();
    }

  private:
    [[nodiscard]] ModelJob* find(const std::string& name) {
        const auto found = std::ranges::find(jobs_, name, &ModelJob::name);
        return found == jobs_.end() ? nullptr : &*found;
    }

    [[nodiscard]] bool all_reported() const {
        return std::ranges::all_of(jobs_, [](const ModelJob& job) { return job.reported; });
    }

    // Without those whose id another job has.
    [[nodiscard]] Known admitted(const ModelJob& reporter,
                                 const std::vector<TargetPtr>& active) const {
        Known all;
        for (const TargetPtr& target : active) {
            const model::TargetId id = narrow_key(*target);
            const bool taken = std::ranges::any_of(jobs_, [&](const ModelJob& job) {
                return &job != &reporter && job.targets.contains(id);
            });
            if (!taken) {
                all.emplace(id, target);
            }
        }
        return all;
    }

    std::vector<ModelJob> jobs_;  // as they were configured first
    std::optional<base::SteadyTime> started_;
    bool warm_ = false;
};

// What a leader would make of the changes.
class Follower {
  public:
    explicit Follower(const Known& now) : now_(now) {}

    void check(const InventoryChange& change, const Known& before) {
        check_lists(change, before);
        check_predecessors(change, before);
    }

  private:
    void check_lists(const InventoryChange& change, const Known& before) {
        std::vector<model::TargetId> added, changed, removed;
        for (const auto& [id, target] : now_) {
            const auto found = before.find(id);
            if (found == before.end()) {
                added.push_back(id);
            } else if (!same_details(*found->second, *target)) {
                changed.push_back(id);
            }
        }
        for (const auto& [id, target] : before) {
            if (!now_.contains(id)) {
                removed.push_back(id);
            }
        }
        std::vector<model::TargetId> said;
        for (const AddedTarget& one : change.added) {
            said.push_back(one.id);
            CHECK(change.jobs[one.job] == now_.at(one.id)->job);
        }
        CHECK(said == added);
        CHECK(change.changed == changed);
        CHECK(change.removed == removed);
    }

    // As many as there can be at each place.
    void check_predecessors(const InventoryChange& change, const Known& before) {
        std::map<uint64_t, std::pair<size_t, size_t>> places;  // added, removed
        std::set<model::TargetId> used;
        for (const model::TargetId id : change.removed) {
            ++places[*place_key(*before.at(id))].second;
        }
        for (const AddedTarget& one : change.added) {
            ++places[*place_key(*now_.at(one.id))].first;
            if (one.predecessor) {
                CHECK(std::ranges::binary_search(change.removed, *one.predecessor));
                CHECK(place_key(*before.at(*one.predecessor)) == place_key(*now_.at(one.id)));
                CHECK(used.insert(*one.predecessor).second);
            }
        }
        size_t pairs = 0;
        for (const auto& [place, counts] : places) {
            pairs += std::min(counts.first, counts.second);
        }
        CHECK(used.size() == pairs);
    }

    const Known& now_;
};

class Run {
  public:
    explicit Run(uint64_t seed) : random_(seed) {}

    void step() {
        switch (random_.below(8)) {
            case 0:
                configure();
                break;
            case 1:
            case 2:
            case 3:
                report(random_.below(25));
                break;
            case 4:
                report(0);
                break;
            case 5:
                pass(std::chrono::milliseconds(random_.below(100'000)));
                break;
            case 6:
                look();
                break;
            default:
                if (random_.below(10) == 0) {
                    at_.inventory.restart_changes();
                    told_.clear();
                }
        }
        compare();
    }

  private:
    [[nodiscard]] std::string any_job() { return "j" + std::to_string(random_.below(4)); }

    void configure() {
        std::vector<JobHash> jobs;
        for (size_t job = 0; job < 4; ++job) {
            if (random_.below(6) != 0) {
                jobs.push_back({.job = "j" + std::to_string(job), .hash = random_.below(10) / 9});
            }
        }
        at_.configure(jobs);
        model_.configure(jobs, at_.clock.steady());
    }

    void report(size_t count) {
        const std::string job = any_job();
        std::vector<TargetPtr> active;
        for (size_t one = 0; one < count; ++one) {
            model::Target made = target(job, "a" + std::to_string(random_.below(12)));
            model::LabelsBuilder labels(made.labels);
            labels.set("team", std::to_string(random_.below(3)));
            made.labels = labels.labels();
            made.interval = 15s * (1 + random_.below(8) / 7);
            active.push_back(shared(made));
        }
        at_.report(job, active);
        model_.report(job, active, at_.clock.steady());
    }

    void pass(std::chrono::milliseconds time) {
        at_.pass(time);
        model_.pass(at_.clock.steady());
    }

    void look() {
        const Known now = model_.visible();
        Follower(now).check(at_.inventory.take_changes(), told_);
        told_ = now;
    }

    void compare() {
        const Known visible = model_.visible();
        CHECK(at_.inventory.size() == visible.size());
        Known seen;
        at_.inventory.for_each([&](model::TargetId id, std::string_view job) {
            const auto found = visible.find(id);
            REQUIRE(found != visible.end());
            CHECK(found->second->job == job);
            CHECK(at_.inventory.descriptor(id)->interval == found->second->interval);
            seen.emplace(id, found->second);
        });
        CHECK(seen.size() == visible.size());
        CHECK(at_.inventory.next() == model_.next());
        CHECK(at_.inventory.cold() == model_.cold());
        CHECK(at_.inventory.check_limit().has_error() == (model_.left_out() > 0));
        size_t left_out = 0;
        for (const JobInventory& job : at_.inventory.jobs()) {
            left_out += job.left_out;
        }
        CHECK(left_out == model_.left_out());
    }

    base::SeededRandom random_;
    Fixture at_{.options = {.targets_max = kTargetsLimit, .key = narrow_key}};
    Model model_;
    Known told_;
};

}  // namespace

TEST_CASE("an inventory knows and tells what a plain model does", "[shard][inventory]") {
    const uint64_t first = test_support::test_seed();
    for (uint64_t seed = first; seed < first + 30; ++seed) {
        CAPTURE(seed);
        Run run(seed);
        for (int step = 0; step < 300; ++step) {
            run.step();
        }
    }
}
