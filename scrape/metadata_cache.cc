#include "scrape/metadata_cache.h"

#include <algorithm>
#include <functional>

namespace scrape {

size_t MetadataPool::Hash::operator()(const SharedMetadata& shared) const {
    const std::hash<std::string_view> hash;
    return hash(shared->metric) * 31 + hash(shared->metadata.help) +
           static_cast<size_t>(shared->metadata.type);
}

bool MetadataPool::Equal::operator()(const SharedMetadata& left,
                                     const SharedMetadata& right) const {
    return left->metric == right->metric && left->metadata == right->metadata;
}

SharedMetadata MetadataPool::intern(model::MetricMetadata metadata) {
    auto fresh = std::make_shared<const model::MetricMetadata>(std::move(metadata));
    {
        const base::MutexLock lock(mutex_);
        const auto [found, inserted] = all_.insert(fresh);
        if (!inserted) {
            return *found;
        }
        if (all_.size() > sweep_at_) {
            sweep();
        }
    }
    if (store_ != nullptr) {
        store_->record(fresh->metric, fresh->metadata);
    }
    return fresh;
}

void MetadataPool::sweep() {
    std::erase_if(all_, [](const SharedMetadata& shared) { return shared.use_count() == 1; });
    sweep_at_ = std::max(kSweepMin, all_.size() * 2);
}

size_t MetadataPool::size() const {
    const base::MutexLock lock(mutex_);
    return all_.size();
}

void MetadataCache::begin_pass() {
    ++pass_;
    cursor_ = 0;
    names_.clear();
}

uint32_t MetadataCache::family_of(std::string_view name) {
    if (names_.empty()) {
        for (uint32_t at = 0; at < families_.size(); ++at) {
            names_.emplace(families_[at].metadata->metric, at);
        }
    }
    const auto found = names_.find(name);
    if (found != names_.end()) {
        return found->second;
    }
    const auto at = static_cast<uint32_t>(families_.size());
    families_.push_back({nullptr, pass_});
    auto& fresh = changed_[at];
    fresh.metric = name;
    names_.emplace(fresh.metric, at);
    return at;
}

model::MetricMetadata& MetadataCache::changed(uint32_t family) {
    const auto found = changed_.find(family);
    if (found != changed_.end()) {
        return found->second;
    }
    return changed_.emplace(family, *families_[family].metadata).first->second;
}

void MetadataCache::take(const Parser& parser,
                         EntryKind kind,
                         std::string_view text,
                         const LineKey& key) {
    const MetadataLine& line = parser.metadata();
    const uint32_t family = family_of(line.family);
    families_[family].seen = pass_;
    model::Metadata& metadata = changed(family).metadata;
    switch (kind) {
        case EntryKind::kType:
            metadata.type = line.type;
            break;
        case EntryKind::kHelp:
            metadata.help = parser.help(scratch_);
            break;
        default:
            metadata.unit = line.text;
            break;
    }
    // Out of step: what follows is learned again.
    lines_.resize(cursor_);
    lines_.push_back(
        {line_hash(text, key), static_cast<uint32_t>(text.size()), family, parser.type()});
    ++cursor_;
}

void MetadataCache::end_pass(bool good) {
    names_.clear();
    for (auto& [at, metadata] : changed_) {
        Family& family = families_[at];
        if (family.metadata == nullptr || family.metadata->metadata != metadata.metadata) {
            family.metadata = pool_.intern(std::move(metadata));
        }
    }
    if (!changed_.empty()) {
        changed_ = {};
        names_ = {};
        families_.shrink_to_fit();
        lines_.shrink_to_fit();
    }
    if (good) {
        lines_.resize(std::min(lines_.size(), cursor_));
        forget_old();
    }
}

void MetadataCache::forget_old() {
    const auto is_old = [this](const Family& family) { return pass_ - family.seen > kScrapesKept; };
    if (std::none_of(families_.begin(), families_.end(), is_old)) {
        return;
    }
    std::vector<uint32_t> moved_to(families_.size(), 0);
    std::vector<Family> kept;
    for (size_t at = 0; at < families_.size(); ++at) {
        if (!is_old(families_[at])) {
            moved_to[at] = static_cast<uint32_t>(kept.size());
            kept.push_back(std::move(families_[at]));
        }
    }
    families_ = std::move(kept);
    // The lines are those of the page just seen, so none belongs to an old family.
    for (Line& line : lines_) {
        line.family = moved_to[line.family];
    }
}

std::vector<SharedMetadata> MetadataCache::all() const {
    std::vector<SharedMetadata> list;
    list.reserve(families_.size());
    for (const Family& family : families_) {
        list.push_back(family.metadata);
    }
    return list;
}

size_t MetadataCache::text_bytes() const {
    size_t bytes = 0;
    for (const Family& family : families_) {
        const model::Metadata& metadata = family.metadata->metadata;
        bytes += metadata.help.size() + metadata.unit.size() +
                 model::metric_type_name(metadata.type).size();
    }
    return bytes;
}

}  // namespace scrape
