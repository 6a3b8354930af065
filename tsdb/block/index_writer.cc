#include "tsdb/block/index_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/format.h"
#include "tsdb/block/postings_writer.h"

namespace tsdb::block {
namespace {

constexpr size_t kSectionHeaderBytes = 8;  // length, number of items: both filled in at the end
constexpr size_t kCountBytes = 4;
constexpr size_t kLengthBytes = 4;
constexpr uint64_t kIndexBytesMax = uint64_t{kSeriesAlignment} << 32;  // of the series section
constexpr size_t kLabelsPerEntry = 2;  // of the postings table: name and value

// Whether the series of `earlier` comes before that of `later`.
bool ascend(std::span<const model::LabelSymbols> earlier,
            std::span<const model::LabelSymbols> later) {
    return std::lexicographical_compare(
        earlier.begin(),
        earlier.end(),
        later.begin(),
        later.end(),
        [](const model::LabelSymbols& a, const model::LabelSymbols& b) {
            return pair_key(a.name, a.value) < pair_key(b.name, b.value);
        });
}

void encode_labels(base::ByteWriter& body, std::span<const model::LabelSymbols> labels) {
    body.uvarint(labels.size());
    for (const model::LabelSymbols& label : labels) {
        body.uvarint(label.name);
        body.uvarint(label.value);
    }
}

// Times and places as differences; in arithmetic without a sign, which cannot overflow.
void encode_chunks(base::ByteWriter& body, std::span<const ChunkMeta> chunks) {
    body.uvarint(chunks.size());
    const ChunkMeta* before = nullptr;
    for (const ChunkMeta& chunk : chunks) {
        const auto min_t = static_cast<uint64_t>(chunk.min_t);
        if (before == nullptr) {
            body.varint(chunk.min_t);
        } else {
            body.uvarint(min_t - static_cast<uint64_t>(before->max_t));
        }
        body.uvarint(static_cast<uint64_t>(chunk.max_t) - min_t);
        if (before == nullptr) {
            body.uvarint(chunk.ref);
        } else {
            body.varint(static_cast<int64_t>(chunk.ref - before->ref));
        }
        before = &chunk;
    }
}

base::Status check_chunks(std::span<const ChunkMeta> chunks, ChunkRef last_ref) {
    if (chunks.empty()) {
        return base::fail(base::Code::kInvalid, "a series without chunks");
    }
    const ChunkMeta* before = nullptr;
    for (const ChunkMeta& chunk : chunks) {
        if (chunk.min_t > chunk.max_t || (before != nullptr && chunk.min_t <= before->max_t)) {
            return base::fail(base::Code::kInvalid,
                              "chunks overlap or are out of order: one of",
                              chunk.min_t,
                              "to",
                              chunk.max_t);
        }
        if (chunk.ref <= last_ref) {
            return base::fail(base::Code::kInvalid, "chunks out of the order of their places");
        }
        last_ref = chunk.ref;
        before = &chunk;
    }
    return base::success();
}

// The length that a section's header tells: of everything behind the length but the checksum.
base::Result<uint32_t> section_length(uint64_t from, uint64_t end, std::string_view what) {
    const uint64_t length = end - from - kLengthBytes;
    if (length > UINT32_MAX) {
        return base::fail(base::Code::kLimit, "the", what, "of the index are longer than 4 GiB");
    }
    return static_cast<uint32_t>(length);
}

}  // namespace

base::Result<std::unique_ptr<IndexWriter>> IndexWriter::create(base::Files& files,
                                                               const base::Path& folder,
                                                               uint64_t postings_bytes,
                                                               base::MemoryReserve* memory) {
    TRY(auto file, BlockFile::create(files, folder, kIndexFile));
    std::unique_ptr<IndexWriter> writer(
        new IndexWriter(files, std::move(file), postings_bytes, memory));
    TRY(writer->begin());
    return writer;
}

IndexWriter::IndexWriter(base::Files& files,
                         BlockFile file,
                         uint64_t postings_bytes,
                         base::MemoryReserve* memory)
    : files_(files),
      file_(std::move(file)),
      postings_bytes_(postings_bytes),
      memory_(memory),
      taken_(memory) {}

uint64_t IndexWriter::memory_max(uint64_t symbols,
                                 uint64_t pairs,
                                 uint64_t labels,
                                 uint64_t postings_bytes) {
    // The offsets grow by doubling, and then the old ones are there as well.
    const uint64_t offsets = symbols * 3 * sizeof(uint32_t);
    const uint64_t keys = pairs * sizeof(PairKey);
    return offsets + PairCounts::bytes_max(pairs) + keys +
           std::min(postings_bytes, labels * sizeof(SeriesId));
}

base::Status IndexWriter::begin() {
    std::array<uint8_t, kIndexHeaderBytes> header;
    base::store_be(header.data(), kIndexMagic);
    header[sizeof kIndexMagic] = kIndexVersion;
    TRY(file_.append({header.data(), header.size()}));
    toc_.symbols = file_.position();
    TRY(file_.zeros(kSectionHeaderBytes));
    symbols_crc_ = base::crc32c(BigEndian32(0));  // of the number of symbols, filled in later
    return append_symbol("");
}

base::Status IndexWriter::add_symbol(std::string_view symbol) {
    if (symbol.empty() && symbol_offsets_.size() == 1) {
        return base::success();
    }
    if (toc_.series != 0 || symbol <= last_symbol_) {
        return base::fail(base::Code::kInvalid, "symbol out of order:", symbol);
    }
    return append_symbol(symbol);
}

base::Status IndexWriter::append_symbol(std::string_view symbol) {
    const uint64_t offset = file_.position() - toc_.symbols;
    if (offset > UINT32_MAX) {
        return base::fail(base::Code::kLimit, "the symbols of the index are longer than 4 GiB");
    }
    entry_.clear();
    base::ByteWriter writer(entry_);
    writer.str(symbol);
    symbols_crc_ = base::crc32c(writer.written(), symbols_crc_);
    TRY(file_.append(writer.written()));
    symbol_offsets_.push_back(static_cast<uint32_t>(offset));
    account();
    last_symbol_ = symbol;
    return base::success();
}

base::Status IndexWriter::end_symbols() {
    const uint64_t end = file_.position();
    TRY(const uint32_t length, section_length(toc_.symbols, end, "symbols"));
    const BigEndian32 count(static_cast<uint32_t>(symbol_offsets_.size()));
    TRY(file_.patch(toc_.symbols, BigEndian32(length)));
    TRY(file_.patch(toc_.symbols + kLengthBytes, count));
    TRY(file_.append(BigEndian32(crc32c_patched(symbols_crc_, count, length - kCountBytes))));
    toc_.series = file_.position();
    return base::success();
}

base::Status IndexWriter::check_labels(std::span<const model::LabelSymbols> labels) const {
    uint32_t name_before = 0;
    for (const model::LabelSymbols& label : labels) {
        if (label.name <= name_before || label.name >= symbol_offsets_.size() || label.value == 0 ||
            label.value >= symbol_offsets_.size()) {
            return base::fail(base::Code::kInvalid,
                              "labels out of order, empty, or of no symbol: number",
                              label.name,
                              "=",
                              label.value);
        }
        name_before = label.name;
    }
    if (!ascend(last_labels_, labels)) {
        return base::fail(base::Code::kInvalid, "series out of order behind", series_, "others");
    }
    return base::success();
}

base::Status IndexWriter::add_series(std::span<const model::LabelSymbols> labels,
                                     std::span<const ChunkMeta> chunks) {
    if (toc_.series == 0) {
        TRY(end_symbols());
    }
    TRY(check_labels(labels));
    TRY(check_chunks(chunks, last_ref_));
    for (size_t position = 0; position < labels.size(); ++position) {
        pairs_.add(pair_key(labels[position].name, labels[position].value), position);
    }
    account();
    entry_.clear();
    base::ByteWriter body(entry_);
    encode_labels(body, labels);
    encode_chunks(body, chunks);
    body.finish();
    TRY(append_entry());
    ++series_;
    last_labels_.assign(labels.begin(), labels.end());
    last_ref_ = chunks.back().ref;
    return base::success();
}

base::Status IndexWriter::append_entry() {
    TRY(file_.align(kSeriesAlignment));
    if (file_.position() >= kIndexBytesMax) {
        return base::fail(base::Code::kLimit, "the series of the index are longer than 64 GiB");
    }
    std::string length;
    base::ByteWriter(length).uvarint(entry_.size());
    TRY(file_.append(length));
    TRY(file_.append(entry_));
    return file_.append(BigEndian32(base::crc32c(entry_)));
}

base::Result<FileChecksums> IndexWriter::finish() {
    if (toc_.series == 0) {
        TRY(end_symbols());
    }
    const uint64_t series_end = file_.position();
    TRY(file_.flush());
    TRY(const auto mapped, files_.map(file_.path()));
    mapped->advise(base::MappedFile::Advice::kSequential);
    const std::vector<PairKey> keys = pairs_.sorted_keys();
    account(keys.capacity() * sizeof(PairKey));
    const SeriesSection section{mapped->bytes(), toc_.series, series_end, series_};
    toc_.postings = series_end;
    TRY(file_.align(kPostingsAlignment));
    TRY(write_postings(section, pairs_, keys, {postings_bytes_, memory_}, file_));
    TRY(write_postings_table(mapped->bytes(), keys));
    TRY(write_table_of_contents());
    return file_.finish();
}

base::Status IndexWriter::write_postings_table(base::ByteView index,
                                               const std::vector<PairKey>& keys) {
    toc_.postings_table = file_.position();
    TRY(file_.zeros(kLengthBytes));
    const BigEndian32 count(static_cast<uint32_t>(keys.size() + 1));
    uint32_t crc = base::crc32c(count);
    TRY(file_.append(count));
    const auto text = [&](uint64_t symbol) {
        const uint64_t at = toc_.symbols + symbol_offsets_[static_cast<size_t>(symbol)];
        return base::ByteReader(index.part(static_cast<size_t>(at))).str();
    };
    uint64_t list =
        (toc_.postings + kPostingsAlignment - 1) / kPostingsAlignment * kPostingsAlignment;
    const auto add = [&](PairKey key, uint64_t series) {
        entry_.clear();
        base::ByteWriter entry(entry_);
        entry.uvarint(kLabelsPerEntry);
        entry.str(text(key >> 32));
        entry.str(text(key & UINT32_MAX));
        entry.uvarint(list);
        list += posting_list_bytes(series);
        crc = base::crc32c(entry.written(), crc);
        return file_.append(entry.written());
    };
    TRY(add(0, series_));  // "", "": all series
    for (const PairKey key : keys) {
        TRY(add(key, pairs_.at(key).count));
    }
    TRY(const uint32_t length,
        section_length(toc_.postings_table, file_.position(), "label values"));
    TRY(file_.patch(toc_.postings_table, BigEndian32(length)));
    return file_.append(BigEndian32(crc));
}

base::Status IndexWriter::write_table_of_contents() {
    entry_.clear();
    base::ByteWriter writer(entry_);
    writer.be64(toc_.symbols);
    writer.be64(toc_.series);
    writer.be64(toc_.postings);        // label indices, which nobody reads: an empty section
    writer.be64(toc_.postings_table);  // and their table: empty too
    writer.be64(toc_.postings);
    writer.be64(toc_.postings_table);
    writer.be32(base::crc32c(writer.written()));
    return file_.append(writer.written());
}

}  // namespace tsdb::block
