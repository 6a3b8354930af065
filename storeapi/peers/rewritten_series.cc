#include "storeapi/peers/rewritten_series.h"

#include <algorithm>
#include <utility>

namespace storeapi {
namespace {

using model::ChunkView;

bool earlier(const ChunkView& left, const ChunkView& right) {
    return left.min_t != right.min_t ? left.min_t < right.min_t : left.max_t < right.max_t;
}

}  // namespace

model::SelectHints RewrittenSeries::hints_for(const model::SelectHints& hints,
                                              const FinalLabels& labels) {
    model::SelectHints wanted = hints;
    wanted.sorted = true;
    wanted.order_without = labels.hidden();
    wanted.limit = 0;  // of series that may become one
    wanted.shard_count = 0;
    return wanted;
}

RewrittenSeries::RewrittenSeries(std::unique_ptr<model::SeriesSet> set,
                                 std::unique_ptr<FinalLabels> labels,
                                 const model::SelectHints& hints,
                                 const model::QueryContext& context)
    : labels_(std::move(labels)),
      ordered_(std::move(set), *labels_),
      order_without_(hints.order_without),
      accounted_(context.budget != nullptr),
      symbols_(std::make_shared<model::MergedSymbols>()) {
    if (accounted_) {
        reservation_ = base::Reservation(*context.budget);
    }
}

base::Result<bool> RewrittenSeries::next(model::SeriesBatch& batch) {
    batch.clear();
    if (order_without_.empty()) {
        return next_streamed(batch);
    }
    if (gathered_ == nullptr) {
        TRY(gather());
    }
    return gathered_->give(batch);
}

base::Result<bool> RewrittenSeries::next_streamed(model::SeriesBatch& batch) {
    batch.symbols = symbols_;
    while (batch.series.size() < kBatchSeries) {
        TRY(const bool more, ordered_.next(group_));
        if (!more) {
            break;
        }
        label_symbols_.clear();
        for (const model::LabelView label :
             labels_->of(*group_.front().batch, *group_.front().view)) {
            label_symbols_.push_back(
                {.name = symbols_->intern(label.name), .value = symbols_->intern(label.value)});
        }
        const auto labels = batch.arena.copy(std::span<const model::LabelSymbols>(label_symbols_));
        batch.series.push_back(
            {.id = group_.front().view->id, .labels = labels, .chunks = join(batch.arena)});
        for (const StoredSeries& series : group_) {
            if (batch.pins.empty() || batch.pins.back() != series.batch) {
                batch.pins.push_back(series.batch);
            }
        }
    }
    group_.clear();
    TRY(account(batch.arena.capacity_bytes() + symbols_->bytes()));
    return !batch.series.empty();
}

base::Status RewrittenSeries::gather() {
    gathered_ = std::make_shared<GatheredSeries>(order_without_);
    base::Arena arena;
    std::shared_ptr<const void> pinned;
    size_t held = 0;
    while (true) {
        TRY(const bool more, ordered_.next(group_));
        if (!more) {
            break;
        }
        for (const model::LabelView label :
             labels_->of(*group_.front().batch, *group_.front().view)) {
            gathered_->add_label(label.name, label.value);
        }
        for (const ChunkView& chunk : join(arena)) {
            gathered_->add_chunk(chunk);
        }
        gathered_->end_series(true);
        arena.reset();
        for (const StoredSeries& series : group_) {
            if (pinned != series.batch) {
                pinned = series.batch;
                gathered_->pin(pinned);
                held += series.batch->arena.capacity_bytes();
                TRY(account(held + gathered_->bytes()));
            }
        }
    }
    gathered_->finish(nullptr, GatheredSeries::Overlaps::kParts);
    return account(held + gathered_->bytes());
}

std::span<const ChunkView> RewrittenSeries::join(base::Arena& arena) {
    if (group_.size() == 1) {
        return group_.front().view->chunks;
    }
    chunks_.clear();
    account_ends_.clear();
    std::ranges::stable_sort(group_, {}, [](const StoredSeries& series) {
        const auto chunks = series.view->chunks;
        return chunks.empty() ? model::kMinTime : chunks.front().min_t;
    });
    for (const StoredSeries& series : group_) {
        const auto chunks = series.view->chunks;
        if (chunks.empty()) {
            continue;
        }
        // To the first account that has ended before this one begins.
        const auto account = std::ranges::find_if(
            account_ends_, [&](int64_t end) { return end < chunks.front().min_t; });
        const auto number =
            static_cast<uint16_t>(std::min<ptrdiff_t>(account - account_ends_.begin(), UINT16_MAX));
        const int64_t end = std::ranges::max(chunks, {}, &ChunkView::max_t).max_t;
        if (account == account_ends_.end()) {
            account_ends_.push_back(end);
        } else {
            *account = end;
        }
        for (const ChunkView& chunk : chunks) {
            chunks_.push_back(chunk);
            chunks_.back().replica = number;
        }
    }
    std::ranges::stable_sort(chunks_, earlier);
    return arena.copy(std::span<const ChunkView>(chunks_));
}

base::Status RewrittenSeries::account(size_t held) {
    const auto bytes = static_cast<int64_t>(held);
    return accounted_ && bytes > reservation_.bytes()
               ? reservation_.grow(bytes - reservation_.bytes())
               : base::success();
}

}  // namespace storeapi
