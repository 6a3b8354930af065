#include "scrape/discovery/discovery.h"

#include <algorithm>

#include "scrape/discovery/dns.h"
#include "scrape/discovery/file.h"
#include "scrape/discovery/http.h"
#include "scrape/discovery/resolve.h"
#include "scrape/discovery/static.h"

namespace scrape {
namespace {

constexpr std::string_view kConsumer = "scrape";
constexpr size_t kFailuresLogged = 5;  // per job and update

}  // namespace

std::vector<std::unique_ptr<model::GroupSource>> make_sources(const DiscoveryOptions& options,
                                                              const std::string& config,
                                                              const SourceParts& parts) {
    std::vector<std::unique_ptr<model::GroupSource>> sources;
    if (!options.static_groups.empty()) {
        sources.push_back(std::make_unique<StaticSource>(options.static_groups));
    }
    for (const FileDiscoveryOptions& file : options.file) {
        sources.push_back(std::make_unique<FileSource>(
            file, parts.files, parts.parse_yaml, parts.metrics, config, parts.log));
    }
    for (const HttpDiscoveryOptions& http : options.http) {
        sources.push_back(std::make_unique<HttpSource>(
            http, parts.lane, parts.client, parts.metrics, config, parts.log));
    }
    for (const DnsDiscoveryOptions& dns : options.dns) {
        sources.push_back(std::make_unique<DnsSource>(dns, parts.metrics, config, parts.log));
    }
    for (const UnbuiltDiscovery& unbuilt : options.unbuilt) {
        parts.log.error("discovery mechanism not built in: it finds no targets",
                        "mechanism",
                        unbuilt.mechanism,
                        "config",
                        config,
                        "place",
                        unbuilt.place);
    }
    parts.metrics.failed_configs.with({kConsumer}).add(static_cast<double>(options.unbuilt.size()));
    return sources;
}

// One job: its sources and what each of them said last. Guarded by the discovery's mutex, but for
// the sources, which only apply() and stop() touch.
class Discovery::Job {
  public:
    // Takes one source's word.
    struct Ear final : model::GroupListener {
        Ear(Discovery& discovery, Job& of, size_t source)
            : owner(discovery), job(of), index(source) {}

        void groups_changed(std::vector<model::TargetGroup> groups) override {
            owner.groups_changed(job, index, std::move(groups));
        }

        Discovery& owner;
        Job& job;
        size_t index;
    };

    struct Heard {
        std::vector<model::TargetGroup> groups;
        bool spoken = false;
    };

    std::shared_ptr<const JobOptions> options;
    std::vector<std::unique_ptr<Ear>> ears;
    std::vector<Heard> heard;
    bool set_up = false;  // all sources are known; before, nothing can be complete
    bool dirty = true;
    bool told = false;
    Clock::time_point last_told;
    std::shared_ptr<const model::ResolvedJob> resolved;
    std::vector<std::unique_ptr<model::GroupSource>> sources;  // last: they call the ears

    [[nodiscard]] bool complete() const {
        return std::all_of(
            heard.begin(), heard.end(), [](const Heard& source) { return source.spoken; });
    }
};

Discovery::Discovery(SourceParts parts, std::chrono::milliseconds reload_interval)
    : parts_(std::move(parts)), reload_interval_(reload_interval), thread_([this] { run(); }) {}

Discovery::~Discovery() {
    stop();
}

void Discovery::apply(const Options& options) {
    const base::MutexLock applying(applying_);
    std::vector<Job*> fresh;
    std::vector<std::unique_ptr<Job>> gone;
    {
        const base::MutexLock lock(mutex_);
        if (stopping_) {
            return;
        }
        std::map<std::string, std::unique_ptr<Job>> before = std::move(jobs_);
        jobs_.clear();
        for (const JobOptions& wanted : options.jobs) {
            auto& job = jobs_[wanted.job_name];
            const auto found = before.find(wanted.job_name);
            if (found != before.end() && found->second->options->discovery == wanted.discovery) {
                job = std::move(found->second);
                before.erase(found);
            } else {
                job = std::make_unique<Job>();
                fresh.push_back(job.get());
            }
            job->options = std::make_shared<const JobOptions>(wanted);
            job->dirty = true;
            job->told = false;
        }
        for (auto& [name, job] : before) {
            gone.push_back(std::move(job));
        }
    }
    for (const auto& job : gone) {
        for (const auto& source : job->sources) {
            source->stop();
        }
        parts_.metrics.discovered_targets.remove({kConsumer, job->options->job_name});
    }
    {
        const base::MutexLock telling(telling_);  // nobody is resolving one of them now
        gone.clear();
    }
    for (Job* const job : fresh) {
        std::shared_ptr<const JobOptions> job_options;
        {
            const base::MutexLock lock(mutex_);
            job_options = job->options;
        }
        job->sources = make_sources(job_options->discovery, job_options->job_name, parts_);
        {
            const base::MutexLock lock(mutex_);
            job->heard.resize(job->sources.size());
            for (size_t index = 0; index < job->sources.size(); ++index) {
                job->ears.push_back(std::make_unique<Job::Ear>(*this, *job, index));
            }
            job->set_up = true;
        }
        for (size_t index = 0; index < job->sources.size(); ++index) {
            job->sources[index]->start(*job->ears[index]);
        }
    }
    changed_.notify_all();
}

void Discovery::groups_changed(Job& job, size_t source, std::vector<model::TargetGroup> groups) {
    parts_.metrics.received_updates.with({kConsumer}).add();
    {
        const base::MutexLock lock(mutex_);
        job.heard[source].groups = std::move(groups);
        job.heard[source].spoken = true;
        job.dirty = true;
    }
    changed_.notify_all();
}

void Discovery::listen(model::TargetListener* listener) {
    const base::MutexLock telling(telling_);
    std::vector<std::shared_ptr<const model::ResolvedJob>> known;
    {
        const base::MutexLock lock(mutex_);
        listener_ = listener;
        for (const auto& [name, job] : jobs_) {
            if (job->resolved != nullptr) {
                known.push_back(job->resolved);
            }
        }
    }
    if (listener != nullptr) {
        for (const auto& job : known) {
            listener->targets_changed(job);
        }
    }
}

void Discovery::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    const base::MutexLock applying(applying_);
    std::vector<Job*> jobs;
    {
        const base::MutexLock lock(mutex_);
        for (const auto& [name, job] : jobs_) {
            jobs.push_back(job.get());
        }
    }
    for (Job* const job : jobs) {
        for (const auto& source : job->sources) {
            source->stop();
        }
    }
}

Discovery::Job* Discovery::due(Clock::time_point now, Clock::time_point& again) {
    again = now + std::chrono::hours(1);
    for (const auto& [name, job] : jobs_) {
        if (!job->dirty || !job->set_up) {
            continue;
        }
        // A source that is silent at first does not hold the others back for ever.
        if (job->last_told == Clock::time_point()) {
            if (job->complete()) {
                return job.get();
            }
            job->last_told = now;
        }
        const bool reloaded = !job->told && job->complete();
        if (reloaded || now >= job->last_told + reload_interval_) {
            return job.get();
        }
        again = std::min(again, job->last_told + reload_interval_);
    }
    return nullptr;
}

void Discovery::run() {
    while (true) {
        {
            const base::MutexLock telling(telling_);
            while (resolve_next()) {
            }
        }
        const base::MutexLock lock(mutex_);
        Clock::time_point again;
        while (!stopping_ && due(Clock::now(), again) == nullptr) {
            changed_.wait_until(mutex_, again);
        }
        if (stopping_) {
            return;
        }
    }
}

bool Discovery::resolve_next() {
    Job* job = nullptr;
    {
        const base::MutexLock lock(mutex_);
        Clock::time_point again;
        job = stopping_ ? nullptr : due(Clock::now(), again);
    }
    if (job == nullptr) {
        return false;
    }
    resolve(*job);  // apply() does not drop a job while telling_ is held
    return true;
}

void Discovery::resolve(Job& job) {
    std::shared_ptr<const JobOptions> options;
    std::vector<model::TargetGroup> groups;
    model::TargetListener* listener = nullptr;
    {
        const base::MutexLock lock(mutex_);
        options = job.options;
        for (const Job::Heard& source : job.heard) {
            groups.insert(groups.end(), source.groups.begin(), source.groups.end());
        }
        job.dirty = false;
        job.told = true;
        job.last_told = Clock::now();
        listener = listener_;
    }
    const auto start = Clock::now();
    Resolution resolution = resolve_job(*options, groups);
    const std::string& name = options->job_name;
    for (size_t index = 0; index < std::min(resolution.failures.size(), kFailuresLogged); ++index) {
        parts_.log.error(
            "discovered target is none", "scrape_pool", name, "error", resolution.failures[index]);
    }
    parts_.metrics.sync_failed.with({name}).add(resolution.failures.size());
    parts_.metrics.sync_length_seconds.with({name}).observe(
        std::chrono::duration<double>(Clock::now() - start).count());
    size_t discovered = 0;
    for (const model::TargetGroup& group : groups) {
        discovered += group.targets.size();
    }
    parts_.metrics.discovered_targets.with({kConsumer, name}).set(static_cast<double>(discovered));
    parts_.metrics.updates.with({kConsumer}).add();
    {
        const base::MutexLock lock(mutex_);
        job.resolved = resolution.job;
    }
    if (listener != nullptr) {
        listener->targets_changed(resolution.job);
    }
}

}  // namespace scrape
