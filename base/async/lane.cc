#include "base/async/lane.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <pthread.h>

#include "base/async/timer_wheel.h"
#include "base/async/waiter.h"
#include "base/check.h"
#include "base/sync.h"

namespace base {

namespace asio = boost::asio;

namespace {

thread_local Lane* t_current = nullptr;

// Marks the thread as a lane's for a scope.
class OnLane {
  public:
    explicit OnLane(Lane* lane) : before_(std::exchange(t_current, lane)) {}

    ~OnLane() { t_current = before_; }

    OnLane(const OnLane&) = delete;
    OnLane& operator=(const OnLane&) = delete;

  private:
    Lane* before_;
};

// A door that opens once, between threads.
class Gate {
  public:
    void open() EXCLUDES_LOCK(mutex_) {
        const MutexLock lock(mutex_);
        open_ = true;
        opened_.notify_all();
    }

    [[nodiscard]] bool is_open() EXCLUDES_LOCK(mutex_) {
        const MutexLock lock(mutex_);
        return open_;
    }

    void wait() EXCLUDES_LOCK(mutex_) {
        const MutexLock lock(mutex_);
        while (!open_) {
            opened_.wait(mutex_);
        }
    }

  private:
    Mutex mutex_;
    CondVar opened_;
    bool open_ GUARDED_BY(mutex_) = false;
};

}  // namespace

struct Lane::Loop {
    explicit Loop(Lane& of) : lane(of), wheel(of.clock_) {}

    void run_events();
    void run_ticks();
    bool doze(const Ticker& grid);
    void tick();
    void rearm();
    void on_alarm(bool fired);

    Lane& lane;
    TimerWheel wheel;                   // outlives the frames that the context destroys
    std::vector<Waiter*> tick_waiters;  // next_tick()
    asio::io_context io{1};
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    asio::steady_timer alarm{io};
    std::atomic<bool> stopping{false};
    std::thread thread;
};

// Sets the one system timer of an event-driven lane to the wheel's next moment.
void Lane::Loop::rearm() {
    const SteadyTime wake = wheel.wake();
    if (wake == SteadyTime::max()) {
        return;
    }
    alarm.expires_after(wake - wheel.now());
    alarm.async_wait([this](const boost::system::error_code& error) { on_alarm(!error); });
}

void Lane::Loop::on_alarm(bool fired) {
    if (fired) {
        wheel.advance();
        rearm();
    }
}

void Lane::Loop::run_events() {
    const OnLane here(&lane);
    io.run();
}

void Lane::Loop::tick() {
    wheel.advance();
    for (Waiter* const waiter : std::exchange(tick_waiters, {})) {
        waiter->wake();
    }
}

// While something goes on, the lane wakes at every tick and does all that became ready since. After
// a few quiet ticks it sleeps until the next timer or the next event, and after an event waits for
// the tick again, so that what comes together is done together.
void Lane::Loop::run_ticks() {
    constexpr int kQuietTicks = 1;
    const OnLane here(&lane);
    const Ticker grid(lane.options_.tick, Duration::zero());
    int quiet = 0;
    while (!stopping.load(std::memory_order_acquire)) {
        const bool idle = quiet >= kQuietTicks && tick_waiters.empty();
        if (!idle || doze(grid)) {
            std::this_thread::sleep_until(grid.after(std::chrono::steady_clock::now()));
        }
        // As a handler, so that what it starts uses the loop's recycled memory.
        asio::post(io, [this] { tick(); });
        quiet = io.poll() > 1 ? 0 : quiet + 1;
    }
}

// Sleeps until the tick at which the next timer is due. Returns true as soon as an event was
// handled instead.
bool Lane::Loop::doze(const Ticker& grid) {
    constexpr Duration kDozeMax = std::chrono::seconds(1);  // a stop() wakes us anyway
    const SteadyTime now = wheel.now();
    const SteadyTime wake = std::min(wheel.wake(), now + kDozeMax);
    const SteadyTime due = grid.after(std::max(wake, now) - Duration(1));
    return io.run_one_for(due - now) != 0;
}

Lane::Lane(const Clock& clock, LaneOptions options)
    : clock_(clock), options_(std::move(options)), loop_(std::make_unique<Loop>(*this)) {
    if (!ticked() && !options_.manual) {
        Loop* const loop = loop_.get();
        loop->wheel.on_earlier([loop](SteadyTime) { loop->rearm(); });
    }
}

Lane::~Lane() {
    stop();
}

void Lane::start() {
    if (options_.manual || loop_->thread.joinable()) {
        return;
    }
    loop_->stopping = false;
    loop_->io.restart();
    loop_->thread = std::thread([this] {
        pthread_setname_np(pthread_self(), options_.name.substr(0, 15).c_str());
        if (ticked()) {
            loop_->run_ticks();
        } else {
            loop_->run_events();
        }
    });
}

void Lane::stop() {
    if (!loop_->thread.joinable()) {
        return;
    }
    SKEIN_CHECK(!here(), "a lane cannot stop itself");
    loop_->stopping = true;
    loop_->io.stop();
    loop_->thread.join();
    loop_->io.restart();
}

void Lane::post(std::function<void()> work) {
    asio::post(loop_->io, std::move(work));
}

void Lane::call(const std::function<void()>& work) {
    if (here()) {
        work();
        return;
    }
    Gate gate;
    post([&] {
        work();
        gate.open();
    });
    if (threaded()) {
        gate.wait();
    } else {
        run([&] { return gate.is_open(); });
    }
}

bool Lane::threaded() const {
    return loop_->thread.joinable();
}

bool Lane::here() const {
    return t_current == this;
}

Lane* Lane::current() {
    return t_current;
}

size_t Lane::poll() {
    SKEIN_CHECK(!threaded(), "a lane with a thread is driven by it");
    const OnLane here(this);
    loop_->io.restart();
    asio::post(loop_->io, [this] { loop_->tick(); });
    return loop_->io.poll() - 1;
}

void Lane::run(const std::function<bool()>& done) {
    SKEIN_CHECK(!threaded(), "a lane with a thread is driven by it");
    constexpr Duration kStepMax = std::chrono::milliseconds(10);
    while (!done()) {
        if (poll() > 0) {
            continue;
        }
        const OnLane here(this);
        const SteadyTime wake = loop_->wheel.wake();
        const Duration left = wake == SteadyTime::max() ? kStepMax : wake - clock_.steady();
        if (left > Duration::zero()) {
            loop_->io.restart();
            loop_->io.run_one_for(std::min(left, kStepMax));
        }
    }
}

Task<void> Lane::next_tick() {
    if (!ticked()) {
        co_return success();
    }
    if (co_await task_cancelled()) {
        co_return fail(cancelled_error());
    }
    Waiter waiter(*this);
    loop_->tick_waiters.push_back(&waiter);
    const bool woken = co_await waiter.wait();
    if (!woken) {
        std::erase(loop_->tick_waiters, &waiter);
        co_return fail(cancelled_error());
    }
    co_return success();
}

asio::any_io_executor Lane::executor() {
    return loop_->io.get_executor();
}

asio::io_context& Lane::context() {
    return loop_->io;
}

TimerWheel& Lane::timers() {
    return loop_->wheel;
}

namespace detail {

void block_on(Lane& lane, asio::awaitable<void> task) {
    SKEIN_CHECK(!lane.here(), "a lane may not block on itself");
    Gate gate;
    asio::co_spawn(lane.context(), std::move(task), [&gate](const std::exception_ptr& thrown) {
        SKEIN_CHECK(thrown == nullptr, "a task threw");
        gate.open();
    });
    if (lane.threaded()) {
        gate.wait();
    } else {
        lane.run([&gate] { return gate.is_open(); });
    }
}

}  // namespace detail
}  // namespace base
