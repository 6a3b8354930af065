#include "storeapi/node/select_frames.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "model/label_order.h"
#include "storeapi/field_reader.h"
#include "storeapi/node/fields.h"

namespace storeapi {
namespace {

using base::Code;
using base::fail;
using base::Status;

constexpr size_t kChunkOverhead = 64;   // at most, beside a chunk's own bytes
constexpr size_t kSeriesOverhead = 24;  // likewise, beside labels and chunks, and a warning's text

// Times may lie further apart than their type is wide: they wrap, on both sides alike.
int64_t difference(int64_t later, int64_t earlier) {
    return static_cast<int64_t>(static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier));
}

int64_t sum(int64_t time, uint64_t more) {
    return static_cast<int64_t>(static_cast<uint64_t>(time) + more);
}

bool lies_in_files(uint64_t encoding) {
    return encoding >= static_cast<uint64_t>(model::Encoding::kXor) &&
           encoding <= static_cast<uint64_t>(model::Encoding::kFloatHistogramSt);
}

template <class... Parts>
auto corrupt(const Parts&... parts) {
    return fail(Code::kCorrupt, "a frame of series is damaged:", parts...);
}

}  // namespace

bool SelectFrameWriter::fits(const model::ChunkView& chunk) const {
    return chunks_ == 0 || out_.size() + chunk.bytes.size() + kChunkOverhead <= sizes_.max;
}

void SelectFrameWriter::begin_series(std::span<const model::LabelSymbols> labels) {
    numbers_.clear();
    for (const model::LabelSymbols& label : labels) {
        numbers_.push_back(symbols_.of(label.name, fields::kSelectSymbols, out_));
        numbers_.push_back(symbols_.of(label.value, fields::kSelectSymbols, out_));
    }
    out_.need(kSeriesOverhead + packed_size(numbers_));
    out_.byte(fields::kSelectSeries);
    series_at_ = out_.begin_length();
    put_packed(out_, fields::kSeriesLabels, numbers_);
}

void SelectFrameWriter::continue_series() {
    out_.need(kSeriesOverhead);
    out_.byte(fields::kSelectSeries);
    series_at_ = out_.begin_length();
}

void SelectFrameWriter::add_chunk(const model::ChunkView& chunk, bool first) {
    ++chunks_;
    const auto encoding = static_cast<uint64_t>(chunk.encoding);
    const uint64_t min_t =
        base::zigzag(difference(chunk.min_t, first ? progress_.first_t : progress_.last_t));
    const auto duration = static_cast<uint64_t>(difference(chunk.max_t, chunk.min_t));
    const std::string_view data = base::ByteView(chunk.bytes).text();
    out_.need(kChunkOverhead + data.size());
    out_.byte(fields::kSeriesChunks);
    out_.varint(WireWriter::number_size(encoding) + WireWriter::number_size(min_t) +
                WireWriter::number_size(duration) + WireWriter::number_size(chunk.source) +
                WireWriter::text_size(data));
    out_.number(fields::kChunkEncoding, encoding);
    out_.number(fields::kChunkMinTime, min_t);
    out_.number(fields::kChunkDuration, duration);
    out_.number(fields::kChunkSource, chunk.source);
    out_.text(fields::kChunkData, data);
    if (first) {
        progress_.first_t = chunk.min_t;
    }
    progress_.last_t = chunk.max_t;
}

void SelectFrameWriter::end_series(bool cut) {
    out_.need(kSeriesOverhead);
    out_.number(fields::kSeriesCut, static_cast<uint64_t>(cut));
    out_.end_length(series_at_);
}

void SelectFrameWriter::add_warning(std::string_view text) {
    out_.need(kSeriesOverhead + text.size());
    out_.text(fields::kSelectWarnings, text);
}

SelectFrameReader::SelectFrameReader(bool sorted, std::vector<std::string> without)
    : sorted_(sorted), without_names_(std::move(without)) {}

Status SelectFrameReader::read(std::shared_ptr<const SelectFrame> frame,
                               model::SeriesBatch& batch) {
    if (frame->bytes.size() > kNodeFrameMax) {
        return corrupt("it has", frame->bytes.size(), "bytes, the limit is", kNodeFrameMax);
    }
    batch.symbols = symbols_.table();
    FieldReader field(frame->bytes);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kSelectSymbols: {
                TRY(take_symbol(field.bytes()));
                break;
            }
            case fields::kSelectSeries: {
                TRY(read_series(field.bytes()));
                if (!cut_) {
                    give(batch);
                }
                break;
            }
            case fields::kSelectWarnings:
                if (warnings_.size() < kNodeWarningsMax) {
                    warnings_.emplace_back(field.bytes());
                }
                break;
            default:  // of a later version
                break;
        }
    }
    if (!field.ok()) {
        return corrupt("it is no message");
    }
    if (!batch.series.empty()) {
        batch.pins.push_back(frame);
    }
    if (cut_) {
        open_.frames.push_back(std::move(frame));
    }
    return base::success();
}

Status SelectFrameReader::finish() const {
    if (cut_) {
        return corrupt("the last one ends in the middle of a series");
    }
    return base::success();
}

size_t SelectFrameReader::bytes() const {
    size_t bytes = symbols_.table()->bytes() +
                   (open_.labels.capacity() + last_.capacity()) * sizeof(model::LabelSymbols) +
                   open_.chunks.capacity() * sizeof(model::ChunkView);
    for (const std::string& warning : warnings_) {
        bytes += sizeof(warning) + warning.capacity();
    }
    return bytes;
}

Status SelectFrameReader::take_symbol(std::string_view text) {
    if (!symbols_.add(text)) {
        return corrupt("a symbol comes twice, or there are too many, after", symbols_.count());
    }
    if (!without_names_.empty() &&
        std::ranges::find(without_names_, text) != without_names_.end()) {
        without_.push_back(symbols_.count() - 1);
    }
    return base::success();
}

Status SelectFrameReader::read_series(std::string_view message) {
    const bool goes_on = std::exchange(cut_, false);
    if (!goes_on) {
        open_.clear();
    }
    FieldReader field(message);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kSeriesLabels: {
                if (goes_on || !open_.labels.empty()) {
                    return corrupt("labels stand where a series goes on");
                }
                TRY(read_labels(field.bytes()));
                break;
            }
            case fields::kSeriesChunks: {
                TRY(read_chunk(field.bytes()));
                break;
            }
            case fields::kSeriesCut:
                cut_ = field.number() != 0;
                break;
            default:
                break;
        }
    }
    if (!field.ok()) {
        return corrupt("a series is no message");
    }
    return goes_on ? Status(base::success()) : begin_series();
}

// Labels are complete.
Status SelectFrameReader::begin_series() {
    TRY(check_labels());
    TRY(check_order());
    last_ = open_.labels;
    has_last_ = true;
    return base::success();
}

Status SelectFrameReader::read_labels(std::string_view numbers) {
    base::ByteReader reader(numbers);
    while (reader.remaining() != 0) {
        const uint64_t name = reader.uvarint();
        const uint64_t value = reader.uvarint();
        if (!reader.ok()) {
            return corrupt("labels are no pairs of symbols");
        }
        if (!symbols_.has(name) || !symbols_.has(value)) {
            return corrupt("a label has symbol",
                           std::max(name, value),
                           "of",
                           symbols_.count(),
                           "that were sent");
        }
        open_.labels.push_back(
            {.name = static_cast<uint32_t>(name), .value = static_cast<uint32_t>(value)});
    }
    return base::success();
}

// Series in a row mostly have the same names, which need no second look.
Status SelectFrameReader::check_labels() {
    const auto& labels = open_.labels;
    bool known = true;  // the names so far are those of the series before
    for (size_t i = 0; i < labels.size(); ++i) {
        known = known && i < last_.size() && last_[i].name == labels[i].name;
        if (!known && i != 0 &&
            symbols_.text(labels[i - 1].name) >= symbols_.text(labels[i].name)) {
            return corrupt("labels are not in the order of their names");
        }
        if (symbols_.text(labels[i].value).empty()) {
            return corrupt("a label is empty");
        }
    }
    return base::success();
}

Status SelectFrameReader::check_order() const {
    if (!sorted_ || !has_last_) {
        return base::success();
    }
    const model::SymbolList before{last_};
    const model::SymbolList now{open_.labels};
    if (!model::labels_before(before, now, *symbols_.table(), without_)) {
        return corrupt("series are not in the order of their labels");
    }
    return base::success();
}

Status SelectFrameReader::read_chunk(std::string_view message) {
    uint64_t encoding = 0;
    uint64_t min_t = 0;
    uint64_t duration = 0;
    uint64_t source = 0;
    std::string_view data;
    FieldReader field(message);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kChunkEncoding:
                encoding = field.number();
                break;
            case fields::kChunkMinTime:
                min_t = field.number();
                break;
            case fields::kChunkDuration:
                duration = field.number();
                break;
            case fields::kChunkSource:
                source = field.number();
                break;
            case fields::kChunkData:
                data = field.bytes();
                break;
            default:
                break;
        }
    }
    if (!field.ok() || source > UINT32_MAX) {
        return corrupt("a chunk is no message");
    }
    if (!lies_in_files(encoding)) {
        return corrupt("a chunk has encoding", encoding);
    }
    const bool first = open_.chunks.empty();
    model::ChunkView chunk{.encoding = static_cast<model::Encoding>(encoding),
                           .source = static_cast<uint32_t>(source),
                           .bytes = base::ByteView(data).span()};
    chunk.min_t = sum(first ? progress_.first_t : progress_.last_t,
                      static_cast<uint64_t>(base::unzigzag(min_t)));
    chunk.max_t = sum(chunk.min_t, duration);
    if (chunk.max_t < chunk.min_t || (!first && chunk.min_t < open_.chunks.back().min_t)) {
        return corrupt("the times of chunks are not in order");
    }
    if (first) {
        progress_.first_t = chunk.min_t;
    }
    progress_.last_t = chunk.max_t;
    open_.chunks.push_back(chunk);
    return base::success();
}

void SelectFrameReader::give(model::SeriesBatch& batch) {
    batch.series.push_back(
        {.id = series_++,
         .labels = batch.arena.copy(std::span<const model::LabelSymbols>(open_.labels)),
         .chunks = batch.arena.copy(std::span<const model::ChunkView>(open_.chunks))});
    std::ranges::move(open_.frames, std::back_inserter(batch.pins));
    open_.frames.clear();
}

}  // namespace storeapi
