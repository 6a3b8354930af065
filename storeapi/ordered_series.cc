#include "storeapi/ordered_series.h"

#include <algorithm>
#include <utility>

namespace storeapi {
namespace {

constexpr size_t kSpareMax = 2;  // batches kept for use again

}  // namespace

OrderedSeries::OrderedSeries(std::unique_ptr<model::SeriesSet> set, const FinalLabels& labels)
    : set_(std::move(set)), labels_(labels) {}

base::Result<bool> OrderedSeries::next(SeriesGroup& group) {
    if (give_alone(group)) [[likely]] {
        return true;
    }
    group.clear();
    while (true) {
        if (ahead_.view == nullptr) {
            TRY(const bool more, read(ahead_));
            if (!more) {
                break;
            }
        }
        if (!waiting_.empty()) {
            const Relation is = relation(waiting_.back().front(), ahead_);
            if (is == Relation::kOther) {
                break;
            }
            if (is == Relation::kSame) {
                waiting_.back().push_back(std::exchange(ahead_, {}));
                continue;
            }
        }
        waiting_.emplace_back();
        waiting_.back().push_back(std::exchange(ahead_, {}));
    }
    if (waiting_.empty()) {
        return false;
    }
    group.swap(waiting_.back());
    waiting_.pop_back();
    return true;
}

bool OrderedSeries::give_alone(SeriesGroup& group) {
    if (!waiting_.empty() || batch_ == nullptr) {
        return false;
    }
    const size_t place = ahead_.view == nullptr ? at_ : at_ - 1;
    const auto& series = batch_->series;
    if (place + 1 >= series.size() || !differ_in_value(series[place], series[place + 1])) {
        return false;
    }
    ahead_ = {};
    at_ = place + 1;
    if (group.size() != 1 || group.front().batch != batch_) {
        group.assign(1, {.batch = batch_});
    }
    group.front().view = &series[place];
    return true;
}

bool OrderedSeries::differ_in_value(const model::SeriesView& earlier,
                                    const model::SeriesView& later) {
    const size_t common = std::min(earlier.labels.size(), later.labels.size());
    size_t alike = 0;
    while (alike < common && earlier.labels[alike] == later.labels[alike]) {
        ++alike;
    }
    if (alike == common || earlier.labels[alike].name != later.labels[alike].name) {
        return false;
    }
    const uint32_t name = earlier.labels[alike].name;
    if (name != shown_name_) {
        if (labels_.hides(batch_->text(name))) {
            return false;
        }
        shown_name_ = name;
    }
    return true;
}

base::Result<bool> OrderedSeries::read(StoredSeries& series) {
    while (!ended_ && (batch_ == nullptr || at_ == batch_->series.size())) {
        TRY(refill());
    }
    if (ended_) {
        return false;
    }
    series = {.batch = batch_, .view = &batch_->series[at_++]};
    return true;
}

base::Status OrderedSeries::refill() {
    if (batch_ != nullptr && spare_.size() < kSpareMax) {
        spare_.push_back(std::move(batch_));
    }
    batch_ = nullptr;
    for (size_t i = 0; i < spare_.size() && batch_ == nullptr; ++i) {
        if (spare_[i].use_count() == 1) {  // nobody else can come to hold it: one thread
            batch_ = std::move(spare_[i]);
            spare_.erase(spare_.begin() + static_cast<std::ptrdiff_t>(i));
        }
    }
    if (batch_ == nullptr) {
        batch_ = std::make_shared<model::SeriesBatch>();
    }
    at_ = 0;
    shown_name_ = kNoSymbol;
    TRY(const bool more, set_->next(*batch_));
    if (!more) {
        ended_ = true;
        batch_.reset();
    }
    return base::success();
}

size_t OrderedSeries::skip_hidden(const StoredSeries& series, size_t i) const {
    const auto& labels = series.view->labels;
    while (i < labels.size() && labels_.hides(series.batch->text(labels[i].name))) {
        ++i;
    }
    return i;
}

OrderedSeries::Relation OrderedSeries::relation(const StoredSeries& earlier,
                                                const StoredSeries& later) const {
    const auto& a = earlier.view->labels;
    const auto& b = later.view->labels;
    const bool same_symbols = earlier.batch->symbols == later.batch->symbols;
    const auto equal = [&](uint32_t left, uint32_t right) {
        return same_symbols ? left == right : earlier.batch->text(left) == later.batch->text(right);
    };
    size_t alike = 0;  // labels at the front; hidden ones among them make no difference
    if (same_symbols) {
        const size_t common = std::min(a.size(), b.size());
        while (alike < common && a[alike] == b[alike]) {
            ++alike;
        }
    }
    size_t i = skip_hidden(earlier, alike);
    size_t k = skip_hidden(later, alike);
    for (; i < a.size(); i = skip_hidden(earlier, i + 1), k = skip_hidden(later, k + 1)) {
        if (k == b.size() || !equal(a[i].name, b[k].name) || !equal(a[i].value, b[k].value)) {
            return Relation::kOther;
        }
    }
    if (k == b.size()) {
        return Relation::kSame;
    }
    // Where the later one goes on with b[k], the earlier one has the labels added behind its last.
    const auto added = labels_.added();
    const bool before = !added.empty() && later.batch->text(b[k].name) < added.back().name;
    return before ? Relation::kExtendsBefore : Relation::kOther;
}

}  // namespace storeapi
