// Any bytes as the index of a block: everything it says, every matcher, every series that may be
// named. The checksums are made to fit, so that what is behind them is reached.
#include <cstddef>
#include <cstdint>
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
constexpr size_t kSeriesMax = 4096;  // looked at in one input

// Puts the right checksum behind a section, when it lies within the file.
void seal(std::string& file, uint64_t offset) {
    if (offset > file.size() || file.size() - offset < 8) {
        return;
    }
    auto* const at = reinterpret_cast<uint8_t*>(file.data()) + offset;
    const uint64_t length = base::load_be<uint32_t>(at);
    if (length + 8 <= file.size() - offset) {
        base::store_be(at + 4 + length, base::crc32c(base::ByteView(at + 4, length)));
    }
}

void seal_contents(std::string& file) {
    auto* const bytes = reinterpret_cast<uint8_t*>(file.data());
    uint8_t* const contents = bytes + file.size() - kContentsBytes - 4;
    base::store_be(bytes, uint32_t{0xbaaad700});
    bytes[4] = 2;
    seal(file, base::load_be<uint64_t>(contents));          // symbols
    seal(file, base::load_be<uint64_t>(contents + 5 * 8));  // postings table
    base::store_be(contents + kContentsBytes,
                   base::crc32c(base::ByteView(contents, kContentsBytes)));
}

void look_at_series(const IndexReader& index) {
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (uint32_t id = 0; id < kSeriesMax; ++id) {
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
        seal_contents(file);
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
    look_at_series(index);
    return 0;
}
