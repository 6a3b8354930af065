#include "tsdb/block/index_tables.h"

#include <algorithm>

#include "base/checksum.h"

namespace tsdb::block {
namespace {

constexpr uint64_t kEntryFields = 2;  // every entry says how many strings it has

// Reads one entry of the postings table.
bool read_entry(base::ByteReader& reader, std::string_view& name, PostingsTable::Entry& entry) {
    if (reader.uvarint() != kEntryFields) {
        reader.fail();
    }
    name = reader.str();
    entry.value = reader.str();
    entry.postings = reader.uvarint();
    return reader.ok();
}

}  // namespace

base::Result<base::ByteView> read_section(base::ByteView file,
                                          uint64_t offset,
                                          std::string_view what) {
    if (offset > file.size()) {
        return base::fail(base::Code::kCorrupt, what, "would begin behind the end, at", offset);
    }
    base::ByteReader reader(file.part(offset));
    const uint32_t length = reader.be32();
    const base::ByteView content = reader.bytes(length);
    const uint32_t sum = reader.be32();
    if (!reader.ok()) {
        return base::fail(base::Code::kCorrupt, what, "at", offset, "would end behind the end");
    }
    if (base::crc32c(content) != sum) {
        return base::fail(base::Code::kCorrupt, what, "at", offset, "fails its checksum");
    }
    return content;
}

base::Result<SymbolList> SymbolList::parse(base::ByteView section) {
    base::ByteReader reader(section);
    SymbolList list;
    list.count_ = reader.be32();
    list.strings_ = reader.rest();
    reader = base::ByteReader(list.strings_);
    std::string_view before;
    for (uint32_t i = 0; i < list.count_; ++i) {
        const auto offset = static_cast<uint32_t>(reader.position());
        const std::string_view text = reader.str();
        if (!reader.ok()) {
            break;
        }
        if (i != 0 && text <= before) {
            return base::fail(base::Code::kCorrupt, "symbol", i, "is out of order");
        }
        if (i % kStride == 0) {
            list.offsets_.push_back(offset);
        }
        before = text;
    }
    if (!reader.finished()) {
        return base::fail(base::Code::kCorrupt, "the symbol table is not", list.count_, "symbols");
    }
    return list;
}

std::string_view SymbolList::text(uint32_t symbol) const {
    if (symbol >= count_) {
        return {};
    }
    base::ByteReader reader(strings_.part(offsets_[symbol / kStride]));
    for (uint32_t i = symbol % kStride; i != 0; --i) {
        reader.skip(reader.uvarint());
    }
    return reader.str();
}

std::string_view SymbolList::stride_text(size_t stride) const {
    return base::ByteReader(strings_.part(offsets_[stride])).str();
}

std::optional<uint32_t> SymbolList::find(std::string_view text) const {
    // The last stride that does not begin behind the text.
    size_t low = 0;
    size_t high = offsets_.size();
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (stride_text(middle) <= text) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) {
        return std::nullopt;
    }
    base::ByteReader reader(strings_.part(offsets_[low - 1]));
    const auto first = static_cast<uint32_t>((low - 1) * kStride);
    for (uint32_t i = first; i < std::min(count_, first + kStride); ++i) {
        if (reader.str() == text && reader.ok()) {
            return i;
        }
    }
    return std::nullopt;
}

bool PostingsTable::Cursor::next(Entry& entry) {
    if (left_ == 0) {
        return false;
    }
    --left_;
    std::string_view name;
    return read_entry(reader_, name, entry);
}

base::Result<PostingsTable> PostingsTable::parse(base::ByteView section) {
    base::ByteReader reader(section);
    const uint32_t count = reader.be32();
    PostingsTable table;
    table.entries_ = reader.rest();
    reader = base::ByteReader(table.entries_);
    std::string_view name_before;
    std::string_view value_before;
    for (uint32_t i = 0; i < count; ++i) {
        const auto offset = static_cast<uint32_t>(reader.position());
        std::string_view name;
        Entry entry;
        if (!read_entry(reader, name, entry)) {
            break;
        }
        const bool new_name = i == 0 || name != name_before;
        if (i != 0 && (new_name ? name < name_before : entry.value <= value_before)) {
            return base::fail(
                base::Code::kCorrupt, "entry", i, "of the postings table is out of order");
        }
        name_before = name;
        value_before = entry.value;
        if (name.empty()) {
            if (entry.value.empty()) {
                table.all_ = entry.postings;
            }
            continue;
        }
        if (new_name) {
            table.names_.push_back({.text = name,
                                    .values = 0,
                                    .stride = static_cast<uint32_t>(table.offsets_.size())});
        }
        if (table.names_.back().values++ % kStride == 0) {
            table.offsets_.push_back(offset);
        }
    }
    if (!reader.finished()) {
        return base::fail(base::Code::kCorrupt, "the postings table is not", count, "entries");
    }
    return table;
}

const PostingsTable::Name* PostingsTable::find(std::string_view name) const {
    const auto at = std::ranges::lower_bound(names_, name, {}, &Name::text);
    return at != names_.end() && at->text == name ? &*at : nullptr;
}

PostingsTable::Cursor PostingsTable::from_stride(const Name& name, uint32_t stride) const {
    return {entries_.part(offsets_[name.stride + stride]), name.values - stride * kStride};
}

PostingsTable::Cursor PostingsTable::values(const Name& name) const {
    return from_stride(name, 0);
}

PostingsTable::Cursor PostingsTable::values_from(const Name& name, std::string_view from) const {
    // The last stride that does not begin behind the value.
    uint32_t low = 0;
    uint32_t high = (name.values + kStride - 1) / kStride;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        Entry entry;
        if (from_stride(name, middle).next(entry) && entry.value <= from) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return from_stride(name, low == 0 ? 0 : low - 1);
}

std::optional<uint64_t> PostingsTable::find(const Name& name, std::string_view value) const {
    Cursor cursor = values_from(name, value);
    Entry entry;
    while (cursor.next(entry) && entry.value <= value) {
        if (entry.value == value) {
            return entry.postings;
        }
    }
    return std::nullopt;
}

}  // namespace tsdb::block
