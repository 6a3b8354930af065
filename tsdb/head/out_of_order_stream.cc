#include "tsdb/head/out_of_order_stream.h"

#include <algorithm>
#include <utility>

namespace tsdb {
namespace {

struct RankedSample {
    model::TypedSample sample;
    size_t rank = 0;
};

}  // namespace

OutOfOrderStream::OutOfOrderStream(const Head& head,
                                   std::vector<uint32_t> slots,
                                   const Options& options,
                                   const model::QueryContext& context,
                                   std::shared_ptr<const void> pin)
    : head_(head),
      slots_(std::move(slots)),
      options_(options),
      context_(context),
      pin_(std::move(pin)) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> OutOfOrderStream::next(model::SeriesBatch& batch) {
    batch.clear();
    batch.symbols = pin_ == nullptr
                        ? std::shared_ptr<const model::SymbolTable>(head_.symbols())
                        : std::shared_ptr<const model::SymbolTable>(pin_, head_.symbols().get());
    TRY(context_.check());
    while (at_ < slots_.size() && batch.series.size() < kBatchSeries &&
           (options_.limit == 0 || given_ < options_.limit)) {
        TRY(give(slots_[at_++], batch));
    }
    const auto held = static_cast<int64_t>(batch.arena.capacity_bytes());
    if (context_.budget != nullptr && held > reservation_.bytes()) {
        TRY(reservation_.grow(held - reservation_.bytes()));
    }
    return !batch.series.empty();
}

base::Status OutOfOrderStream::give(uint32_t slot, model::SeriesBatch& batch) {
    if (!head_.late().read(slot, options_.min_t, options_.max_t, series_)) {
        return base::success();
    }
    chunks_.clear();
    if (!options_.skip_chunks) {
        TRY(collect(batch));
        TRY(join(batch));
        if (chunks_.empty()) {
            return base::success();
        }
    }
    const LabelSet set = head_.labels_of(slot);
    const auto labels = batch.arena.allocate<model::LabelSymbols>(set.names.size());
    for (size_t i = 0; i < labels.size(); ++i) {
        labels[i] = {.name = set.names[i], .value = set.values[i]};
    }
    batch.series.push_back(
        {.id = series_.ref,
         .labels = labels,
         .chunks = batch.arena.copy(std::span<const model::ChunkView>(chunks_))});
    ++given_;
    return base::success();
}

base::Status OutOfOrderStream::collect(model::SeriesBatch& batch) {
    ranked_.clear();
    for (const LateChunk& chunk : series_.chunks) {
        if (chunk.held == nullptr) {
            TRY(collect_filed(chunk, batch));
            continue;
        }
        batch.pins.push_back(chunk.held);
        ranked_.push_back({.chunk = {.encoding = chunk.held->encoding,
                                     .source = options_.source,
                                     .bytes = base::ByteView(chunk.held->bytes).span(),
                                     .min_t = chunk.min_t,
                                     .max_t = chunk.max_t},
                           .rank = ranked_.size()});
    }
    collect_open(batch);
    return base::success();
}

base::Status OutOfOrderStream::collect_filed(const LateChunk& chunk, model::SeriesBatch& batch) {
    auto read = head_.files()->read(chunk.ref, chunk.place);
    if (!read) {
        if (!head_.files()->has(chunk.place)) {
            return base::success();  // its file went with what is in blocks
        }
        if (options_.damaged != nullptr) {
            ++*options_.damaged;
            return base::success();
        }
        return base::context(base::Status(base::fail(read.error())),
                             "read an out-of-order chunk of the head");
    }
    ChunkFiles::Pinned& pinned = read.value();
    ranked_.push_back({.chunk = {.encoding = pinned.chunk.encoding,
                                 .source = options_.source,
                                 .bytes = pinned.chunk.bytes,
                                 .min_t = pinned.chunk.min_t,
                                 .max_t = pinned.chunk.max_t},
                       .rank = ranked_.size()});
    batch.pins.push_back(std::move(pinned.pin));
    return base::success();
}

void OutOfOrderStream::collect_open(model::SeriesBatch& batch) {
    if (series_.open.empty()) {
        return;
    }
    encoded_.clear();
    model::encode_samples(series_.open, OutOfOrderStore::kOpenSamples, encoded_);
    const size_t rank = ranked_.size();
    for (const model::EncodedChunk& chunk : encoded_) {
        ranked_.push_back({.chunk = {.encoding = chunk.encoding,
                                     .source = options_.source,
                                     .bytes = batch.arena.copy(base::ByteView(chunk.bytes).span()),
                                     .min_t = chunk.min_t,
                                     .max_t = chunk.max_t},
                           .rank = rank});
    }
}

// Runs of chunks that overlap become new ones; the others pass.
base::Status OutOfOrderStream::join(model::SeriesBatch& batch) {
    std::ranges::stable_sort(ranked_, {}, [](const Ranked& ranked) { return ranked.chunk.min_t; });
    for (size_t from = 0, to = 0; from < ranked_.size(); from = to) {
        int64_t end = ranked_[from].chunk.max_t;
        to = from + 1;
        while (to < ranked_.size() && ranked_[to].chunk.min_t <= end) {
            end = std::max(end, ranked_[to].chunk.max_t);
            ++to;
        }
        if (to == from + 1) {
            chunks_.push_back(ranked_[from].chunk);
        } else {
            TRY(merge(std::span(ranked_).subspan(from, to - from), batch));
        }
    }
    return base::success();
}

base::Status OutOfOrderStream::merge(std::span<const Ranked> run, model::SeriesBatch& batch) {
    std::vector<RankedSample> samples;
    std::vector<model::TypedSample> decoded;
    for (const Ranked& ranked : run) {
        decoded.clear();
        base::Status status = model::decode_samples(ranked.chunk, decoded);
        if (!status) {
            if (options_.damaged == nullptr) {
                return base::context(std::move(status), "read an out-of-order chunk of the head");
            }
            ++*options_.damaged;
        }
        for (model::TypedSample& sample : decoded) {
            samples.push_back({.sample = std::move(sample), .rank = ranked.rank});
        }
    }
    std::ranges::stable_sort(samples, [](const RankedSample& a, const RankedSample& b) {
        return a.sample.t != b.sample.t ? a.sample.t < b.sample.t : a.rank > b.rank;
    });
    decoded.clear();
    for (RankedSample& next : samples) {
        if (decoded.empty() || decoded.back().t != next.sample.t) {
            decoded.push_back(std::move(next.sample));
        }
    }
    encoded_.clear();
    model::encode_samples(decoded, options_.samples_per_chunk, encoded_);
    for (const model::EncodedChunk& chunk : encoded_) {
        add(chunk, batch);
    }
    return base::success();
}

void OutOfOrderStream::add(const model::EncodedChunk& chunk, model::SeriesBatch& batch) {
    if (chunk.min_t > options_.max_t || chunk.max_t < options_.min_t) {
        return;
    }
    chunks_.push_back({.encoding = chunk.encoding,
                       .source = options_.source,
                       .bytes = batch.arena.copy(base::ByteView(chunk.bytes).span()),
                       .min_t = chunk.min_t,
                       .max_t = chunk.max_t});
}

}  // namespace tsdb
