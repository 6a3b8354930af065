#include "model/merge_series.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/byte_view.h"
#include "model/label_order.h"

namespace model {
namespace {

constexpr unsigned kIdBits = 56;  // below the source's number in the ids of merged series
constexpr size_t kSpareMax = 4;   // batches of one source kept for use again

bool same_chunk(const ChunkView& left, const ChunkView& right) {
    return left.encoding == right.encoding && left.min_t == right.min_t &&
           left.max_t == right.max_t && base::ByteView(left.bytes) == base::ByteView(right.bytes);
}

bool earlier(const ChunkView& left, const ChunkView& right) {
    return left.min_t != right.min_t ? left.min_t < right.min_t : left.max_t < right.max_t;
}

}  // namespace

MergedSeries::MergedSeries(std::vector<std::unique_ptr<SeriesSet>> sets,
                           uint64_t limit,
                           const QueryContext& context,
                           std::span<const std::string> without)
    : limit_(limit),
      context_(context),
      sources_(sets.size()),
      symbols_(std::make_shared<MergedSymbols>()) {
    for (size_t i = 0; i < sets.size(); ++i) {
        sources_[i].set = std::move(sets[i]);
        sources_[i].number = static_cast<uint32_t>(i);
    }
    for (const std::string& name : without) {
        without_.push_back(symbols_->intern(name));
    }
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> MergedSeries::next(SeriesBatch& batch) {
    batch.clear();
    if (!started_) {
        TRY(start());
    }
    if (only_ != nullptr) {
        return pass_through(batch);
    }
    TRY(context_.check());
    batch.symbols = symbols_;
    for (Source& source : sources_) {
        source.pinned = false;
    }
    while (batch.series.size() < kBatchSeries && (limit_ == 0 || given_ < limit_)) {
        if (!starved_.empty()) {
            if (batch.series.size() >= kBatchSeriesMin) {
                break;
            }
            TRY(refill_starved());
        }
        if (heap_.empty()) {
            break;
        }
        take_least();
        give_taken(batch);
        advance();
    }
    TRY(account(batch));
    return !batch.series.empty();
}

base::Status MergedSeries::start() {
    std::vector<Source*> filled;
    for (Source& source : sources_) {
        TRY(const bool more, refill(source));
        if (more) {
            filled.push_back(&source);
        }
    }
    started_ = true;
    if (filled.size() == 1) {
        only_ = filled.front();
        return base::success();
    }
    const auto after = [this](const Source* a, const Source* b) { return before(*b, *a); };
    for (Source* source : filled) {
        read_labels(*source);
        heap_.push_back(source);
        std::ranges::push_heap(heap_, after);
    }
    return base::success();
}

base::Result<bool> MergedSeries::pass_through(SeriesBatch& batch) {
    if (limit_ != 0 && given_ == limit_) {
        return false;
    }
    if (passed_first_) {
        TRY(const bool more, only_->set->next(batch));
        if (!more) {
            return false;
        }
    } else {
        passed_first_ = true;
        batch = std::move(*std::exchange(only_->batch, nullptr));
    }
    if (limit_ != 0 && batch.series.size() > limit_ - given_) {
        batch.series.resize(limit_ - given_);
    }
    given_ += batch.series.size();
    return true;
}

base::Result<bool> MergedSeries::refill(Source& source) {
    if (source.batch != nullptr) {
        if (source.spare.size() < kSpareMax) {
            source.spare.push_back(std::move(source.batch));
        }
        source.batch = nullptr;
    }
    const auto free = std::ranges::find_if(
        source.spare, [](const auto& batch) { return batch.use_count() == 1; });
    if (free != source.spare.end()) {
        // Whoever let the batch go last has done so before what we do to it.
        std::atomic_thread_fence(std::memory_order_acquire);
        source.batch = std::move(*free);
        source.spare.erase(free);
    } else {
        source.batch = std::make_shared<SeriesBatch>();
    }
    source.at = 0;
    source.pinned = false;
    TRY(const bool more, source.set->next(*source.batch));
    if (more) {
        source.import.use(source.batch->symbols);
    } else {
        source.batch = nullptr;
    }
    return more;
}

void MergedSeries::read_labels(Source& source) {
    source.labels.clear();
    for (const LabelSymbols& label : source.series().labels) {
        source.labels.push_back({.name = source.import.merged(label.name, *symbols_),
                                 .value = source.import.merged(label.value, *symbols_)});
    }
}

bool MergedSeries::before(const Source& left, const Source& right) const {
    const SymbolList a{left.labels};
    const SymbolList b{right.labels};
    const bool same = left.labels == right.labels;
    return same ? left.number < right.number : labels_before(a, b, *symbols_, without_);
}

void MergedSeries::take_least() {
    const auto after = [this](const Source* a, const Source* b) { return before(*b, *a); };
    taken_.clear();
    do {
        std::ranges::pop_heap(heap_, after);
        taken_.push_back(heap_.back());
        heap_.pop_back();
    } while (!heap_.empty() && heap_.front()->labels == taken_.front()->labels);
}

void MergedSeries::give_taken(SeriesBatch& batch) {
    const Source& first = *taken_.front();
    for (Source* source : taken_) {
        pin(*source, batch);
    }
    const uint64_t id = first.series().id ^ uint64_t { first.number } << kIdBits;
    const auto chunks = taken_.size() == 1 ? first.series().chunks : join_chunks(batch.arena);
    batch.series.push_back({.id = id,
                            .labels = batch.arena.copy(std::span<const LabelSymbols>(first.labels)),
                            .chunks = chunks});
    ++given_;
}

std::span<const ChunkView> MergedSeries::join_chunks(base::Arena& arena) {
    chunks_.clear();
    for (const Source* source : taken_) {
        const auto chunks = source->series().chunks;
        chunks_.insert(chunks_.end(), chunks.begin(), chunks.end());
    }
    if (!std::ranges::is_sorted(chunks_, earlier)) {
        std::ranges::stable_sort(chunks_, earlier);
    }
    size_t kept = 0;
    for (size_t i = 0; i < chunks_.size(); ++i) {
        bool repeated = false;
        for (size_t k = kept; k > 0 && !earlier(chunks_[k - 1], chunks_[i]) && !repeated; --k) {
            repeated = same_chunk(chunks_[k - 1], chunks_[i]);
        }
        if (!repeated) {
            chunks_[kept++] = chunks_[i];
        }
    }
    return arena.copy(std::span<const ChunkView>(chunks_).first(kept));
}

void MergedSeries::advance() {
    const auto after = [this](const Source* a, const Source* b) { return before(*b, *a); };
    for (Source* source : taken_) {
        if (++source->at == source->batch->series.size()) {
            starved_.push_back(source);
            continue;
        }
        read_labels(*source);
        heap_.push_back(source);
        std::ranges::push_heap(heap_, after);
    }
}

base::Status MergedSeries::refill_starved() {
    const auto after = [this](const Source* a, const Source* b) { return before(*b, *a); };
    while (!starved_.empty()) {
        Source* const source = starved_.back();
        starved_.pop_back();
        TRY(const bool more, refill(*source));
        if (more) {
            read_labels(*source);
            heap_.push_back(source);
            std::ranges::push_heap(heap_, after);
        }
    }
    return base::success();
}

void MergedSeries::pin(Source& source, SeriesBatch& batch) {
    if (!source.pinned) {
        source.pinned = true;
        batch.pins.push_back(source.batch);
    }
}

base::Status MergedSeries::account(const SeriesBatch& batch) {
    if (context_.budget == nullptr) {
        return base::success();
    }
    size_t held = batch.arena.capacity_bytes() + symbols_->bytes();
    for (const Source& source : sources_) {
        held += source.import.bytes();
        // The source accounts for one batch; what others are kept beside it is ours.
        for (const auto& spare : source.spare) {
            held += spare->arena.capacity_bytes();
        }
    }
    if (const auto bytes = static_cast<int64_t>(held); bytes > reservation_.bytes()) {
        return reservation_.grow(bytes - reservation_.bytes());
    }
    return base::success();
}

std::vector<std::string> MergedSeries::warnings() const {
    std::vector<std::string> all;
    for (const Source& source : sources_) {
        for (std::string& warning : source.set->warnings()) {
            if (std::ranges::find(all, warning) == all.end()) {
                all.push_back(std::move(warning));
            }
        }
    }
    return all;
}

}  // namespace model
