#include "tsdb/head/tombstones.h"

#include <algorithm>
#include <tuple>

namespace tsdb {

DeletedStretches::DeletedStretches(std::vector<wal::TombstoneEntry> stones) {
    std::ranges::sort(stones,
                      [](const wal::TombstoneEntry& left, const wal::TombstoneEntry& right) {
                          return std::tie(left.ref, left.min_t) < std::tie(right.ref, right.min_t);
                      });
    for (const wal::TombstoneEntry& stone : stones) {
        if (refs_.empty() || refs_.back() != stone.ref) {
            refs_.push_back(stone.ref);
            begin_.push_back(static_cast<uint32_t>(intervals_.size()));
        } else if (block::Interval& last = intervals_.back();
                   last.max_t >= stone.min_t || last.max_t + 1 == stone.min_t) {
            last.max_t = std::max(last.max_t, stone.max_t);
            continue;
        }
        intervals_.push_back({stone.min_t, stone.max_t});
    }
    begin_.push_back(static_cast<uint32_t>(intervals_.size()));
    refs_.shrink_to_fit();
    begin_.shrink_to_fit();
    intervals_.shrink_to_fit();
}

std::span<const block::Interval> DeletedStretches::of(uint64_t ref) const {
    const auto found = std::ranges::lower_bound(refs_, ref);
    if (found == refs_.end() || *found != ref) {
        return {};
    }
    const auto at = static_cast<size_t>(found - refs_.begin());
    return std::span(intervals_).subspan(begin_[at], begin_[at + 1] - begin_[at]);
}

std::vector<wal::TombstoneEntry> DeletedStretches::stones() const {
    std::vector<wal::TombstoneEntry> stones;
    stones.reserve(intervals_.size());
    for (size_t i = 0; i < refs_.size(); ++i) {
        for (uint32_t at = begin_[i]; at < begin_[i + 1]; ++at) {
            stones.push_back(
                {.ref = refs_[i], .min_t = intervals_[at].min_t, .max_t = intervals_[at].max_t});
        }
    }
    return stones;
}

int64_t DeletedStretches::bytes() const {
    return static_cast<int64_t>(refs_.capacity() * sizeof(uint64_t) +
                                begin_.capacity() * sizeof(uint32_t) +
                                intervals_.capacity() * sizeof(block::Interval));
}

HeadTombstones::~HeadTombstones() {
    const base::MutexLock lock(mutex_);
    replace({});
}

void HeadTombstones::add(std::vector<wal::TombstoneEntry> stones) {
    if (stones.empty()) {
        return;
    }
    const base::MutexLock lock(mutex_);
    if (current_ != nullptr) {
        const auto known = current_->stones();
        stones.insert(stones.end(), known.begin(), known.end());
    }
    replace(std::move(stones));
}

void HeadTombstones::truncate_before(int64_t min_t) {
    const base::MutexLock lock(mutex_);
    if (current_ == nullptr) {
        return;
    }
    std::vector<wal::TombstoneEntry> stones = current_->stones();
    if (std::erase_if(stones, [&](const auto& stone) { return stone.max_t < min_t; }) != 0) {
        replace(std::move(stones));
    }
}

void HeadTombstones::replace(std::vector<wal::TombstoneEntry> stones) {
    if (current_ != nullptr) {
        memory_.add(HeadPart::kRecords, -current_->bytes());
        current_ = nullptr;
    }
    if (!stones.empty()) {
        current_ = std::make_shared<const DeletedStretches>(std::move(stones));
        memory_.add(HeadPart::kRecords, current_->bytes());
    }
    any_.store(current_ != nullptr, std::memory_order_release);
}

}  // namespace tsdb
