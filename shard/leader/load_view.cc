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

    // The class of so many measured series, when `weight` is too far off; 0: it is not. A target
    // without series has the least class that says it was measured.
    [[nodiscard]] WeightClass better(uint64_t series, WeightClass weight) const {
        const WeightClass right = std::max<WeightClass>(weight_class(series), 1);
        const int apart = std::abs(int{right} - int{weight});
        return weight != 0 && apart < options.classes_apart ? WeightClass{0} : right;
    }

    [[nodiscard]] uint64_t unknown(uint32_t job) const {
        const auto others = jobs.find(job);
        return others == jobs.end() ? options.unknown_series : others->second;
    }

    [[nodiscard]] uint64_t grown(uint64_t series, uint32_t job) const {
        const auto factor = growth.find(job);
        return factor == growth.end() ? series
                                      : static_cast<uint64_t>(std::llround(
                                            static_cast<double>(series) * factor->second));
    }

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
    return look(target, job, weight).series;
}

LoadView::Weighed LoadView::look(model::TargetId target, uint32_t job, WeightClass weight) const {
    const auto found = parts_->loads.find(target);
    const bool measured = found != parts_->loads.end() && found->second.measured;
    Weighed weighed;
    if (measured) {
        weighed = {.series = found->second.series,
                   .better = parts_->better(found->second.series, weight)};
    } else {
        weighed.series = weight != 0 ? class_series(weight) : parts_->unknown(job);
    }
    if (!parts_->growth.empty()) {
        weighed.series = parts_->grown(weighed.series, job);
    }
    return weighed;
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
    const WeightClass better = look(target, 0, weight).better;
    return better == 0 ? std::nullopt : std::optional(better);
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
