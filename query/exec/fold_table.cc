#include "query/exec/fold_table.h"

#include <algorithm>

namespace query::exec {

base::Status FoldTable::grow(size_t groups) {
    const size_t places = groups * steps_;
    // Room for twice as many, so that growing costs little per group.
    if (places > room_) {
        const size_t room = std::max(places, room_ * 2);
        TRY(memory_.grow(static_cast<int64_t>((room - room_) * kBytesPerPlace)));
        room_ = room;
    }
    fold_->grow(places);
    seen_.resize(groups * words_, 0);
    TRY(held_.add(static_cast<int64_t>((groups - groups_) * steps_)));
    groups_ = groups;
    return base::success();
}

void FoldTable::add_row(size_t group, const double* values, Bits present) {
    fold_->add_row(group * steps_, values, present);
    for (size_t w = 0; w < words_; ++w) {
        seen_[group * words_ + w] |= present.words()[w];
    }
}

}  // namespace query::exec
