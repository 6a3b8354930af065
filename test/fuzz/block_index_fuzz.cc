// Any bytes as the index of a block: everything it says, every matcher, every series that may be
// named. The checksums are made to fit, so that what is behind them is reached.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/checksum.h"
#include "tsdb/block/index_reader.h"

namespace {

using model::Matcher;
using model::MatchType;
using tsdb::block::IndexReader;

constexpr size_t kContentsBytes = 6 * 8;

// Puts the right checksum behind `length` bytes at `offset`; returns whether there is room.
bool seal(std::string& file, uint64_t offset, uint64_t length) {
    if (offset > file.size() || length > file.size() - offset ||
        file.size() - offset - length < sizeof(uint32_t)) {
        return false;
    }
    auto* const at = reinterpret_cast<uint8_t*>(file.data()) + offset;
    base::store_be(at + length, base::crc32c(base::ByteView(at, length)));
    return true;
}

// The same for a section, which begins with its length. returns  its end; nothing: no room
std::optional<uint64_t> seal_section(std::string& file, uint64_t offset) {
    if (offset > file.size()) {
        return std::nullopt;
    }
    base::ByteReader reader(base::ByteView(file).part(offset));
    const uint64_t length = reader.be32();
    if (!reader.ok() || !seal(file, offset + sizeof(uint32_t), length)) {
        return std::nullopt;
    }
    return offset + length + 2 * sizeof(uint32_t);
}

// Postings lists, one after another.
void seal_lists(std::string& file, uint64_t from) {
    std::optional<uint64_t> at = from;
    while (at.has_value()) {
        at = seal_section(file, (*at + 3) / 4 * 4);
    }
}

void seal_series(std::string& file, uint64_t from) {
    for (uint64_t at = (from + 15) / 16 * 16; at < file.size();) {
        base::ByteReader reader(base::ByteView(file).part(at));
        const uint64_t length = reader.uvarint();
        const uint64_t body = at + reader.position();
        if (!reader.ok() || !seal(file, body, length)) {
            return;
        }
        at = (body + length + sizeof(uint32_t) + 15) / 16 * 16;
    }
}

void seal_all(std::string& file) {
    auto* const bytes = reinterpret_cast<uint8_t*>(file.data());
    const uint64_t contents = file.size() - kContentsBytes - sizeof(uint32_t);
    const auto offset = [&](size_t i) { return base::load_be<uint64_t>(bytes + contents + i * 8); };
    base::store_be(bytes, uint32_t{0xbaaad700});
    bytes[4] = 2;
    seal_lists(file, std::min<uint64_t>(offset(4), file.size()));
    seal_series(file, std::min<uint64_t>(offset(1), file.size()));
    (void)seal_section(file, offset(0));
    (void)seal_section(file, offset(5));
    (void)seal(file, contents, kContentsBytes);
}

void look_at_series(const IndexReader& index, size_t file_bytes) {
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (uint32_t id = 0; id <= file_bytes / 16; ++id) {
        if (index.series(id, labels, &chunks).has_value()) {
            for (const auto& label : labels) {
                (void)index.text(label.name);
                (void)index.text(label.value);
            }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const std::vector<Matcher> kMatchers = {
        Matcher::equal("job", "a"),
        Matcher::equal("job", ""),
        Matcher::create(MatchType::kRegex, "job", "a|b").value(),
        Matcher::create(MatchType::kRegex, "job", "a.*").value(),
        Matcher::create(MatchType::kNotRegex, "job", ".*a").value(),
        Matcher::create(MatchType::kNotEqual, "job", "").value()};
    std::string file(reinterpret_cast<const char*>(data), size);
    if (size >= 5 + kContentsBytes + 4) {
        seal_all(file);
    }
    const auto opened = IndexReader::open(file);
    if (!opened.has_value()) {
        return 0;
    }
    const IndexReader& index = *opened.value();
    for (const auto name : index.label_names()) {
        const auto values = index.label_values(name);
        for (size_t i = 0; values.has_value() && i < values.value().size(); ++i) {
            base::ignore(index.postings(name, values.value()[i]), "any outcome will do");
        }
    }
    for (size_t i = 0; i < kMatchers.size(); ++i) {
        for (size_t k = i; k < kMatchers.size(); ++k) {
            const std::vector<Matcher> both = {kMatchers[i], kMatchers[k]};
            if (const auto ids = index.match(both, {}); ids.has_value()) {
                base::ignore(index.label_values_of("job", ids.value(), 3, {}),
                             "any outcome will do");
            }
        }
    }
    look_at_series(index, size);
    return 0;
}
