#include "engine/commands/tsdb/backfill_window.h"

#include <algorithm>
#include <bit>
#include <string_view>
#include <unordered_set>

#include "base/check.h"
#include "tsdb/block/writer.h"

namespace engine {
namespace {

using model::TypedSample;

constexpr size_t kColumnBytes = 256;  // of a column without its samples, with its place in the map

bool same_value(const TypedSample& left, const TypedSample& right) {
    return std::bit_cast<uint64_t>(left.v) == std::bit_cast<uint64_t>(right.v);
}

// Names and values with the numbers that the block knows them by.
class Symbols {
  public:
    void collect(const model::Labels& labels) {
        for (const auto& [name, value] : labels) {
            numbers_.emplace(name, 0);
            numbers_.emplace(value, 0);
        }
    }

    base::Status write(tsdb::block::BlockWriter& writer) {
        std::vector<std::string_view> sorted;
        for (const auto& [text, number] : numbers_) {
            sorted.push_back(text);
        }
        std::sort(sorted.begin(), sorted.end());
        uint32_t number = 0;
        for (const std::string_view text : sorted) {
            TRY(writer.add_symbol(text));
            numbers_[text] = ++number;
        }
        return base::success();
    }

    std::vector<model::LabelSymbols> of(const model::Labels& labels) const {
        std::vector<model::LabelSymbols> out;
        for (const auto& [name, value] : labels) {
            out.push_back({numbers_.at(name), numbers_.at(value)});
        }
        return out;
    }

  private:
    std::unordered_map<std::string_view, uint32_t> numbers_;
};

std::vector<tsdb::block::ChunkInput> inputs_of(const std::vector<model::EncodedChunk>& chunks) {
    std::vector<tsdb::block::ChunkInput> out;
    for (const auto& chunk : chunks) {
        out.push_back(
            {chunk.encoding, base::ByteView(chunk.bytes).span(), chunk.min_t, chunk.max_t});
    }
    return out;
}

}  // namespace

void BackfillWindow::add(uint32_t series, int64_t t, double value) {
    const auto [found, made] = columns_.try_emplace(series);
    Column& column = found->second;
    memory_ += made ? kColumnBytes : 0;
    std::vector<Point>& points = !made && t <= column.last_t ? column.late : column.open;
    const size_t capacity = points.capacity();
    points.push_back({t, value});
    memory_ += (points.capacity() - capacity) * sizeof(Point);
    if (&points == &column.open) {
        column.last_t = t;
        if (points.size() == kChunkSamples) {
            close_chunk(column);
        }
    }
}

void BackfillWindow::close_chunk(Column& column) {
    if (column.open.empty()) {
        return;
    }
    std::vector<TypedSample> samples;
    samples.reserve(column.open.size());
    for (const Point& point : column.open) {
        samples.push_back({.t = point.t, .st = 0, .v = point.value, .integer = {}, .floating = {}});
    }
    const size_t chunks = column.chunks.size();
    model::encode_samples(samples, kChunkSamples, column.chunks);
    for (size_t i = chunks; i < column.chunks.size(); ++i) {
        memory_ += sizeof(model::EncodedChunk) + column.chunks[i].bytes.size();
    }
    memory_ -= column.open.capacity() * sizeof(Point);
    column.open = {};
}

// Puts the late samples where they belong.
void BackfillWindow::sort_in(Column& column, BackfillLosses& losses) {
    if (column.late.empty()) {
        return;
    }
    std::vector<TypedSample> samples;
    for (const auto& chunk : column.chunks) {
        model::ChunkView view;
        view.encoding = chunk.encoding;
        view.bytes = base::ByteView(chunk.bytes).span();
        const auto decoded = model::decode_samples(view, samples);
        SKEIN_CHECK(decoded, "a chunk of our own is not read");
    }
    for (const Point& point : column.late) {
        samples.push_back({.t = point.t, .st = 0, .v = point.value, .integer = {}, .floating = {}});
    }
    std::stable_sort(samples.begin(), samples.end(), [](const auto& left, const auto& right) {
        return left.t < right.t;
    });
    size_t kept = 0;
    for (size_t i = 1; i < samples.size(); ++i) {
        if (samples[i].t != samples[kept].t) {
            samples[++kept] = samples[i];
        } else if (!same_value(samples[i], samples[kept])) {
            ++losses.conflicts;
        }
    }
    samples.resize(kept + 1);
    column.chunks.clear();
    model::encode_samples(samples, kChunkSamples, column.chunks);
}

base::Result<std::optional<base::Path>> BackfillWindow::write(base::Files& files,
                                                              const base::Path& data_folder,
                                                              const tsdb::block::Ulid& ulid,
                                                              std::span<const model::Labels> labels,
                                                              BackfillLosses& losses) {
    std::vector<uint32_t> order;
    Symbols symbols;
    for (auto& [series, column] : columns_) {
        order.push_back(series);
        symbols.collect(labels[series]);
    }
    std::sort(order.begin(), order.end(), [&](uint32_t left, uint32_t right) {
        return labels[left] < labels[right];
    });
    TRY(const auto writer, tsdb::block::BlockWriter::create(files, data_folder, ulid, {}));
    TRY(symbols.write(*writer));
    tsdb::block::BlockMeta meta;
    meta.min_t = INT64_MAX;
    meta.max_t = INT64_MIN;
    for (const uint32_t series : order) {
        Column& column = columns_.at(series);
        close_chunk(column);
        sort_in(column, losses);
        meta.min_t = std::min(meta.min_t, column.chunks.front().min_t);
        meta.max_t = std::max(meta.max_t, column.chunks.back().max_t + 1);
        TRY(writer->add_series(symbols.of(labels[series]), inputs_of(column.chunks)));
        column = {};
    }
    columns_.clear();
    memory_ = 0;
    TRY(const auto published, writer->publish(std::move(meta)));
    return published ? std::optional(base::join_path(data_folder, published->ulid.text()))
                     : std::nullopt;
}

}  // namespace engine
