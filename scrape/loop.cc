#include "scrape/loop.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"

namespace scrape {
namespace {

constexpr double kNsPerSecond = 1e9;

model::Origin origin_of(const model::Target& target) {
    return model::origin_of(target.labels);
}

}  // namespace

Loop::Loop(LaneShared& shared,
           std::shared_ptr<const model::Target> target,
           std::shared_ptr<const JobOptions> job,
           uint64_t offset_seed)
    : shared_(shared),
      target_(std::move(target)),
      job_(std::move(job)),
      offset_seed_(offset_seed),
      session_(target_,
               job_,
               shared.storage.appender(origin_of(*target_)),
               shared.scratch,
               shared.metadata,
               shared.metrics,
               shared.log),
      aligner_(shared.engine),
      wake_(shared.lane),
      wake_setter_(wake_.setter()) {}

bool Loop::keeps_cache(const JobOptions& before, const JobOptions& after) {
    JobOptions alike = after;
    alike.interval = before.interval;
    alike.timeout = before.timeout;
    alike.limits = before.limits;
    alike.client = before.client;
    alike.protocols = before.protocols;
    alike.fallback_protocol = before.fallback_protocol;
    alike.enable_compression = before.enable_compression;
    alike.extra_scrape_metrics = before.extra_scrape_metrics;
    alike.failure_log_file = before.failure_log_file;
    // What leads to targets shows in the targets themselves.
    alike.discovery = before.discovery;
    alike.relabel_rules = before.relabel_rules;
    alike.params = before.params;
    alike.metrics_path = before.metrics_path;
    alike.scheme = before.scheme;
    return alike == before;
}

void Loop::update(std::shared_ptr<const model::Target> target,
                  std::shared_ptr<const JobOptions> job,
                  uint64_t offset_seed) {
    if (!update_.has_value() && target_ == target && job_ == job && offset_seed_ == offset_seed) {
        return;
    }
    update_ = Update{std::move(target), std::move(job), offset_seed};
    wake_.set();
}

void Loop::force_error(std::optional<base::Error> error) {
    forced_error_ = std::move(error);
}

void Loop::end(LoopEnd how) {
    end_ = how;
    wake_.set();
}

void Loop::apply_update() {
    if (!update_.has_value()) {
        return;
    }
    const bool same_fetch = job_->client == update_->job->client &&
                            job_->protocols == update_->job->protocols &&
                            job_->escaping_scheme == update_->job->escaping_scheme &&
                            job_->enable_compression == update_->job->enable_compression &&
                            target_->url == update_->target->url &&
                            target_->unix_socket == update_->target->unix_socket &&
                            target_->timeout == update_->target->timeout;
    target_ = std::move(update_->target);
    job_ = std::move(update_->job);
    offset_seed_ = update_->offset_seed;
    update_.reset();
    session_.update(target_, job_);
    if (!same_fetch) {
        fetcher_.reset();
    } else if (fetcher_ != nullptr) {
        fetcher_->set_limits(*job_);
    }
}

base::Task<void> Loop::run() {
    while (end_ == LoopEnd::kRunning && !cancelled_) {
        apply_update();
        const int64_t due = next_due();
        const auto reached = co_await wait_until(due);
        base::ignore(reached, "what woke us may come in the tick of the scrape");
        if (end_ != LoopEnd::kRunning || cancelled_ || shared_.lane.clock().now_ns() < due) {
            continue;
        }
        apply_update();
        const base::Status scraped = co_await scrape();
        base::ignore(scraped, "the status says it");
        const int64_t interval_ns = std::chrono::nanoseconds(target_->interval).count();
        const int64_t behind = shared_.lane.clock().now_ns() - due;
        if (behind > interval_ns) {
            shared_.metrics.missed_ticks.add(behind / interval_ns);
        }
    }
    if (end_ == LoopEnd::kMarkStale && session_.has_stored() && !cancelled_) {
        const base::Status ended = co_await end_of_run();
        base::ignore(ended, "cancelled: the process stops, and markers are not due then");
    }
    co_return base::success();
}

int64_t Loop::next_due() {
    const int64_t now_ns = shared_.lane.clock().now_ns();
    const int64_t in_phase = next_due_ns(now_ns,
                                         std::chrono::nanoseconds(target_->interval).count(),
                                         phase_ns(*target_, offset_seed_, shared_.engine.grid));
    if (!target_->at_once || last_start_ns_ != 0) {
        return in_phase;
    }
    if (!first_due_ns_.has_value()) {
        const auto wait = shared_.first_scrapes.reserve(shared_.lane.clock().steady(),
                                                        base::Duration(in_phase - now_ns));
        first_due_ns_ = wait.has_value() ? now_ns + wait->count() : INT64_MAX;
    }
    return std::min(*first_due_ns_, in_phase);
}

base::Task<bool> Loop::wait_until(int64_t wall_ns) {
    const base::Clock& clock = shared_.lane.clock();
    const int64_t left_ns = wall_ns - clock.now_ns();
    if (left_ns <= 0) {
        co_return true;
    }
    const base::SteadyTime when = clock.steady() + base::Duration(left_ns);
    const base::Status woken = co_await wake_.wait_until(when);
    if (!woken && woken.error().code() == base::Code::kCanceled) {
        cancelled_ = true;
    }
    co_return !woken && woken.error().code() == base::Code::kTimeout;
}

base::Status Loop::ready_to_fetch() {
    if (forced_error_.has_value()) {
        return base::fail(*forced_error_);
    }
    if (fetcher_ == nullptr) {
        TRY(fetcher_, Fetcher::create(shared_.client, shared_.lane, *target_, *job_));
    }
    return base::success();
}

base::Task<void> Loop::scrape() {
    const base::Clock& clock = shared_.lane.clock();
    const int64_t start_ns = clock.now_ns();
    const base::SteadyTime start = clock.steady();
    if (last_start_ns_ != 0) {
        const std::string interval = base::format_duration_ms(target_->interval.count());
        shared_.metrics.interval_length_seconds.with({interval})
            .observe(static_cast<double>(start_ns - last_start_ns_) / kNsPerSecond);
    }
    last_start_ns_ = start_ns;
    watch_end();
    if (std::exchange(broken_off_, false)) {
        co_return base::success();
    }
    std::unique_ptr<ScrapeBuffers> buffers = shared_.buffers.take();
    const int64_t time_ms = aligner_.align_ms(start_ns, target_->interval);
    session_.begin(buffers->staged, time_ms, start_ns / 1'000'000);
    const base::Deadline deadline(start + target_->timeout);
    const auto page = co_await fill(*buffers, deadline);
    end_timer_.reset();
    if (cancelled_ || std::exchange(broken_off_, false)) {
        session_.abandon();
        shared_.buffers.give_back(std::move(buffers));
        co_return base::fail(base::Code::kCanceled, "scrape cancelled");
    }
    int64_t body_bytes = 0;
    if (page) {
        body_bytes = static_cast<int64_t>(page.value().page.size());
    } else if (fetcher_ != nullptr && fetcher_->over_body_limit()) {
        shared_.metrics.exceeded_body_size_limit.add();
        body_bytes = -1;
    }
    const double seconds = std::chrono::duration<double>(clock.steady() - start).count();
    session_.finish(seconds, body_bytes);
    report(start_ns, seconds);
    const FetchedPage committed_page = page ? page.value() : FetchedPage{};
    bool stored = false;
    if (session_.keeps_nothing()) {
        session_.settle();
    } else {
        const auto taken = co_await commit(*buffers, committed_page);
        stored = taken && taken.value();
    }
    shared_.buffers.give_back(std::move(buffers));
    tell_listener(time_ms, stored);
    co_return base::success();
}

void Loop::watch_end() {
    if (target_->end == nullptr) {
        return;
    }
    if (end_timer_ == nullptr) {
        end_timer_ = std::make_unique<base::Timer>(shared_.lane, [this] { watch_end(); });
    }
    const base::SteadyTime end{base::Duration(*target_->end)};
    if (shared_.lane.clock().steady() < end) {
        end_timer_->arm(end);
        return;
    }
    broken_off_ = true;
    if (fetcher_ != nullptr) {
        fetcher_->expire();
    }
}

base::Task<FetchedPage> Loop::fill(ScrapeBuffers& buffers, base::Deadline deadline) {
    const base::Status ready = ready_to_fetch();
    if (!ready) {
        session_.fail(ready.error());
        co_return base::fail(ready.error());
    }
    auto page = co_await fetcher_->fetch(deadline, buffers, shared_.gunzip);
    if (!page) {
        cancelled_ = page.error().code() == base::Code::kCanceled;
        session_.fail(page.error());
        co_return base::fail(page.error());
    }
    session_.open(page.value().format, page.value().page);
    while (!session_.advance(kLinesPerTurn)) {
        const base::Status turn = co_await base::yield();
        if (!turn) {
            cancelled_ = true;
            co_return base::fail(turn.error());
        }
    }
    co_return page.value();
}

void Loop::report(int64_t start_ns, double seconds) {
    const auto& error = session_.totals().error;
    status_.health = error.has_value() ? Health::kDown : Health::kUp;
    status_.last_error = error.has_value() ? error->message() : std::string();
    status_.last_scrape_ns = start_ns;
    status_.last_duration_seconds = seconds;
    if (error.has_value()) {
        shared_.log.debug("scrape failed", "target", target_->url, "error", *error);
    }
}

void Loop::tell_listener(int64_t time_ms, bool stored) {
    if (shared_.listener == nullptr) {
        return;
    }
    const ScrapeTotals& totals = session_.totals();
    const bool good = stored && !totals.error.has_value() && totals.refused == 0;
    shared_.listener->scraped({.target = target_->id,
                               .good = good,
                               .timestamp_ms = time_ms,
                               .series = good ? session_.page_series() : 0});
}

void Loop::log_commit_failure(const base::Error& error) {
    if (const auto suppressed = shared_.commit_failure_lines.pass(shared_.lane.clock().steady())) {
        shared_.log.error("scrape commit failed",
                          "target",
                          target_->url,
                          "error",
                          error,
                          "suppressed",
                          *suppressed);
    }
}

base::Task<bool> Loop::commit(ScrapeBuffers& buffers, FetchedPage page) {
    base::Status handed = co_await hand_over(buffers);
    base::ignore(handed, "always ends");
    std::optional<Outcome> outcome;
    {
        const base::MutexLock lock(mutex_);
        outcome.swap(outcome_);
    }
    buffers.staged.batch = std::move(outcome->batch);
    if (session_.committed(outcome->report)) {
        session_.resolve_again(page.format, page.page);
        handed = co_await hand_over(buffers);
        base::ignore(handed, "always ends");
        {
            const base::MutexLock lock(mutex_);
            outcome.reset();
            outcome.swap(outcome_);
        }
        buffers.staged.batch = std::move(outcome->batch);
        base::ignore(base::Result<bool>(session_.committed(outcome->report)),
                     "found again once, not twice");
    }
    session_.settle();
    if (outcome->report.has_error()) {
        log_commit_failure(outcome->report.error());
    }
    co_return outcome->report.has_value();
}

base::Task<void> Loop::hand_over(ScrapeBuffers& buffers) {
    session_.appender().commit(std::move(buffers.staged.batch), *this);
    while (true) {
        {
            const base::MutexLock lock(mutex_);
            if (outcome_.has_value()) {
                break;
            }
        }
        // Whatever wakes us, the storage answers, and until then we have to be here.
        const base::Status woken = co_await wake_.wait();
        if (!woken) {
            cancelled_ = true;
        }
    }
    co_return base::success();
}

void Loop::committed(base::Result<model::CommitReport> report, model::AppendBatch&& batch) {
    const base::Event::Setter setter = wake_setter_;  // we may be gone once the outcome is there
    {
        const base::MutexLock lock(mutex_);
        outcome_.emplace(Outcome{std::move(report), std::move(batch)});
    }
    setter.set();
}

base::Task<void> Loop::end_of_run() {
    const int64_t interval_ns = std::chrono::nanoseconds(target_->interval).count();
    const int64_t phase = phase_ns(*target_, offset_seed_, shared_.engine.grid);
    const int64_t stale_ns = next_due_ns(shared_.lane.clock().now_ns(), interval_ns, phase);
    // The next scrape and one more, and a tenth: who comes back has been scraped by then.
    const int64_t write_ns = stale_ns + interval_ns + interval_ns / 10;
    while (end_ == LoopEnd::kMarkStale && !cancelled_) {
        const auto reached = co_await wait_until(write_ns);
        if (reached && reached.value()) {
            break;
        }
    }
    if (end_ != LoopEnd::kMarkStale || cancelled_) {
        co_return base::success();
    }
    std::unique_ptr<ScrapeBuffers> buffers = shared_.buffers.take();
    session_.stage_end_of_run(buffers->staged, stale_ns / 1'000'000);
    const auto stored = co_await commit(*buffers, FetchedPage{});
    base::ignore(stored, "counted and logged");
    shared_.buffers.give_back(std::move(buffers));
    co_return base::success();
}

}  // namespace scrape
