#include "test/sim/world.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "base/check.h"

namespace sim {

namespace {

constexpr int64_t kMillion = 1'000'000;
// 2026-01-02T03:04:05Z: somewhere in the life of the product.
constexpr int64_t kWallStartNs = 1'767'323'045'000'000'000;
constexpr int64_t kWallSpreadNs = 50'000'000;
constexpr uint64_t kOrderSeed = 0x6f72646572;  // so that it takes nothing from other draws

}  // namespace

MachineClock::MachineClock(const Time& world_now, int64_t drift_ppm, int64_t wall_start_ns)
    : now_(world_now), since_(world_now), drift_ppm_(drift_ppm), wall_offset_(wall_start_ns) {}

base::Duration MachineClock::elapsed(Time now) const {
    const int64_t passed = (now - since_).count();
    return reached_ + base::Duration(passed + passed / kMillion * drift_ppm_ +
                                     passed % kMillion * drift_ppm_ / kMillion);
}

int64_t MachineClock::now_ns() const {
    return (elapsed(now_) + wall_offset_).count();
}

base::SteadyTime MachineClock::steady() const {
    return base::SteadyTime(elapsed(now_));
}

Time MachineClock::when(base::SteadyTime at) const {
    const base::Duration wanted = at.time_since_epoch();
    if (wanted <= elapsed(now_)) {
        return now_;
    }
    // Whole steps of the drifting clock, then what is left of one, in nanoseconds.
    const int64_t ahead = (wanted - reached_).count();
    const int64_t rate = kMillion + drift_ppm_;
    Time guess = since_ + base::Duration(ahead / rate * kMillion + ahead % rate * kMillion / rate);
    guess = std::max(guess, now_);
    while (elapsed(guess) < wanted) {
        ++guess;
    }
    return guess;
}

void MachineClock::drift(int64_t ppm) {
    reached_ = elapsed(now_);
    since_ = now_;
    drift_ppm_ = ppm;
}

World::World(const WorldOptions& options)
    : seed_(options.seed),
      random_(options.seed),
      order_(mix(options.seed ^ kOrderSeed)),
      trace_(options.trace_kept, options.trace_echo) {
    trace(kNoProcess, "world", seed_);
}

World::~World() {
    // Programs may still schedule and trace while they go.
    for (Process& process : processes_) {
        process.program.reset();
    }
}

ProcessId World::add_process(Factory factory) {
    const auto drift = static_cast<int64_t>(random_.below(2 * kDriftPpmMax + 1)) - kDriftPpmMax;
    const auto wall = kWallStartNs + static_cast<int64_t>(random_.below(kWallSpreadNs));
    Process process;
    process.factory = std::move(factory);
    process.clock = std::make_unique<MachineClock>(now_, drift, wall);
    processes_.push_back(std::move(process));
    return static_cast<ProcessId>(processes_.size() - 1);
}

void World::start(ProcessId process) {
    SKEIN_CHECK(!up(process), "starts twice", process);
    trace(process, "start");
    processes_[process].paused = false;
    processes_[process].running_since = now_;
    // The factory may add processes, which moves them.
    const Factory factory = processes_[process].factory;
    std::unique_ptr<Program> program = factory(process);
    processes_[process].program = std::move(program);
}

void World::kill(ProcessId process) {
    if (!up(process)) {
        return;
    }
    trace(process, "kill");
    std::unique_ptr<Program> program = std::move(processes_[process].program);
    Process& killed = processes_[process];
    ++killed.incarnation;
    killed.paused = false;
    std::vector<Event> backlog = std::exchange(killed.backlog, {});
    program.reset();
    for (Event& event : backlog) {
        if (event.dropped) {
            event.dropped();
        }
    }
}

void World::pause(ProcessId process) {
    if (up(process) && !processes_[process].paused) {
        trace(process, "pause");
        processes_[process].paused = true;
    }
}

void World::resume(ProcessId process) {
    Process& resumed = processes_[process];
    if (!resumed.paused) {
        return;
    }
    trace(process, "resume", resumed.backlog.size());
    resumed.paused = false;
    resumed.running_since = now_;
    std::vector<Event> waiting = std::exchange(resumed.backlog, {});
    mix_up(waiting);
    for (Event& event : waiting) {
        schedule(now_, std::move(event));
    }
}

// One time of three as they came; else messages anyhow, and own events between or after them.
void World::mix_up(std::vector<Event>& waiting) {
    constexpr uint64_t kTurns = 1U << 31U;
    const uint64_t way = order_.below(3);
    if (way == 0) {
        return;
    }
    // A turn for each, and those of one stream take theirs in the order in which they came.
    std::map<uint32_t, std::vector<uint64_t>> turns;
    for (const Event& event : waiting) {
        const bool own = event.incarnation != kAnyIncarnation;
        const uint64_t turn = order_.below(kTurns) + (own && way == 2 ? kTurns : 0);
        turns[own ? kOwnStream : event.stream].push_back(turn);
    }
    for (auto& [stream, its] : turns) {
        if (stream != kNoStream) {
            std::ranges::sort(its, std::greater<>());
        }
    }
    std::vector<std::pair<uint64_t, Event>> mixed;
    mixed.reserve(waiting.size());
    for (Event& event : waiting) {
        const bool own = event.incarnation != kAnyIncarnation;
        std::vector<uint64_t>& its = turns[own ? kOwnStream : event.stream];
        mixed.emplace_back(its.back(), std::move(event));
        its.pop_back();
    }
    std::ranges::stable_sort(mixed, {}, [](const auto& one) { return one.first; });
    waiting.clear();
    for (auto& [turn, event] : mixed) {
        waiting.push_back(std::move(event));
    }
}

bool World::up(ProcessId process) const {
    return processes_[process].program != nullptr;
}

bool World::paused(ProcessId process) const {
    return processes_[process].paused;
}

Program* World::program(ProcessId process) const {
    return processes_[process].program.get();
}

MachineClock& World::clock(ProcessId process) {
    return *processes_[process].clock;
}

Time World::running_since(ProcessId process) const {
    return processes_[process].running_since;
}

void World::at(Time when, Task task) {
    schedule(when, {.run = std::move(task)});
}

void World::at(Time when, ProcessId process, Task task) {
    schedule(when,
             {.process = process,
              .incarnation = processes_[process].incarnation,
              .run = std::move(task)});
}

void World::deliver(Time when, ProcessId process, Task task, Task dropped, uint32_t stream) {
    schedule(when,
             {.process = process,
              .stream = stream,
              .run = std::move(task),
              .dropped = std::move(dropped)});
}

void World::schedule(Time when, Event event) {
    uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<uint32_t>(slots_.size());
        slots_.push_back(std::move(event));
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
        slots_[slot] = std::move(event);
    }
    queue_.push_back({.at = std::max(when, now_), .sequence = ++sequence_, .slot = slot});
    std::ranges::push_heap(queue_, [](const Turn& a, const Turn& b) { return a.after(b); });
}

bool World::step() {
    if (queue_.empty() || failure_) {
        return false;
    }
    std::ranges::pop_heap(queue_, [](const Turn& a, const Turn& b) { return a.after(b); });
    const Turn turn = queue_.back();
    queue_.pop_back();
    Event event = std::move(slots_[turn.slot]);
    slots_[turn.slot] = {};
    free_slots_.push_back(turn.slot);
    now_ = turn.at;
    ++steps_;
    carry_out(std::move(event));
    return true;
}

void World::carry_out(Event event) {
    if (event.process != kNoProcess) {
        Process& process = processes_[event.process];
        const bool gone = process.program == nullptr || (event.incarnation != kAnyIncarnation &&
                                                         event.incarnation != process.incarnation);
        if (gone) {
            if (event.dropped) {
                event.dropped();
            }
            return;
        }
        if (process.paused) {
            process.backlog.push_back(std::move(event));
            return;
        }
    }
    event.run();
}

void World::run_until(Time when) {
    while (!failure_ && !queue_.empty() && queue_.front().at <= when) {
        step();
    }
    if (!failure_) {
        now_ = std::max(now_, when);
    }
}

void World::fail(std::string invariant, std::string text) {
    if (!failure_) {
        failure_ = Failure{
            .invariant = std::move(invariant), .text = std::move(text), .step = steps_, .at = now_};
    }
}

}  // namespace sim
