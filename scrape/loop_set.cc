#include "scrape/loop_set.h"

namespace scrape {

LoopSet::LoopSet(base::Lane& lane, const LoopParts& parts)
    : shared_{lane,
              parts.engine,
              parts.storage,
              parts.client,
              parts.metadata,
              parts.metrics,
              parts.first_scrapes,
              parts.listener,
              parts.log,
              LaneScratch(parts.key, parts.engine.exemplars),
              BufferPool(parts.budget),
              base::Gunzip()},
      tasks_(lane) {}

void LoopSet::apply(const LaneJob& wanted) {
    Job& job = jobs_[wanted.name];
    const bool keeps = job.options != nullptr && Loop::keeps_cache(*job.options, *wanted.options);
    Loops before = std::move(job.loops);
    job.loops.clear();
    job.options = wanted.options;
    for (const auto& target : wanted.targets) {
        const auto found = before.find(target->id);
        if (found == before.end()) {
            start(job, wanted, target);
            continue;
        }
        Loops::node_type kept = before.extract(found);
        if (!keeps) {
            retire(std::move(kept.mapped()), LoopEnd::kMarkStale);
            start(job, wanted, target);
            continue;
        }
        Loop& loop = *kept.mapped();
        loop.force_error(wanted.forced_error);
        loop.update(target, wanted.options, wanted.offset_seed);
        job.loops.insert(std::move(kept));
    }
    for (const model::TargetId id : wanted.handed_over) {
        if (const auto found = before.find(id); found != before.end()) {
            retire(std::move(found->second), LoopEnd::kHandOver);
            before.erase(found);
        }
    }
    for (auto& [id, loop] : before) {
        retire(std::move(loop), LoopEnd::kMarkStale);
    }
    if (job.loops.empty()) {
        jobs_.erase(wanted.name);
    }
}

void LoopSet::start(Job& job, const LaneJob& wanted, std::shared_ptr<const model::Target> target) {
    const model::TargetId id = target->id;
    auto loop =
        std::make_unique<Loop>(shared_, std::move(target), wanted.options, wanted.offset_seed);
    loop->force_error(wanted.forced_error);
    tasks_.spawn("scrape " + loop->target().url, run(loop.get()));
    job.loops[id] = std::move(loop);
}

void LoopSet::retire(std::unique_ptr<Loop> loop, LoopEnd how) {
    loop->end(how);
    const Loop* const key = loop.get();
    ending_.emplace(key, std::move(loop));
}

base::Task<void> LoopSet::run(Loop* loop) {
    base::Status ended = co_await loop->run();
    ending_.erase(loop);  // stays with its job when the process stops
    co_return ended;
}

void LoopSet::visit(
    const std::function<void(const std::string& job, const Loop& loop)>& see) const {
    for (const auto& [name, job] : jobs_) {
        for (const auto& [id, loop] : job.loops) {
            see(name, *loop);
        }
    }
}

}  // namespace scrape
