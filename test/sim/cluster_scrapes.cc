#include "test/sim/cluster_scrapes.h"

#include <set>
#include <utility>

namespace sim {

using std::chrono::milliseconds;

namespace {

constexpr int64_t kGridNs = 250'000'000;
constexpr Time kAtOnce = milliseconds(20);

// The target's moment within its interval: the same on every node.
int64_t phase_ns(const model::Target& target) {
    const int64_t interval =
        std::chrono::duration_cast<std::chrono::nanoseconds>(target.interval).count();
    const auto own = static_cast<int64_t>(mix(target.id) % static_cast<uint64_t>(interval));
    return (own / kGridNs * kGridNs + interval * target.slot / target.slots) % interval;
}

}  // namespace

ClusterScrapes::ClusterScrapes(ProcessId process, Parts parts)
    : process_(process), parts_(std::move(parts)) {}

ClusterScrapes::~ClusterScrapes() {
    for (const auto& [id, scrape] : running_) {
        parts_.checks.scraping(process_, scrape.number, *scrape.target, false);
    }
}

void ClusterScrapes::targets_changed(std::shared_ptr<const model::ResolvedJob> job) {
    std::set<model::TargetId> there;
    for (const auto& target : job->active) {
        there.insert(target->id);
    }
    const std::set<model::TargetId> handed_over(job->handed_over.begin(), job->handed_over.end());
    for (auto at = running_.begin(); at != running_.end();) {
        if (at->second.target->job == job->job && !there.contains(at->first)) {
            end(at->second, handed_over.contains(at->first));
            at = running_.erase(at);
        } else {
            ++at;
        }
    }
    for (const auto& target : job->active) {
        begin(target);
    }
}

void ClusterScrapes::begin(const std::shared_ptr<const model::Target>& target) {
    const auto [at, added] = running_.try_emplace(target->id);
    Scrape& scrape = at->second;
    if (added) {
        scrape.number = parts_.targets.number(target->id);
        scrape.target = target;
        scrape.storing = !target->on_trial;
        scrape.life = ++lives_;
        parts_.checks.scraping(process_, scrape.number, *target, true);
        wait(scrape, target->at_once);
        return;
    }
    const bool otherwise = scrape.target->slot != target->slot ||
                           scrape.target->slots != target->slots ||
                           scrape.target->interval != target->interval;
    scrape.target = target;
    scrape.storing = scrape.storing || !target->on_trial;
    if (otherwise) {
        scrape.life = ++lives_;
        wait(scrape, target->at_once);
    }
}

void ClusterScrapes::end(const Scrape& scrape, bool handed_over) {
    parts_.checks.scraping(process_, scrape.number, *scrape.target, false);
    if (scrape.ends_open && !handed_over) {
        store(scrape, SampleKind::kGone, parts_.world.clock(process_).now_ms());
    }
}

void ClusterScrapes::wait(Scrape& scrape, bool at_once) {
    MachineClock& clock = parts_.world.clock(process_);
    Time until = kAtOnce;
    if (!at_once) {
        const int64_t now = clock.now_ns();
        const int64_t interval =
            std::chrono::duration_cast<std::chrono::nanoseconds>(scrape.target->interval).count();
        const int64_t phase = phase_ns(*scrape.target);
        until = Time(((now - phase) / interval + 1) * interval + phase - now);
    }
    parts_.world.at(clock.when(clock.steady() + until),
                    process_,
                    [this, id = scrape.target->id, life = scrape.life] { this->scrape(id, life); });
}

void ClusterScrapes::scrape(model::TargetId id, uint64_t life) {
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.life != life) {
        return;
    }
    Scrape& scrape = found->second;
    const SimTarget& truth = parts_.targets.at(scrape.number);
    const int64_t wall_ms = parts_.world.clock(process_).now_ms();
    wait(scrape, false);
    const base::SteadyTime now = parts_.world.clock(process_).steady();
    if (scrape.target->end != nullptr && now.time_since_epoch().count() >= *scrape.target->end) {
        return;
    }
    parts_.checks.scrapes(process_, scrape.number, *scrape.target);
    if (truth.slow == 0) {
        done(id, life, truth.down == 0, wall_ms);
        return;
    }
    parts_.world.at(parts_.world.now() + Time(scrape.target->timeout),
                    process_,
                    [this, id, life, wall_ms] { done(id, life, false, wall_ms); });
}

void ClusterScrapes::done(model::TargetId id, uint64_t life, bool good, int64_t wall_ms) {
    const auto found = running_.find(id);
    if (found == running_.end() || found->second.life != life) {
        return;
    }
    Scrape& scrape = found->second;
    scrape.storing = scrape.storing || good;
    if (scrape.storing) {
        store(scrape, good ? SampleKind::kGood : SampleKind::kDown, wall_ms);
        scrape.ends_open = good;
    }
    const uint64_t series = good ? parts_.targets.at(scrape.number).series : 0;
    parts_.scraped({.target = id, .good = good, .timestamp_ms = wall_ms, .series = series});
}

void ClusterScrapes::store(const Scrape& scrape, SampleKind kind, int64_t wall_ms) {
    parts_.checks.stored(
        process_,
        scrape.number,
        *scrape.target,
        {.wall_ms = wall_ms, .at = parts_.world.now(), .slot = scrape.target->slot, .kind = kind});
}

}  // namespace sim
