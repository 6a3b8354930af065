#include "shard/leader/load_view.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <absl/container/flat_hash_map.h>

namespace shard {

namespace {

struct Load {
    uint64_t series = 0;  // as planned with
    uint64_t last = 0;    // as measured last
    NodeNumber node = kNoNode;
    uint32_t job = 0;
    bool measured = false;
    bool up = false;
};

}  // namespace

struct LoadView::Parts {
    explicit Parts(const LoadViewOptions& how) : options(how) {}

    LoadViewOptions options;
    absl::flat_hash_map<model::TargetId, Load> loads;
    std::set<model::TargetId> sinking;
    std::map<uint32_t, uint64_t> jobs;  // what unknown targets of a job have
    std::map<uint32_t, double> growth;  // of jobs: usually of none
    base::SteadyTime next_step{};
};

LoadView::LoadView(const LoadViewOptions& options) : parts_(std::make_unique<Parts>(options)) {}

LoadView::~LoadView() = default;

void LoadView::reconfigure(const LoadViewOptions& options) {
    parts_->options = options;
}

void LoadView::told(NodeNumber node, uint32_t job, const TargetLoad& told) {
    Load& load = parts_->loads[told.id];
    load.node = node;
    load.job = job;
    load.up = told.up;
    if (!told.up) {
        return;
    }
    load.last = told.series;
    if (!load.measured || told.series >= load.series) {
        load.series = told.series;
        parts_->sinking.erase(told.id);
    } else {
        parts_->sinking.insert(told.id);
    }
    load.measured = true;
}

void LoadView::forget(model::TargetId target) {
    parts_->loads.erase(target);
    parts_->sinking.erase(target);
}

void LoadView::clear() {
    parts_->loads.clear();
    parts_->sinking.clear();
    parts_->jobs.clear();
    parts_->next_step = {};
}

void LoadView::step(base::SteadyTime now) {
    if (now < parts_->next_step) {
        return;
    }
    parts_->next_step = now + parts_->options.step;
    std::erase_if(parts_->sinking, [this](model::TargetId target) {
        Load& load = parts_->loads[target];
        const auto above = static_cast<double>(load.series - load.last);
        const double left = above * (1 - parts_->options.step_part);
        if (left <= parts_->options.arrived_part * static_cast<double>(load.last) || left < 1) {
            load.series = load.last;
            return true;
        }
        load.series = load.last + static_cast<uint64_t>(std::llround(left));
        return false;
    });
}

uint64_t LoadView::series(model::TargetId target, uint32_t job, WeightClass weight) const {
    const uint64_t series = weigh(target, job, weight);
    if (const auto growth = parts_->growth.find(job); growth != parts_->growth.end()) {
        return static_cast<uint64_t>(std::llround(static_cast<double>(series) * growth->second));
    }
    return series;
}

uint64_t LoadView::weigh(model::TargetId target, uint32_t job, WeightClass weight) const {
    const auto found = parts_->loads.find(target);
    if (found != parts_->loads.end() && found->second.measured) {
        return found->second.series;
    }
    if (weight != 0) {
        return class_series(weight);
    }
    const auto others = parts_->jobs.find(job);
    return others == parts_->jobs.end() ? parts_->options.unknown_series : others->second;
}

std::unique_ptr<LoadView> LoadView::copy() const {
    auto other = std::make_unique<LoadView>(parts_->options);
    other->parts_->loads = parts_->loads;
    other->parts_->sinking = parts_->sinking;
    other->parts_->jobs = parts_->jobs;
    other->parts_->growth = parts_->growth;
    other->parts_->next_step = parts_->next_step;
    return other;
}

void LoadView::grow(uint32_t job, double factor) {
    const auto [at, added] = parts_->growth.try_emplace(job, factor);
    if (!added) {
        at->second *= factor;
    }
}

std::optional<bool> LoadView::up(model::TargetId target) const {
    const auto found = parts_->loads.find(target);
    return found == parts_->loads.end() ? std::nullopt : std::optional(found->second.up);
}

bool LoadView::measured(model::TargetId target) const {
    const auto found = parts_->loads.find(target);
    return found != parts_->loads.end() && found->second.measured;
}

std::optional<bool> LoadView::up(model::TargetId target, NodeNumber node) const {
    const auto found = parts_->loads.find(target);
    if (found == parts_->loads.end() || found->second.node != node) {
        return std::nullopt;
    }
    return found->second.up;
}

std::optional<WeightClass> LoadView::better_class(model::TargetId target,
                                                  WeightClass weight) const {
    const auto found = parts_->loads.find(target);
    if (found == parts_->loads.end() || !found->second.measured) {
        return std::nullopt;
    }
    // A target without series has the least class that says it was measured.
    const WeightClass right = std::max<WeightClass>(weight_class(found->second.series), 1);
    const int apart = std::abs(int{right} - int{weight});
    if (weight != 0 && apart < parts_->options.classes_apart) {
        return std::nullopt;
    }
    return right;
}

void LoadView::refresh_jobs() {
    std::map<uint32_t, std::vector<uint64_t>> measured;
    for (const auto& [target, load] : parts_->loads) {
        if (load.measured) {
            measured[load.job].push_back(load.series);
        }
    }
    parts_->jobs.clear();
    for (auto& [job, all] : measured) {
        const auto place = static_cast<size_t>(static_cast<double>(all.size() - 1) *
                                               parts_->options.unknown_quantile);
        std::ranges::nth_element(all, all.begin() + static_cast<ptrdiff_t>(place));
        parts_->jobs[job] = all[place];
    }
}

}  // namespace shard
