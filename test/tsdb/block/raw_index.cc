#include "test/tsdb/block/raw_index.h"

#include <algorithm>
#include <array>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"

namespace block_test {
namespace {

constexpr size_t kTocBytes = 52;

// The content of a section: behind its length, before its checksum.
base::ByteView section(base::ByteView bytes, uint64_t at) {
    base::ByteReader reader(bytes.part(at));
    const base::ByteView content = reader.bytes(reader.be32());
    CHECK(reader.be32() == base::crc32c(content));
    REQUIRE(reader.ok());
    return content;
}

std::vector<std::string> read_symbols(base::ByteView content) {
    base::ByteReader reader(content);
    std::vector<std::string> symbols(reader.be32());
    for (std::string& symbol : symbols) {
        symbol = reader.str();
    }
    CHECK(reader.finished());
    CHECK(std::is_sorted(symbols.begin(), symbols.end()));
    return symbols;
}

RawSeries read_series(base::ByteView body, const std::vector<std::string>& symbols) {
    RawSeries series;
    base::ByteReader reader(body);
    for (uint64_t left = reader.uvarint(); left != 0; --left) {
        const std::string name = symbols.at(reader.uvarint());
        series.labels.emplace_back(name, symbols.at(reader.uvarint()));
    }
    const uint64_t chunks = reader.uvarint();
    REQUIRE(chunks > 0);
    RawChunk chunk;
    chunk.min_t = reader.varint();
    chunk.max_t = chunk.min_t + static_cast<int64_t>(reader.uvarint());
    chunk.ref = reader.uvarint();
    series.chunks.push_back(chunk);
    while (series.chunks.size() < chunks) {
        chunk.min_t = chunk.max_t + static_cast<int64_t>(reader.uvarint());
        chunk.max_t = chunk.min_t + static_cast<int64_t>(reader.uvarint());
        chunk.ref += static_cast<uint64_t>(reader.varint());
        series.chunks.push_back(chunk);
    }
    CHECK(reader.finished());
    return series;
}

std::vector<uint32_t> read_postings(base::ByteView bytes, uint64_t at) {
    CHECK(at % 4 == 0);
    base::ByteReader reader(section(bytes, at));
    std::vector<uint32_t> ids(reader.be32());
    for (uint32_t& id : ids) {
        id = reader.be32();
    }
    CHECK(reader.finished());
    CHECK(std::is_sorted(ids.begin(), ids.end()));
    return ids;
}

}  // namespace

RawIndex read_raw_index(base::ByteView bytes) {
    REQUIRE(bytes.size() > kTocBytes);
    CHECK(bytes.part(0, 5).text() == std::string_view("\xba\xaa\xd7\x00\x02", 5));
    const base::ByteView toc_bytes = bytes.part(bytes.size() - kTocBytes);
    base::ByteReader toc_reader(toc_bytes);
    std::array<uint64_t, 6> toc{};
    for (uint64_t& entry : toc) {
        entry = toc_reader.be64();
    }
    CHECK(toc_reader.be32() == base::crc32c(toc_bytes.part(0, kTocBytes - 4)));
    const auto [symbols, series, label_indices, label_table, postings, table] = toc;
    CHECK(symbols == 5);
    CHECK(label_indices == postings);
    CHECK(label_table == table);

    RawIndex index;
    index.symbols = read_symbols(section(bytes, symbols));
    for (uint64_t at = series; at < postings;) {
        at = (at + 15) / 16 * 16;
        base::ByteReader reader(bytes.part(at));
        const base::ByteView body = reader.bytes(reader.uvarint());
        CHECK(reader.be32() == base::crc32c(body));
        index.series.push_back(read_series(body, index.symbols));
        index.series.back().id = static_cast<uint32_t>(at / 16);
        at += reader.position();
    }
    base::ByteReader reader(section(bytes, table));
    uint64_t list_at = (postings + 3) / 4 * 4;
    for (uint32_t left = reader.be32(); left != 0; --left) {
        CHECK(reader.uvarint() == 2);
        const std::string name(reader.str());
        const std::string value(reader.str());
        const uint64_t at = reader.uvarint();
        CHECK(at == list_at);  // one behind the other, in the table's order
        index.postings.push_back({{name, value}, read_postings(bytes, at)});
        list_at += 12 + 4 * index.postings.back().second.size();
    }
    CHECK(reader.finished());
    CHECK(list_at == table);
    return index;
}

}  // namespace block_test
