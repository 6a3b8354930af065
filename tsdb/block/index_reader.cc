#include "tsdb/block/index_reader.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/format.h"
#include "tsdb/block/index_matching.h"
#include "tsdb/block/index_tables.h"

namespace tsdb::block {
namespace {

constexpr uint8_t kVersion3 = 3;                                     // the layout of 2
constexpr size_t kContentsBytes = 6 * sizeof(uint64_t) + kCrcBytes;  // six offsets

// Offsets of the parts in the file; 0 for a part that is absent.
struct Contents {
    uint64_t symbols = 0;
    uint64_t series = 0;
    uint64_t postings = 0;
    uint64_t postings_table = 0;
};

base::Status check_header(base::ByteView file) {
    base::ByteReader reader(file);
    const uint32_t magic = reader.be32();
    const uint8_t version = reader.u8();
    if (!reader.ok() || magic != kIndexMagic) {
        return base::fail(base::Code::kCorrupt, "the file does not begin as an index does");
    }
    if (version != kIndexVersion && version != kVersion3) {
        return base::fail(
            base::Code::kUnsupported, "index version", int{version}, "; 2 and 3 can be read");
    }
    return base::success();
}

base::Result<Contents> read_contents(base::ByteView file) {
    if (file.size() < kIndexHeaderBytes + kContentsBytes) {
        return base::fail(base::Code::kCorrupt, "an index of", file.size(), "bytes is cut off");
    }
    const base::ByteView bytes = file.part(file.size() - kContentsBytes);
    base::ByteReader reader(bytes);
    Contents contents;
    contents.symbols = reader.be64();
    contents.series = reader.be64();
    reader.be64();  // label indices: written by old servers, never needed
    reader.be64();  // and their table
    contents.postings = reader.be64();
    contents.postings_table = reader.be64();
    if (base::crc32c(bytes.part(0, reader.position())) != reader.be32()) {
        return base::fail(base::Code::kCorrupt,
                          "the table of contents fails its checksum, or the file is cut off");
    }
    return contents;
}

bool read_labels(base::ByteReader& body,
                 uint32_t symbols,
                 std::vector<model::LabelSymbols>& labels) {
    const uint64_t count = body.uvarint();
    for (uint64_t i = 0; i < count && body.ok(); ++i) {
        const model::LabelSymbols label{.name = body.uvarint32(), .value = body.uvarint32()};
        const bool ascends = labels.empty() || labels.back().name < label.name;
        if (label.name >= symbols || label.value >= symbols || !ascends) {
            body.fail();
            break;
        }
        labels.push_back(label);
    }
    return body.ok();
}

bool read_chunks(base::ByteReader& body, std::vector<ChunkMeta>& chunks) {
    const uint64_t count = body.uvarint();
    // Unsigned, because differences of damaged or overlapping chunks wrap around.
    uint64_t time = 0;
    uint64_t ref = 0;
    for (uint64_t i = 0; i < count && body.ok(); ++i) {
        ChunkMeta chunk;
        time += i == 0 ? static_cast<uint64_t>(body.varint()) : body.uvarint();
        chunk.min_t = static_cast<int64_t>(time);
        time += body.uvarint();
        chunk.max_t = static_cast<int64_t>(time);
        ref += i == 0 ? body.uvarint() : static_cast<uint64_t>(body.varint());
        chunk.ref = ref;
        if (!body.ok() || chunk.max_t < chunk.min_t) {
            body.fail();
            break;
        }
        chunks.push_back(chunk);
    }
    return body.finished();
}

}  // namespace

struct IndexReader::Tables {
    base::ByteView file;
    Contents contents;
    SymbolList symbols;
    PostingsTable postings;

    // The list at a place that the postings table gave.
    [[nodiscard]] base::Result<PostingsView> list_at(uint64_t offset) const {
        TRY(const auto content, read_section(file, offset, "the postings list"));
        base::ByteReader reader(content);
        const uint32_t count = reader.be32();
        if (!reader.ok() || reader.remaining() != count * uint64_t{sizeof(SeriesId)}) {
            return base::fail(
                base::Code::kCorrupt, "the postings list at", offset, "is not", count, "series");
        }
        return PostingsView(reader.rest());
    }
};

IndexReader::IndexReader(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}

IndexReader::~IndexReader() = default;

base::Result<std::unique_ptr<IndexReader>> IndexReader::open(base::ByteView bytes) {
    TRY(check_header(bytes));
    auto tables = std::make_unique<Tables>();
    tables->file = bytes;
    TRY(tables->contents, read_contents(bytes));
    if (const uint64_t offset = tables->contents.symbols; offset != 0) {
        TRY(const auto section, read_section(bytes, offset, "the symbol table"));
        TRY(tables->symbols, SymbolList::parse(section));
    }
    if (const uint64_t offset = tables->contents.postings_table; offset != 0) {
        TRY(const auto section, read_section(bytes, offset, "the postings table"));
        TRY(tables->postings, PostingsTable::parse(section));
    }
    return std::unique_ptr<IndexReader>(new IndexReader(std::move(tables)));
}

std::string_view IndexReader::text(uint32_t symbol) const {
    return tables_->symbols.text(symbol);
}

uint32_t IndexReader::symbols() const {
    return tables_->symbols.size();
}

std::optional<uint32_t> IndexReader::find(std::string_view text) const {
    return tables_->symbols.find(text);
}

std::vector<std::string_view> IndexReader::label_names() const {
    std::vector<std::string_view> names;
    names.reserve(tables_->postings.names().size());
    for (const PostingsTable::Name& name : tables_->postings.names()) {
        names.push_back(name.text);
    }
    return names;
}

base::Result<std::vector<std::string_view>> IndexReader::label_values(std::string_view name) const {
    std::vector<std::string_view> values;
    const PostingsTable::Name* const found = tables_->postings.find(name);
    if (found == nullptr) {
        return values;
    }
    values.reserve(found->values);
    PostingsTable::Cursor cursor = tables_->postings.values(*found);
    PostingsTable::Entry entry;
    while (cursor.next(entry)) {
        values.push_back(entry.value);
    }
    if (values.size() != found->values) {
        return base::fail(base::Code::kCorrupt, "the postings table changed since it was opened");
    }
    return values;
}

base::Result<PostingsView> IndexReader::postings(std::string_view name,
                                                 std::string_view value) const {
    if (const PostingsTable::Name* const found = tables_->postings.find(name); found != nullptr) {
        if (const auto offset = tables_->postings.find(*found, value); offset.has_value()) {
            return tables_->list_at(*offset);
        }
    }
    return PostingsView();
}

base::Result<PostingsView> IndexReader::all_postings() const {
    const auto offset = tables_->postings.all_postings();
    return offset.has_value() ? tables_->list_at(*offset) : PostingsView();
}

base::Status IndexReader::series(SeriesId id,
                                 std::vector<model::LabelSymbols>& labels,
                                 std::vector<ChunkMeta>* chunks) const {
    labels.clear();
    if (chunks != nullptr) {
        chunks->clear();
    }
    const uint64_t offset = uint64_t{id} * kSeriesAlignment;
    const base::ByteView file = tables_->file;
    if (offset < tables_->contents.series || offset >= file.size()) {
        return base::fail(base::Code::kCorrupt, "no series lies at", offset);
    }
    base::ByteReader reader(file.part(offset));
    const uint64_t length = reader.uvarint();
    const base::ByteView bytes = reader.bytes(std::min<uint64_t>(length, SIZE_MAX));
    const uint32_t sum = reader.be32();
    if (!reader.ok() || base::crc32c(bytes) != sum) {
        return base::fail(base::Code::kCorrupt, "the series at", offset, "fails its checksum");
    }
    base::ByteReader body(bytes);
    if (!read_labels(body, symbols(), labels) ||
        (chunks != nullptr && !read_chunks(body, *chunks))) {
        return base::fail(base::Code::kCorrupt, "the series at", offset, "makes no sense");
    }
    return base::success();
}

base::Result<SeriesIds> IndexReader::match(std::span<const model::Matcher> matchers,
                                           const model::QueryContext& context) const {
    const auto list_at = [this](uint64_t offset) { return tables_->list_at(offset); };
    return IndexMatching(*this, tables_->postings, list_at, context).run(matchers);
}

base::Result<std::vector<std::string_view>> IndexReader::label_values_of(
    std::string_view name,
    std::span<const SeriesId> ids,
    uint64_t limit,
    const model::QueryContext& context) const {
    const auto list_at = [this](uint64_t offset) { return tables_->list_at(offset); };
    return IndexMatching(*this, tables_->postings, list_at, context).values_of(name, ids, limit);
}

}  // namespace tsdb::block
