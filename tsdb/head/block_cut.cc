#include "tsdb/head/block_cut.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "model/chunk_codec.h"
#include "tsdb/head/out_of_order_stream.h"
#include "tsdb/head/series_stream.h"
#include "tsdb/head/symbol_ranks.h"

namespace tsdb {
namespace {

// Chunks read from their files before the files' pages are dropped: in the order of labels each
// lies on a page of its own, 256 MiB of them at most.
constexpr size_t kResidentChunks = 65536;

// What mostly decides about two series without looking at their labels.
struct SortKey {
    uint32_t name = 0;  // ranks of the first label, and of the second one's name
    uint32_t value = 0;
    uint32_t second_name = 0;
    uint32_t second_value = 0;
    uint32_t slot = 0;

    [[nodiscard]] auto prefix() const { return std::tie(name, value, second_name, second_value); }
};

// Puts slots into the order of their series' labels.
void sort_by_ranks(const Head& head, const SymbolRanks& ranks, std::span<uint32_t> slots) {
    std::vector<SortKey> keys;
    keys.reserve(slots.size());
    for (const uint32_t slot : slots) {
        const LabelSet labels = head.labels_of(slot);
        SortKey key;
        key.slot = slot;
        if (!labels.names.empty()) {
            key.name = ranks[labels.names[0]];
            key.value = ranks[labels.values[0]];
        }
        if (labels.names.size() > 1) {
            key.second_name = ranks[labels.names[1]];
            key.second_value = ranks[labels.values[1]];
        }
        keys.push_back(key);
    }
    std::ranges::sort(keys, [&](const SortKey& left, const SortKey& right) {
        if (left.prefix() != right.prefix()) {
            return left.prefix() < right.prefix();
        }
        const LabelSet a = head.labels_of(left.slot);
        const LabelSet b = head.labels_of(right.slot);
        const size_t common = std::min(a.names.size(), b.names.size());
        for (size_t i = 2; i < common; ++i) {
            if (a.names[i] != b.names[i]) {
                return ranks[a.names[i]] < ranks[b.names[i]];
            }
            if (a.values[i] != b.values[i]) {
                return ranks[a.values[i]] < ranks[b.values[i]];
            }
        }
        return a.names.size() < b.names.size();
    });
    for (size_t i = 0; i < keys.size(); ++i) {
        slots[i] = keys[i].slot;
    }
}

// One series' chunks, cut to the block's range.
class ChunkCutter {
  public:
    explicit ChunkCutter(const BlockCut& cut) : cut_(cut) {}

    base::Result<std::span<const block::ChunkInput>> take(
        std::span<const model::ChunkView> chunks) {
        inputs_.clear();
        coded_.clear();
        const bool whole = std::ranges::all_of(chunks, [&](const model::ChunkView& chunk) {
            return chunk.min_t >= cut_.min_t && chunk.max_t < cut_.max_t;
        });
        if (whole) {
            for (const model::ChunkView& chunk : chunks) {
                inputs_.push_back({.encoding = chunk.encoding,
                                   .bytes = chunk.bytes,
                                   .min_t = chunk.min_t,
                                   .max_t = chunk.max_t});
            }
            return std::span<const block::ChunkInput>(inputs_);
        }
        for (const model::ChunkView& chunk : chunks) {
            samples_.clear();
            TRY(model::decode_samples(chunk, samples_));
            std::erase_if(samples_, [&](const model::TypedSample& sample) {
                return sample.t < cut_.min_t || sample.t >= cut_.max_t;
            });
            model::encode_samples(samples_, cut_.samples_per_chunk, coded_);
        }
        for (const model::EncodedChunk& chunk : coded_) {
            inputs_.push_back({.encoding = chunk.encoding,
                               .bytes = base::ByteView(chunk.bytes).span(),
                               .min_t = chunk.min_t,
                               .max_t = chunk.max_t});
        }
        return std::span<const block::ChunkInput>(inputs_);
    }

  private:
    const BlockCut& cut_;
    std::vector<model::TypedSample> samples_;
    std::vector<model::EncodedChunk> coded_;
    std::vector<block::ChunkInput> inputs_;
};

base::Status write_series(block::BlockWriter& writer,
                          model::SeriesSet& stream,
                          const SymbolRanks& ranks,
                          const BlockCut& cut,
                          const ChunkFiles* files) {
    ChunkCutter cutter(cut);
    size_t chunks_read = 0;
    model::SeriesBatch batch;
    std::vector<model::LabelSymbols> labels;
    while (true) {
        TRY(const bool more, stream.next(batch));
        if (!more) {
            return base::success();
        }
        for (const model::SeriesView& series : batch.series) {
            TRY(const auto chunks, cutter.take(series.chunks));
            chunks_read += chunks.size();
            if (chunks.empty()) {
                continue;
            }
            labels.clear();
            for (const model::LabelSymbols& label : series.labels) {
                labels.push_back({.name = ranks[label.name], .value = ranks[label.value]});
            }
            TRY(writer.add_series(labels, chunks));
        }
        if (chunks_read >= kResidentChunks && files != nullptr) {
            files->drop_pages();
            chunks_read = 0;
        }
    }
}

std::vector<uint32_t> all_slots(const Head& head) {
    return head.index().all().slots();
}

// Of the series in `slots`; `open` makes their stream, given them in the block's order.
template <class Open>
base::Result<std::optional<block::BlockMeta>> write_block(base::Files& files,
                                                          const base::Path& data_folder,
                                                          const Head& head,
                                                          std::vector<uint32_t> slots,
                                                          const BlockCut& cut,
                                                          const Open& open) {
    TRY(auto writer, block::BlockWriter::create(files, data_folder, cut.ulid, cut.writing));
    base::TakenMemory taken(cut.writing.memory);
    const size_t slot_bytes = slots.capacity() * sizeof(uint32_t);
    SymbolRanks ranks(head, slots);
    taken.set(slot_bytes + ranks.bytes());
    for (const uint32_t symbol : ranks.take_sorted()) {
        TRY(writer->add_symbol(head.symbols()->text(symbol)));
    }
    taken.set(slot_bytes + ranks.bytes() + slots.size() * sizeof(SortKey));
    sort_by_ranks(head, ranks, slots);
    taken.set(slot_bytes + ranks.bytes());
    auto stream = open(std::move(slots));
    TRY(write_series(*writer, stream, ranks, cut, head.files()));
    block::BlockMeta meta;
    meta.min_t = cut.min_t;
    meta.max_t = cut.max_t;
    meta.hints = cut.hints;
    return writer->publish(std::move(meta));
}

}  // namespace

uint64_t cut_memory(const Head& head, uint64_t postings_bytes) {
    const uint64_t series = head.series();
    const uint64_t symbols = head.symbols()->size();
    const uint64_t pairs = head.index().pairs();
    const uint64_t slots = series * sizeof(uint32_t);
    const uint64_t ranks =
        SymbolRanks::bytes_max(symbols, head.memory().bytes(HeadPart::kSymbols)) + slots;
    const uint64_t sorting = ranks + series * sizeof(SortKey) +
                             block::BlockWriter::memory_max(symbols, 0, 0, postings_bytes);
    const uint64_t writing = ranks + block::BlockWriter::memory_max(
                                         symbols, pairs, head.index().labels(), postings_bytes);
    return std::max(sorting, writing);
}

base::Result<std::optional<block::BlockMeta>> write_head_block(
    base::Files& files,
    const base::Path& data_folder,
    const Head& head,
    const std::shared_ptr<const void>& pin,
    const BlockCut& cut,
    const std::stop_token& stop) {
    model::QueryContext context;
    context.stop = stop;
    return write_block(
        files, data_folder, head, all_slots(head), cut, [&](std::vector<uint32_t> slots) {
            return SeriesStream(
                head, std::move(slots), {.min_t = cut.min_t, .max_t = cut.max_t - 1}, context, pin);
        });
}

base::Result<std::optional<block::BlockMeta>> write_out_of_order_block(
    base::Files& files,
    const base::Path& data_folder,
    const Head& head,
    const std::vector<uint32_t>& slots,
    const std::shared_ptr<const void>& pin,
    const BlockCut& cut,
    const std::stop_token& stop,
    uint64_t& damaged) {
    model::QueryContext context;
    context.stop = stop;
    return write_block(files, data_folder, head, slots, cut, [&](std::vector<uint32_t> sorted) {
        return OutOfOrderStream(head,
                                std::move(sorted),
                                {.min_t = cut.min_t,
                                 .max_t = cut.max_t - 1,
                                 .samples_per_chunk = cut.samples_per_chunk,
                                 .damaged = &damaged},
                                context,
                                pin);
    });
}

}  // namespace tsdb
