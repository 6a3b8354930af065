#include "test/tsdb/compact/test_blocks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>
#include <sstream>

#include "base/check.h"
#include "model/merge.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "tsdb/block/writer.h"

namespace test_support {
namespace {

using model::FloatHistogram;
using model::Histogram;
using model::Span;
using model::TypedSample;
using tsdb::block::Block;
using tsdb::block::BlockWriter;
using tsdb::block::ChunkInput;

// The value of a result that a test cannot do without.
template <class T>
T must(base::Result<T>&& result) {
    SKEIN_CHECK(result.has_value(), result.error().message());
    return std::move(result).value();
}

void must(base::Status&& status) {
    SKEIN_CHECK(status.has_value(), status.error().message());
}

std::map<std::string, uint32_t> add_symbols(BlockWriter& writer, const TestBlock& block) {
    std::set<std::string> texts;
    for (const auto& [labels, chunks] : block.series) {
        for (const auto& [name, value] : labels) {
            texts.insert(name);
            texts.insert(value);
        }
    }
    std::map<std::string, uint32_t> numbers;
    for (const std::string& text : texts) {
        must(writer.add_symbol(text));
        numbers[text] = static_cast<uint32_t>(numbers.size() + 1);
    }
    return numbers;
}

void add_series(BlockWriter& writer,
                const std::map<std::string, uint32_t>& numbers,
                const LabelMap& labels,
                const std::vector<Samples>& chunks) {
    std::vector<model::LabelSymbols> symbols;
    for (const auto& [name, value] : labels) {
        symbols.push_back({numbers.at(name), numbers.at(value)});
    }
    std::vector<model::EncodedChunk> encoded;
    for (const Samples& samples : chunks) {
        model::encode_samples(samples, model::kEncodedSamplesMax, encoded);
    }
    std::vector<ChunkInput> inputs;
    for (const model::EncodedChunk& chunk : encoded) {
        inputs.push_back(
            {chunk.encoding,
             {reinterpret_cast<const uint8_t*>(chunk.bytes.data()), chunk.bytes.size()},
             chunk.min_t,
             chunk.max_t});
    }
    must(writer.add_series(symbols, inputs));
}

LabelMap labels_of(const Block& block, std::span<const model::LabelSymbols> symbols) {
    LabelMap labels;
    for (const model::LabelSymbols& label : symbols) {
        labels[std::string(block.index().text(label.name))] = block.index().text(label.value);
    }
    return labels;
}

// Calls each(id, labels, chunks) for every series.
template <class Each>
void for_each_series(const Block& block, Each&& each) {
    const auto postings = must(block.index().all_postings());
    std::vector<model::LabelSymbols> symbols;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (size_t i = 0; i < postings.size(); ++i) {
        must(block.index().series(postings[i], symbols, &chunks));
        each(postings[i], labels_of(block, symbols), chunks);
    }
}

void write_deleted(base::Files& files, const Block& block, const TestBlock& wanted) {
    tsdb::block::Tombstones tombstones;
    for_each_series(block, [&](uint64_t id, const LabelMap& labels, const auto&) {
        if (const auto found = wanted.deleted.find(labels); found != wanted.deleted.end()) {
            tombstones[id] = found->second;
        }
    });
    must(tsdb::block::write_tombstones(files, block.folder(), tombstones));
    tsdb::block::BlockMeta meta = block.meta();
    meta.stats.tombstones = tombstones.size();
    must(tsdb::block::write_meta(files, block.folder(), meta));
}

void print_bits(std::ostream& out, double value) {
    out << std::hex << std::bit_cast<uint64_t>(value) << std::dec << ' ';
}

// Buckets by index, without empty ones: how they are laid out is not content.
template <class Count>
void print_buckets(std::ostream& out,
                   const std::vector<Span>& spans,
                   const std::vector<Count>& counts) {
    int64_t index = 0;
    size_t i = 0;
    for (const Span& span : spans) {
        index += span.offset;
        for (uint32_t k = 0; k < span.length; ++k, ++index) {
            if (const Count count = counts[i++]; count != 0) {
                out << index << ':' << count << ' ';
            }
        }
    }
    out << "| ";
}

std::vector<int64_t> absolute(const std::vector<int64_t>& deltas) {
    std::vector<int64_t> counts(deltas.size());
    std::partial_sum(deltas.begin(), deltas.end(), counts.begin());
    return counts;
}

template <class Any>
void print_head(std::ostream& out, const Any& histogram) {
    out << histogram.schema << ' ' << histogram.zero_threshold << ' ' << histogram.zero_count << ' '
        << histogram.count << ' ' << (histogram.hint == model::CounterResetHint::kGauge) << ' ';
    print_bits(out, histogram.sum);
}

std::string text_of(const TypedSample& sample) {
    std::ostringstream out;
    if (sample.is_float()) {
        print_bits(out, sample.v);
    } else if (sample.integer != nullptr) {
        const Histogram& histogram = *sample.integer;
        out << "integer ";
        print_head(out, histogram);
        print_buckets(out, histogram.positive_spans, absolute(histogram.positive_deltas));
        print_buckets(out, histogram.negative_spans, absolute(histogram.negative_deltas));
    } else {
        const FloatHistogram& histogram = *sample.floating;
        out << "float ";
        print_head(out, histogram);
        print_buckets(out, histogram.positive_spans, histogram.positive_buckets);
        print_buckets(out, histogram.negative_spans, histogram.negative_buckets);
    }
    return out.str();
}

std::string text_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::string text;
    for (const model::LabelSymbols& label : series.labels) {
        text += std::string(batch.text(label.name)) + "=" + std::string(batch.text(label.value));
        text += ",";
    }
    return text;
}

// Of several samples at one time that of the chunk that begins first.
std::map<int64_t, std::string> samples_of(std::span<const model::ChunkView> chunks) {
    std::map<int64_t, std::string> samples;
    for (const model::ChunkView& chunk : chunks) {
        Samples decoded;
        must(model::decode_samples(chunk, decoded));
        for (const TypedSample& sample : decoded) {
            samples.try_emplace(sample.t, text_of(sample));
        }
    }
    return samples;
}

// Two spans, of which the layout says where they lie and how long they are.
std::vector<Span> spans_of(uint64_t layout) {
    return {{static_cast<int32_t>(layout % 5) - 2, static_cast<uint32_t>(1 + layout % 3)},
            {static_cast<int32_t>(1 + layout % 2), 2}};
}

// `count` in even parts over so many buckets; the first takes the rest.
std::vector<uint64_t> spread(uint64_t count, size_t buckets) {
    std::vector<uint64_t> counts(buckets, count / buckets);
    counts[0] += count % buckets;
    return counts;
}

size_t buckets_in(const std::vector<Span>& spans) {
    size_t sum = 0;
    for (const Span& span : spans) {
        sum += span.length;
    }
    return sum;
}

}  // namespace

TypedSample float_sample(int64_t t, double v) {
    TypedSample sample;
    sample.t = t;
    sample.v = v;
    return sample;
}

TypedSample histogram_sample(int64_t t, uint64_t count, uint64_t layout, bool gauge) {
    auto histogram = std::make_shared<Histogram>();
    histogram->hint = gauge ? model::CounterResetHint::kGauge : model::CounterResetHint::kUnknown;
    histogram->schema = static_cast<int32_t>(layout % 4);
    histogram->zero_threshold = 0.001;
    histogram->zero_count = count;
    histogram->positive_spans = spans_of(layout);
    int64_t before = 0;
    for (const uint64_t part : spread(count, buckets_in(histogram->positive_spans))) {
        histogram->positive_deltas.push_back(static_cast<int64_t>(part) - before);
        before = static_cast<int64_t>(part);
    }
    histogram->count = 2 * count;
    histogram->sum = static_cast<double>(count) * 1.5;
    TypedSample sample;
    sample.t = t;
    sample.integer = std::move(histogram);
    return sample;
}

TypedSample float_histogram_sample(int64_t t, double count, uint64_t layout, bool gauge) {
    auto histogram = std::make_shared<FloatHistogram>();
    histogram->hint = gauge ? model::CounterResetHint::kGauge : model::CounterResetHint::kUnknown;
    histogram->schema = static_cast<int32_t>(layout % 4);
    histogram->zero_threshold = 0.001;
    histogram->negative_spans = spans_of(layout);
    histogram->negative_buckets.assign(buckets_in(histogram->negative_spans), count);
    histogram->count = count * static_cast<double>(histogram->negative_buckets.size());
    histogram->sum = -count;
    TypedSample sample;
    sample.t = t;
    sample.floating = std::move(histogram);
    return sample;
}

Samples floats(int64_t begin, size_t count, int64_t step, double first) {
    Samples samples;
    for (size_t i = 0; i < count; ++i) {
        samples.push_back(
            float_sample(begin + static_cast<int64_t>(i) * step, first + static_cast<double>(i)));
    }
    return samples;
}

BlockPointer write_block(base::Files& files,
                         const base::Path& data_folder,
                         const TestBlock& block) {
    must(files.make_folders(data_folder));
    must(files.sync_folder(base::parent_path(data_folder)));
    const tsdb::block::Ulid name = ulid(block.name);
    auto writer = must(BlockWriter::create(files, data_folder, name, {}));
    const auto numbers = add_symbols(*writer, block);
    for (const auto& [labels, chunks] : block.series) {
        add_series(*writer, numbers, labels, chunks);
    }
    tsdb::block::BlockMeta meta;
    meta.min_t = block.min_t;
    meta.max_t = block.max_t;
    meta.level = block.level;
    meta.hints = block.hints;
    SKEIN_CHECK(must(writer->publish(meta)).has_value(), "an empty block");
    const base::Path folder = base::join_path(data_folder, name.text());
    BlockPointer opened = must(Block::open(files, folder));
    if (block.deleted.empty()) {
        return opened;
    }
    write_deleted(files, *opened, block);
    return must(Block::open(files, folder));
}

Content content_of(std::span<const BlockPointer> blocks) {
    std::vector<std::unique_ptr<model::Querier>> queriers;
    for (const BlockPointer& block : blocks) {
        queriers.push_back(tsdb::block::make_querier(
            block, model::kMinTime, model::kMaxTime, static_cast<uint32_t>(queriers.size())));
    }
    const auto querier = model::merge_queriers(std::move(queriers));
    const std::vector matchers{
        must(model::Matcher::create(model::MatchType::kRegex, "__name__", ".*"))};
    auto set = must(querier->select({.sorted = true}, matchers, {}));
    Content content;
    model::SeriesBatch batch;
    while (must(set->next(batch))) {
        for (const model::SeriesView& series : batch.series) {
            auto samples = samples_of(series.chunks);
            if (!samples.empty()) {
                content[text_of(batch, series)].merge(samples);
            }
        }
    }
    return content;
}

std::vector<RawChunk> chunks_of(const Block& block, const LabelMap& labels) {
    std::vector<RawChunk> out;
    for_each_series(block, [&](uint64_t, const LabelMap& found, const auto& chunks) {
        for (const tsdb::block::ChunkMeta& meta : chunks) {
            if (found == labels) {
                const auto chunk = must(block.chunk(meta.ref));
                out.push_back(
                    {chunk.encoding,
                     meta.min_t,
                     meta.max_t,
                     {reinterpret_cast<const char*>(chunk.bytes.data()), chunk.bytes.size()}});
            }
        }
    });
    return out;
}

std::vector<LabelMap> series_of(const Block& block) {
    std::vector<LabelMap> out;
    for_each_series(block,
                    [&](uint64_t, const LabelMap& labels, const auto&) { out.push_back(labels); });
    return out;
}

}  // namespace test_support
