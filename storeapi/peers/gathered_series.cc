#include "storeapi/peers/gathered_series.h"

#include <algorithm>

#include "base/byte_view.h"
#include "model/label_order.h"

namespace storeapi {
namespace {

using model::ChunkView;

bool earlier(const ChunkView& left, const ChunkView& right) {
    return left.min_t != right.min_t ? left.min_t < right.min_t : left.max_t < right.max_t;
}

bool same_chunk(const ChunkView& left, const ChunkView& right) {
    return left.encoding == right.encoding && left.min_t == right.min_t &&
           left.max_t == right.max_t && base::ByteView(left.bytes) == base::ByteView(right.bytes);
}

bool is_plain(std::span<const ChunkView> chunks) {
    return std::ranges::adjacent_find(chunks, [](const ChunkView& a, const ChunkView& b) {
               return a.max_t >= b.min_t;
           }) == chunks.end();
}

// Of chunks by time, in place; how many are left.
size_t drop_repeated(std::span<ChunkView> chunks) {
    size_t kept = 0;
    for (const ChunkView& chunk : chunks) {
        bool repeated = false;
        for (size_t k = kept; k > 0 && !earlier(chunks[k - 1], chunk) && !repeated; --k) {
            repeated = same_chunk(chunks[k - 1], chunk);
        }
        if (!repeated) {
            chunks[kept++] = chunk;
        }
    }
    return kept;
}

// Each chunk goes to the first account that has ended before it begins.
void separate(std::span<ChunkView> chunks) {
    std::vector<int64_t> ends;
    for (ChunkView& chunk : chunks) {
        const auto free =
            std::ranges::find_if(ends, [&](int64_t end) { return end < chunk.min_t; });
        chunk.replica = static_cast<uint16_t>(
            std::min<size_t>(static_cast<size_t>(free - ends.begin()), UINT16_MAX));
        if (free == ends.end()) {
            ends.push_back(chunk.max_t);
        } else {
            *free = chunk.max_t;
        }
    }
}

}  // namespace

GatheredSeries::GatheredSeries(std::span<const std::string> without)
    : symbols_(std::make_shared<model::MergedSymbols>()) {
    for (const std::string& name : without) {
        without_.push_back(symbols_->intern(name));
    }
}

void GatheredSeries::add_label(std::string_view name, std::string_view value) {
    if (!value.empty()) {
        labels_.push_back({.name = symbols_->intern(name), .value = symbols_->intern(value)});
    }
}

void GatheredSeries::add_chunk(const ChunkView& chunk) {
    chunks_.push_back(chunk);
}

void GatheredSeries::end_series(bool keep) {
    if (keep) {
        tidy_labels();
        entries_.push_back({.label_at = label_at_,
                            .chunk_at = chunk_at_,
                            .labels = static_cast<uint32_t>(labels_.size() - label_at_),
                            .chunks = static_cast<uint32_t>(chunks_.size() - chunk_at_)});
    } else {
        labels_.resize(label_at_);
        chunks_.resize(chunk_at_);
    }
    label_at_ = labels_.size();
    chunk_at_ = chunks_.size();
}

void GatheredSeries::tidy_labels() {
    const auto labels = std::span(labels_).subspan(label_at_);
    const auto name = [&](const model::LabelSymbols& label) { return symbols_->text(label.name); };
    if (std::ranges::adjacent_find(labels, std::ranges::greater_equal(), name) == labels.end()) {
        return;
    }
    std::ranges::stable_sort(labels, {}, name);
    const auto repeated = std::ranges::unique(labels, {}, &model::LabelSymbols::name);
    labels_.resize(labels_.size() - repeated.size());
}

std::span<const model::LabelSymbols> GatheredSeries::labels_of(const Entry& entry) const {
    return std::span(labels_).subspan(entry.label_at, entry.labels);
}

std::span<const ChunkView> GatheredSeries::chunks_of(const Entry& entry) const {
    return std::span(chunks_).subspan(entry.chunk_at, entry.chunks);
}

bool GatheredSeries::before(const Entry& left, const Entry& right) const {
    return model::labels_before(model::SymbolList{labels_of(left)},
                                model::SymbolList{labels_of(right)},
                                *symbols_,
                                without_);
}

void GatheredSeries::finish(const Rewrite& rewrite, Overlaps overlaps) {
    overlaps_ = overlaps;
    const auto less = [this](const Entry& a, const Entry& b) { return before(a, b); };
    if (!std::ranges::is_sorted(entries_, less)) {
        std::ranges::stable_sort(entries_, less);
    }
    for (size_t from = 0, to = 0; from < entries_.size(); from = to) {
        const auto labels = labels_of(entries_[from]);
        for (to = from + 1;
             to < entries_.size() && std::ranges::equal(labels, labels_of(entries_[to]));
             ++to) {
        }
        views_.push_back(
            {.id = views_.size(), .labels = labels, .chunks = join(from, to, rewrite)});
    }
}

std::span<const ChunkView> GatheredSeries::join(size_t from, size_t to, const Rewrite& rewrite) {
    std::span<const ChunkView> chunks = chunks_of(entries_[from]);
    if (to > from + 1) {
        scratch_.clear();
        for (size_t i = from; i < to; ++i) {
            const auto more = chunks_of(entries_[i]);
            scratch_.insert(scratch_.end(), more.begin(), more.end());
        }
        chunks = arena_.copy(std::span<const ChunkView>(scratch_));
    }
    chunks = in_order(chunks);
    if (rewrite) {
        chunks = in_order(rewrite(chunks, arena_));
    }
    return chunks;
}

std::span<const ChunkView> GatheredSeries::in_order(std::span<const ChunkView> chunks) {
    if (is_plain(chunks)) {
        return chunks;
    }
    scratch_.assign(chunks.begin(), chunks.end());
    std::ranges::stable_sort(scratch_, earlier);
    scratch_.resize(drop_repeated(scratch_));
    if (overlaps_ == Overlaps::kAccounts) {
        separate(scratch_);
    }
    return arena_.copy(std::span<const ChunkView>(scratch_));
}

bool GatheredSeries::give(model::SeriesBatch& batch) {
    const auto left = std::span(views_).subspan(given_);
    const auto now = left.first(std::min(left.size(), kBatchSeries));
    if (now.empty()) {
        return false;
    }
    batch.series.assign(now.begin(), now.end());
    batch.symbols = symbols_;
    batch.pins.push_back(shared_from_this());
    given_ += now.size();
    return true;
}

size_t GatheredSeries::bytes() const {
    return symbols_->bytes() + labels_.capacity() * sizeof(model::LabelSymbols) +
           chunks_.capacity() * sizeof(ChunkView) + entries_.capacity() * sizeof(Entry) +
           views_.capacity() * sizeof(model::SeriesView) + arena_.capacity_bytes();
}

}  // namespace storeapi
