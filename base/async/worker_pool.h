// Threads that may block, behind a bounded queue.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/async/lane.h"

namespace base {

struct WorkerPoolOptions {
    std::string name = "worker";  // thread name and the name of the limit in errors
    size_t threads = 1;
    size_t queue_max = 1024;  // jobs waiting, those running not counted
};

//   threads   any
//   lifetime  the destructor finishes what is running, drops nothing that was accepted
class WorkerPool {
  public:
    explicit WorkerPool(WorkerPoolOptions options);
    ~WorkerPool();  // stop()
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Queues a job. errors  kLimit: the queue is full; kUnavailable: the pool is stopping
    [[nodiscard]] Status submit(std::function<void()> job);
    // Runs a job in the pool and resumes the task on its lane when the job has ended. Cannot be
    // cancelled: the job may use the caller's frame, so its end is awaited; hand it a stop_token.
    // errors  those of submit(); then the job did not run
    [[nodiscard]] Task<void> run(std::function<void()> job);

    // Accepts no more, finishes what was accepted, joins the threads.
    void stop();

    [[nodiscard]] size_t queued() const;
    [[nodiscard]] size_t running() const;

    [[nodiscard]] const WorkerPoolOptions& options() const { return options_; }

  private:
    struct State;

    WorkerPoolOptions options_;
    std::unique_ptr<State> state_;
};

namespace detail {
template <class T>
struct ValueOf;

template <class T>
struct ValueOf<Result<T>> {
    using Type = T;
};
}  // namespace detail

// co_await run_on(pool, fn): fn() in the pool, its Result<T> back on the lane. `fn` returns a
// Result.
template <class Function>
auto run_on(WorkerPool& pool, Function function)
    -> Task<typename detail::ValueOf<std::invoke_result_t<Function&>>::Type> {
    using Answer = std::invoke_result_t<Function&>;

    struct Job {
        Function function;
        std::unique_ptr<Answer> answer;
    };

    Job job{std::move(function), nullptr};
    Job* const at = &job;
    std::function<void()> work = [at] { at->answer = std::make_unique<Answer>(at->function()); };
    Status ran = co_await pool.run(std::move(work));
    if (!ran) {
        co_return fail(std::move(ran).error());
    }
    co_return std::move(*job.answer);
}

}  // namespace base
