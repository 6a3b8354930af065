#include "test/tsdb/block/block_builder.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "model/xor_chunk.h"

namespace block_test {
namespace {

constexpr size_t kChunkBytesMax = 8192;

void append_section(base::ByteWriter& out, const std::string& content) {
    out.be32(static_cast<uint32_t>(content.size()));
    out.bytes(content);
    out.be32(base::crc32c(content));
}

struct ChunkPlace {
    int64_t min_t;
    int64_t max_t;
    uint64_t ref;
};

// Writes chunk files and remembers where each chunk lies.
class Segments {
  public:
    explicit Segments(size_t chunks_per_file) : chunks_per_file_(chunks_per_file) {}

    ChunkPlace add(const Samples& samples) {
        if (files_.empty() || in_file_ == chunks_per_file_) {
            files_.emplace_back("\x85\xbd\x40\xdd\x01\x00\x00\x00", 8);
            in_file_ = 0;
        }
        ++in_file_;
        std::string& file = files_.back();
        const uint64_t ref = uint64_t{files_.size() - 1} << 32 | file.size();
        const std::string payload = encode(samples);
        base::ByteWriter out(file);
        out.uvarint(payload.size());
        const size_t body = out.position();
        out.u8(1);
        out.bytes(payload);
        out.be32(base::crc32c(out.written(body)));
        return {samples.front().first, samples.back().first, ref};
    }

    std::vector<std::string> take() { return std::move(files_); }

  private:
    const size_t chunks_per_file_;
    size_t in_file_ = 0;
    std::vector<std::string> files_;
};

using Symbols = std::map<std::string, uint32_t, std::less<>>;

Symbols number_symbols(const std::vector<SeriesOfBlock>& series) {
    Symbols symbols = {{"", 0}};
    for (const auto& entry : series) {
        for (const auto label : entry.labels) {
            symbols.emplace(label.name, 0);
            symbols.emplace(label.value, 0);
        }
    }
    uint32_t next = 0;
    for (auto& [text, number] : symbols) {
        number = next++;
    }
    return symbols;
}

std::string series_entry(const SeriesOfBlock& series, const Symbols& symbols, Segments& segments) {
    std::string entry;
    base::ByteWriter out(entry);
    out.uvarint(series.labels.size());
    for (const auto label : series.labels) {
        out.uvarint(symbols.find(label.name)->second);
        out.uvarint(symbols.find(label.value)->second);
    }
    out.uvarint(series.chunks.size());
    ChunkPlace before{};
    for (size_t i = 0; i < series.chunks.size(); ++i) {
        const ChunkPlace chunk = segments.add(series.chunks[i]);
        if (i == 0) {
            out.varint(chunk.min_t);
        } else {
            out.uvarint(static_cast<uint64_t>(chunk.min_t - before.max_t));
        }
        out.uvarint(static_cast<uint64_t>(chunk.max_t - chunk.min_t));
        if (i == 0) {
            out.uvarint(chunk.ref);
        } else {
            out.varint(static_cast<int64_t>(chunk.ref - before.ref));
        }
        before = chunk;
    }
    out.finish();
    return entry;
}

}  // namespace

Samples SeriesOfBlock::samples() const {
    Samples all;
    for (const Samples& chunk : chunks) {
        all.insert(all.end(), chunk.begin(), chunk.end());
    }
    return all;
}

std::string encode(const Samples& samples) {
    std::string bytes(kChunkBytesMax, '\0');
    auto* const at = reinterpret_cast<uint8_t*>(bytes.data());
    model::XorState state;
    for (const auto& [t, v] : samples) {
        SKEIN_CHECK(model::xor_append(state, at, 0, kChunkBytesMax, t, std::bit_cast<uint64_t>(v)));
    }
    model::xor_finish(at, state.count);
    bytes.resize(state.bytes());
    return bytes;
}

Samples decode(std::span<const uint8_t> payload) {
    const size_t count = model::xor_count(payload);
    std::vector<int64_t> t(count);
    std::vector<double> v(count);
    SKEIN_CHECK(model::xor_decode(payload, t.data(), v.data()).has_value());
    Samples samples;
    for (size_t i = 0; i < count; ++i) {
        samples.emplace_back(t[i], v[i]);
    }
    return samples;
}

BlockFiles build(std::vector<SeriesOfBlock> series, size_t chunks_per_file, uint8_t index_version) {
    std::ranges::sort(series, {}, &SeriesOfBlock::labels);
    const Symbols symbols = number_symbols(series);
    Segments segments(chunks_per_file);
    BlockFiles files;
    base::ByteWriter out(files.index);
    out.be32(0xbaaad700);
    out.u8(index_version);

    const uint64_t symbols_at = out.position();
    std::string content;
    {
        base::ByteWriter table(content);
        table.be32(static_cast<uint32_t>(symbols.size()));
        for (const auto& [text, number] : symbols) {
            table.str(text);
        }
    }
    append_section(out, content);

    const uint64_t series_at = out.position();
    std::map<std::pair<std::string, std::string>, std::vector<uint32_t>> postings;
    for (const auto& entry : series) {
        out.zeros((16 - out.position() % 16) % 16);
        const auto id = static_cast<uint32_t>(out.position() / 16);
        const std::string body = series_entry(entry, symbols, segments);
        out.uvarint(body.size());
        out.bytes(body);
        out.be32(base::crc32c(body));
        postings[{"", ""}].push_back(id);
        for (const auto label : entry.labels) {
            postings[{std::string(label.name), std::string(label.value)}].push_back(id);
        }
    }

    const uint64_t postings_at = out.position();
    std::string table;
    {
        base::ByteWriter rows(table);
        rows.be32(static_cast<uint32_t>(postings.size()));
        for (const auto& [label, ids] : postings) {
            out.zeros((4 - out.position() % 4) % 4);
            rows.uvarint(2);
            rows.str(label.first);
            rows.str(label.second);
            rows.uvarint(out.position());
            std::string list;
            {
                base::ByteWriter numbers(list);
                numbers.be32(static_cast<uint32_t>(ids.size()));
                for (const uint32_t id : ids) {
                    numbers.be32(id);
                }
            }
            append_section(out, list);
        }
    }
    const uint64_t table_at = out.position();
    append_section(out, table);

    const size_t contents = out.position();
    for (const uint64_t at :
         {symbols_at, series_at, postings_at, table_at, postings_at, table_at}) {
        out.be64(at);
    }
    out.be32(base::crc32c(out.written(contents)));
    out.finish();
    files.segments = segments.take();
    return files;
}

void put(test_support::MemoryFiles& files,
         const std::string& folder,
         const BlockFiles& block,
         int64_t min_t,
         int64_t max_t) {
    files.put(folder + "/index", block.index);
    for (size_t i = 0; i < block.segments.size(); ++i) {
        const std::string number = std::to_string(i + 1);
        files.put(folder + "/chunks/" + std::string(6 - number.size(), '0') + number,
                  block.segments[i]);
    }
    files.put(folder + "/meta.json",
              "{\"ulid\":\"01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"minTime\":" + std::to_string(min_t) +
                  ",\"maxTime\":" + std::to_string(max_t) +
                  ",\"stats\":{},\"compaction\":{\"level\":1,"
                  "\"sources\":[\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"]},\"version\":1}");
}

}  // namespace block_test
