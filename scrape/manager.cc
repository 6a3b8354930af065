#include "scrape/manager.h"

#include <algorithm>

#include "scrape/schedule.h"

namespace scrape {

namespace {

// A node of a cluster has a part of a job's targets only, and does not know how many there are.
base::Error over_target_limit(const LaneJob& job) {
    const uint64_t limit = job.options->limits.target_limit;
    const std::string what = job.targets.size() > limit
                                 ? "number of targets: " + std::to_string(job.targets.size())
                                 : "by the targets of all nodes";
    return base::Error(
        base::Code::kLimit,
        "target_limit exceeded (" + what + ", limit: " + std::to_string(limit) + ")");
}

}  // namespace

Manager::Manager(EngineOptions engine, Parts parts)
    : engine_(std::move(engine)), parts_(std::move(parts)), metadata_pool_(parts_.metadata) {
    const LineKey key = LineKey::random(parts_.random);
    for (size_t index = 0; index < parts_.runtime.size(); ++index) {
        lanes_.push_back(std::make_unique<LoopSet>(parts_.runtime.lane(index),
                                                   LoopParts{engine_,
                                                             parts_.storage,
                                                             parts_.client,
                                                             metadata_pool_,
                                                             parts_.metrics,
                                                             parts_.budget,
                                                             first_scrapes_,
                                                             parts_.listener,
                                                             parts_.log,
                                                             key}));
    }
}

Manager::~Manager() {
    stop();
}

void Manager::apply(const Options& options) {
    const base::MutexLock lock(mutex_);
    offset_seed_ =
        engine_.shared_phase ? 0 : offset_seed(engine_.host_name, options.external_labels);
    std::map<std::string, std::shared_ptr<const JobOptions>> wanted;
    for (const JobOptions& job : options.jobs) {
        wanted.emplace(job.job_name, std::make_shared<const JobOptions>(job));
    }
    for (auto& [name, job] : jobs_) {
        if (job.options != nullptr && !wanted.contains(name)) {
            send_to_lanes({name, job.options, {}, {}, std::nullopt, offset_seed_});
            job = {};
            parts_.metrics.pool_targets.remove({name});
            parts_.metrics.pool_target_limit.remove({name});
        }
    }
    std::erase_if(jobs_, [](const auto& entry) {
        return entry.second.options == nullptr && entry.second.resolved == nullptr;
    });
    for (auto& [name, fresh] : wanted) {
        Job& job = jobs_[name];
        (job.options == nullptr ? parts_.metrics.pools : parts_.metrics.pool_reloads).add();
        job.options = std::move(fresh);
        parts_.metrics.pool_target_limit.with({name}).set(
            static_cast<double>(job.options->limits.target_limit));
        send(name, job);
    }
}

void Manager::targets_changed(std::shared_ptr<const model::ResolvedJob> resolved) {
    const base::MutexLock lock(mutex_);
    Job& job = jobs_[resolved->job];
    job.resolved = std::move(resolved);
    send(job.resolved->job, job);
}

void Manager::send(const std::string& name, const Job& job) {
    if (job.options == nullptr || job.resolved == nullptr) {
        return;
    }
    LaneJob whole{name,
                  job.options,
                  job.resolved->active,
                  job.resolved->handed_over,
                  std::nullopt,
                  offset_seed_};
    if (job.resolved->over_target_limit) {
        parts_.metrics.exceeded_target_limit.add();
        whole.forced_error = over_target_limit(whole);
    }
    parts_.metrics.pool_targets.with({name}).set(static_cast<double>(whole.targets.size()));
    parts_.metrics.pool_syncs.with({name}).add();
    send_to_lanes(whole);
}

void Manager::send_to_lanes(const LaneJob& job) {
    if (stopped_) {
        return;
    }
    for (size_t index = 0; index < lanes_.size(); ++index) {
        auto part = std::make_shared<LaneJob>(
            LaneJob{job.name, job.options, {}, {}, job.forced_error, job.offset_seed});
        for (const auto& target : job.targets) {
            if (target->id % lanes_.size() == index) {
                part->targets.push_back(target);
            }
        }
        for (const model::TargetId id : job.handed_over) {
            if (id % lanes_.size() == index) {
                part->handed_over.push_back(id);
            }
        }
        LoopSet& set = *lanes_[index];
        set.lane().post([&set, part] { set.apply(*part); });
    }
}

void Manager::stop() {
    {
        const base::MutexLock lock(mutex_);
        if (stopped_) {
            return;
        }
        stopped_ = true;
    }
    const base::MutexLock waiting(visiting_);
    for (const auto& set : lanes_) {
        set->lane().call([] {});  // what was posted has been applied
        set->stop();
    }
}

void Manager::visit(const std::function<void(const std::string&, const Loop&)>& see) const {
    const base::MutexLock visiting(visiting_);
    {
        const base::MutexLock lock(mutex_);
        if (stopped_) {
            return;
        }
    }
    for (const auto& set : lanes_) {
        set->lane().call([&set, &see] { set->visit(see); });
    }
}

std::vector<TargetView> Manager::targets() const {
    std::vector<TargetView> views;
    visit([&views](const std::string& job, const Loop& loop) {
        views.push_back({job, loop.shared_target(), loop.status(), loop.series()});
    });
    std::sort(views.begin(), views.end(), [](const TargetView& left, const TargetView& right) {
        return left.job != right.job ? left.job < right.job
                                     : left.target->labels < right.target->labels;
    });
    return views;
}

std::vector<TargetMetadata> Manager::metadata() const {
    std::vector<TargetMetadata> all;
    visit([&all](const std::string& /*job*/, const Loop& loop) {
        all.push_back({loop.shared_target(), loop.metadata().all()});
    });
    std::sort(all.begin(), all.end(), [](const TargetMetadata& left, const TargetMetadata& right) {
        return left.target->labels < right.target->labels;
    });
    return all;
}

std::map<std::string, std::shared_ptr<const model::ResolvedJob>> Manager::resolved() const {
    const base::MutexLock lock(mutex_);
    std::map<std::string, std::shared_ptr<const model::ResolvedJob>> all;
    for (const auto& [name, job] : jobs_) {
        if (job.options != nullptr && job.resolved != nullptr) {
            all.emplace(name, job.resolved);
        }
    }
    return all;
}

std::vector<std::string> Manager::jobs() const {
    const base::MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [name, job] : jobs_) {
        if (job.options != nullptr) {
            names.push_back(name);
        }
    }
    return names;
}

}  // namespace scrape
