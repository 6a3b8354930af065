#include "tsdb/compact/series_cursor.h"

#include <algorithm>

#include "tsdb/compact/errors.h"

namespace tsdb {
namespace {

using base::Status;
using base::success;
using model::LabelSymbols;

uint64_t packed(const LabelSymbols& label) {
    return uint64_t{label.name} << 32 | label.value;
}

base::Error corrupt(const char* what) {
    return base::Error(base::Code::kCorrupt, what);
}

}  // namespace

std::strong_ordering compare_labels(std::span<const LabelSymbols> left,
                                    std::span<const LabelSymbols> right) {
    const size_t both = std::min(left.size(), right.size());
    for (size_t i = 0; i < both; ++i) {
        const std::strong_ordering order = packed(left[i]) <=> packed(right[i]);
        if (order != std::strong_ordering::equal) {
            return order;
        }
    }
    return left.size() <=> right.size();
}

SeriesCursor::SeriesCursor(const block::Block& block, std::span<const uint32_t> numbers)
    : block_(block), numbers_(numbers), tombstone_(block.tombstones().begin()) {}

Status SeriesCursor::next() {
    if (!begun_) {
        auto postings = block_.index().all_postings();
        if (!postings.has_value()) {
            return fail_in(block_, std::move(postings).error());
        }
        postings_ = postings.value();
        begun_ = true;
    }
    if (position_ == postings_.size()) {
        at_end_ = true;
        return success();
    }
    return load(postings_[position_++]);
}

Status SeriesCursor::load(block::SeriesId id) {
    labels_.swap(previous_);
    auto read = block_.index().series(id, labels_, &chunks_);
    if (!read.has_value()) {
        return fail_in(block_, std::move(read).error());
    }
    TRY(renumber());
    if (position_ > 1 && compare_labels(previous_, labels_) != std::strong_ordering::less) {
        return fail_in(block_, corrupt("series are not in the order of their labels"));
    }
    find_deleted(id);
    return success();
}

Status SeriesCursor::renumber() {
    for (size_t i = 0; i < labels_.size(); ++i) {
        LabelSymbols& label = labels_[i];
        if (label.name >= numbers_.size() || label.value >= numbers_.size()) {
            return fail_in(block_, corrupt("a series has a symbol that is not in the table"));
        }
        label = {.name = numbers_[label.name], .value = numbers_[label.value]};
        if (i > 0 && labels_[i - 1].name >= label.name) {
            return fail_in(block_, corrupt("labels of a series are not in the order of names"));
        }
    }
    return success();
}

// Series come by ascending id, and so do tombstones.
void SeriesCursor::find_deleted(block::SeriesId id) {
    const block::Tombstones& tombstones = block_.tombstones();
    while (tombstone_ != tombstones.end() && tombstone_->first < id) {
        ++tombstone_;
    }
    const bool found = tombstone_ != tombstones.end() && tombstone_->first == id;
    deleted_ = found ? std::span<const block::Interval>(tombstone_->second)
                     : std::span<const block::Interval>();
}

}  // namespace tsdb
