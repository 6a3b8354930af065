// A simulated world: one thread, a virtual clock, processes that can be killed and paused, and a
// queue of events in a total order. The same seed gives the same run, to the last bit.
//
//   World world({.seed = 7});
//   const ProcessId process = world.add_process([&](ProcessId id) { return make_node(id); });
//   world.start(process);
//   while (world.now() < 60s && world.step()) {}
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "test/sim/trace.h"

namespace sim {

// What runs in a process: made at each start, destroyed at a kill, and with it all that it knew.
class Program {
  public:
    virtual ~Program() = default;
};

// The clocks of one process' machine: steady with a drift, wall with jumps besides.
class MachineClock final : public base::Clock {
  public:
    MachineClock(const Time& world_now, int64_t drift_ppm, int64_t wall_start_ns);

    [[nodiscard]] int64_t now_ns() const override;
    [[nodiscard]] base::SteadyTime steady() const override;

    // The world's first moment at which steady() is at least `at`.
    [[nodiscard]] Time when(base::SteadyTime at) const;

    void jump_wall(base::Duration by) { wall_offset_ += by; }

    // From now on.
    void drift(int64_t ppm);

  private:
    [[nodiscard]] base::Duration elapsed(Time now) const;

    const Time& now_;
    Time since_{0};             // when the drift last changed,
    base::Duration reached_{};  // and what steady() was
    int64_t drift_ppm_;
    base::Duration wall_offset_;
};

// Why a run is over: a promise was broken.
struct Failure {
    std::string invariant;  // its short name: "R1"
    std::string text;
    uint64_t step = 0;
    Time at{};
};

struct WorldOptions {
    uint64_t seed = 1;
    size_t trace_kept = 200;
    bool trace_echo = false;
};

class World {
  public:
    using Task = std::function<void()>;
    using Factory = std::function<std::unique_ptr<Program>(ProcessId)>;

    static constexpr int64_t kDriftPpmMax = 200;
    static constexpr uint32_t kNoStream = UINT32_MAX;

    explicit World(const WorldOptions& options);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    [[nodiscard]] const Time& now() const { return now_; }

    // The one source of randomness. Parts that should not disturb each other take a fork().
    [[nodiscard]] base::Random& random() { return random_; }

    [[nodiscard]] base::SeededRandom fork() { return base::SeededRandom(random_.u64()); }

    // --- processes ---
    // Down until it is started; with a machine clock of its own drift.
    [[nodiscard]] ProcessId add_process(Factory factory);

    [[nodiscard]] size_t processes() const { return processes_.size(); }

    void start(ProcessId process);
    // Not from within one of the process' own events: use at() for the world.
    void kill(ProcessId process);
    // Its events wait until it is resumed. Then they come at once: as they would have come, or in
    // another order, as a program's threads take up what waits in its connections and timers. Its
    // own events keep their order, and so do those of one stream.
    void pause(ProcessId process);
    void resume(ProcessId process);
    [[nodiscard]] bool up(ProcessId process) const;
    [[nodiscard]] bool paused(ProcessId process) const;
    // Null: it is down.
    [[nodiscard]] Program* program(ProcessId process) const;
    [[nodiscard]] MachineClock& clock(ProcessId process);
    // Since when it has been running without a pause.
    [[nodiscard]] Time running_since(ProcessId process) const;

    // --- events ---
    // Of the world: always takes place.
    void at(Time when, Task task);
    // Of the process as it is now: dropped when it is killed meanwhile.
    void at(Time when, ProcessId process, Task task);
    // Of whatever runs in the process then; `dropped` when it is down (may be empty).
    //   stream  those of one stream are never taken up in another order
    void deliver(
        Time when, ProcessId process, Task task, Task dropped, uint32_t stream = kNoStream);

    // Carries out the next event. False: there is none, or the run has failed.
    bool step();

    [[nodiscard]] uint64_t steps() const { return steps_; }

    // Steps until `when`; now() is `when` then, unless the run has failed.
    void run_until(Time when);

    // --- what happened ---
    void trace(ProcessId process,
               TraceWord what,
               uint64_t a = 0,
               uint64_t b = 0,
               uint64_t c = 0,
               uint64_t d = 0) {
        trace_.add(now_, process, what, {a, b, c, d});
    }

    [[nodiscard]] const Trace& events() const { return trace_; }

    // The first one counts.
    void fail(std::string invariant, std::string text);

    [[nodiscard]] const std::optional<Failure>& failure() const { return failure_; }

  private:
    static constexpr uint32_t kAnyIncarnation = UINT32_MAX;
    static constexpr uint32_t kOwnStream = kNoStream - 1;

    struct Event {
        ProcessId process = kNoProcess;
        uint32_t incarnation = kAnyIncarnation;
        uint32_t stream = kNoStream;
        Task run;
        Task dropped;
    };

    // Where in the order an event stands; `slot` is where it lies.
    struct Turn {
        Time at{};
        uint64_t sequence = 0;
        uint32_t slot = 0;

        [[nodiscard]] bool after(const Turn& other) const {
            return at != other.at ? at > other.at : sequence > other.sequence;
        }
    };

    struct Process {
        Factory factory;
        std::unique_ptr<MachineClock> clock;
        std::unique_ptr<Program> program;
        bool paused = false;
        uint32_t incarnation = 0;
        Time running_since{};
        std::vector<Event> backlog;
    };

    void schedule(Time when, Event event);
    void carry_out(Event event);
    void mix_up(std::vector<Event>& waiting);

    const uint64_t seed_;
    Time now_{0};
    base::SeededRandom random_;
    base::SeededRandom order_;  // in which a process takes up what waited
    Trace trace_;
    std::optional<Failure> failure_;
    uint64_t sequence_ = 0;
    uint64_t steps_ = 0;
    std::vector<Turn> queue_;  // a heap, the next one first
    std::vector<Event> slots_;
    std::vector<uint32_t> free_slots_;
    std::vector<Process> processes_;
};

}  // namespace sim
