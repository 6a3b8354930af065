#include "query/active_queries.h"

#include "query/exec/context.h"

namespace query {
namespace {

// Ids begin behind all that an earlier run can have given: nobody asks so often.
constexpr uint64_t kIdsPerMillisecond = 1000;

}  // namespace

ActiveQueries::ActiveQueries(const base::Clock& clock)
    : clock_(clock), next_id_(static_cast<uint64_t>(clock.now_ms()) * kIdsPerMillisecond + 1) {}

ActiveQuery ActiveQueries::look_at(const State& state) const {
    ActiveQuery out = state.query;
    out.elapsed_seconds = std::chrono::duration<double>(clock_.steady() - state.begun).count();
    if (state.meter != nullptr) {
        out.samples_held = state.meter->held();
        out.samples_read = state.meter->total_read();
    }
    if (state.budget != nullptr) {
        out.memory_bytes = state.budget->used();
    }
    return out;
}

std::vector<ActiveQuery> ActiveQueries::list() const {
    std::vector<ActiveQuery> out;
    const base::MutexLock lock(mutex_);
    out.reserve(queries_.size());
    for (const auto& [id, state] : queries_) {
        out.push_back(look_at(state));
    }
    return out;
}

size_t ActiveQueries::count() const {
    const base::MutexLock lock(mutex_);
    return queries_.size();
}

base::Status ActiveQueries::cancel(uint64_t id,
                                   const std::function<base::Status(const ActiveQuery&)>& may) {
    std::optional<std::stop_source> stop;
    {
        const base::MutexLock lock(mutex_);
        const auto found = queries_.find(id);
        if (found == queries_.end()) {
            return base::fail(base::Code::kNotFound,
                              "no query with id " + std::to_string(id) +
                                  " runs on this node; /api/v1/queries lists those that do");
        }
        TRY(may(look_at(found->second)));
        stop = found->second.stop;
    }
    stop->request_stop();
    return base::success();
}

ActiveQueries::Entry::Entry(ActiveQueries& all, const Asked& asked) : all_(all) {
    State state;
    state.query.query = asked.query;
    state.query.origin = asked.origin;
    state.query.times = asked.times;
    state.query.instant = asked.instant;
    state.query.part = asked.part;
    state.query.started_ms = all.clock_.now_ms();
    state.begun = all.clock_.steady();
    const std::stop_source stop = state.stop;
    stop_ = stop.get_token();
    {
        const base::MutexLock lock(all.mutex_);
        id_ = all.next_id_++;
        state.query.id = id_;
        all.queries_.emplace(id_, std::move(state));
    }
    if (asked.stop.stop_possible()) {
        forward_.emplace(asked.stop, [stop]() mutable { stop.request_stop(); });
    }
}

ActiveQueries::Entry::~Entry() {
    forward_.reset();
    std::optional<size_t> slot;
    {
        const base::MutexLock lock(all_.mutex_);
        const auto found = all_.queries_.find(id_);
        slot = found->second.slot;
        all_.queries_.erase(found);
    }
    if (slot) {
        all_.file_->erase(*slot);
    }
}

void ActiveQueries::Entry::set_running() {
    std::string text;
    int64_t started_ms = 0;
    {
        const base::MutexLock lock(all_.mutex_);
        ActiveQuery& query = all_.queries_.at(id_).query;
        query.running = true;
        text = query.query;
        started_ms = query.started_ms;
    }
    if (all_.file_ == nullptr) {
        return;
    }
    const std::optional<size_t> slot = all_.file_->add(text, started_ms / 1000);
    const base::MutexLock lock(all_.mutex_);
    all_.queries_.at(id_).slot = slot;
}

void ActiveQueries::Entry::set_meters(const exec::SampleMeter* samples,
                                      const base::Budget* memory) {
    const base::MutexLock lock(all_.mutex_);
    State& state = all_.queries_.at(id_);
    state.meter = samples;
    state.budget = memory;
}

ActiveQueries::Entry::Meters::Meters(Entry& entry,
                                     const exec::SampleMeter& samples,
                                     const base::Budget& memory)
    : entry_(entry) {
    entry_.set_meters(&samples, &memory);
}

ActiveQueries::Entry::Meters::~Meters() {
    entry_.set_meters(nullptr, nullptr);
}

}  // namespace query
