#include "base/async/task_group.h"

#include <exception>
#include <list>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/async/waiter.h"
#include "base/check.h"

namespace base {

namespace asio = boost::asio;

struct TaskGroup::State {
    struct Running {
        std::string name;
        asio::cancellation_signal cancel;
    };

    using Entry = std::list<Running>::iterator;

    static asio::awaitable<void> run(std::shared_ptr<State> state, Entry entry, Task<void> task);
    void ended(Entry entry);
    void request_stop();

    OnError on_error;
    std::list<Running> running;         // on the lane
    std::vector<Waiter*> stop_waiters;  // on the lane
    std::atomic<size_t> size{0};
    std::atomic<bool> stopping{false};
};

asio::awaitable<void> TaskGroup::State::run(std::shared_ptr<State> state,
                                            Entry entry,
                                            Task<void> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    co_await asio::this_coro::reset_cancellation_state(asio::enable_total_cancellation());
    // Never inside spawn(): its caller is not ready for what the task does.
    co_await asio::post(asio::use_awaitable);
    if (state->stopping) {
        co_return;
    }
    const Status status = co_await std::move(task);
    if (!status && status.error().code() != Code::kCanceled && state->on_error) {
        state->on_error(entry->name, status.error());
    }
}

void TaskGroup::State::ended(Entry entry) {
    running.erase(entry);
    if (--size == 0) {
        for (Waiter* const waiter : std::exchange(stop_waiters, {})) {
            waiter->wake();
        }
    }
}

void TaskGroup::State::request_stop() {
    stopping = true;
    // A task that ends while it is told so leaves the list, hence the step before the call.
    for (auto at = running.begin(); at != running.end();) {
        Running& task = *at++;
        task.cancel.emit(asio::cancellation_type::all);
    }
}

TaskGroup::TaskGroup(Lane& lane, OnError on_error)
    : lane_(lane), state_(std::make_shared<State>()) {
    state_->on_error = std::move(on_error);
}

TaskGroup::~TaskGroup() {
    if (state_->size == 0) {
        return;
    }
    SKEIN_CHECK(!lane_.here(), "tasks outlive their group, first:", state_->running.front().name);
    stop_and_wait();
}

void TaskGroup::spawn(std::string name, Task<void> task) {
    SKEIN_CHECK(lane_.here(), "tasks are spawned on their lane:", name);
    if (state_->stopping) {
        return;
    }
    SKEIN_CHECK(state_->size < kTasksMax, "too many tasks in a group:", name);
    const auto entry = state_->running.emplace(state_->running.end());
    entry->name = std::move(name);
    ++state_->size;
    asio::co_spawn(
        lane_.context(),
        State::run(state_, entry, std::move(task)),
        asio::bind_cancellation_slot(
            entry->cancel.slot(), [state = state_, entry](const std::exception_ptr& thrown) {
                // A task that is cancelled before its first step is dropped by way of an exception.
                SKEIN_CHECK(thrown == nullptr || state->stopping, "a task threw:", entry->name);
                state->ended(entry);
            }));
}

Task<void> TaskGroup::stop() {
    const std::shared_ptr<State> state = state_;
    state->request_stop();
    while (state->size > 0) {
        Waiter waiter(lane_);
        state->stop_waiters.push_back(&waiter);
        (void)co_await waiter.wait(false);
    }
    co_return success();
}

void TaskGroup::stop_and_wait() {
    SKEIN_CHECK(!lane_.here(), "on its lane a group is stopped with stop()");
    ignore(block_on(lane_, stop()), "stop() cannot fail");
}

void TaskGroup::request_stop() {
    state_->request_stop();
}

bool TaskGroup::stopping() const {
    return state_->stopping;
}

size_t TaskGroup::size() const {
    return state_->size;
}

std::vector<std::string> TaskGroup::names() const {
    std::vector<std::string> names;
    for (const State::Running& task : state_->running) {
        names.push_back(task.name);
    }
    return names;
}

}  // namespace base
