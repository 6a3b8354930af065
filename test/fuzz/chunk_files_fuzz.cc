// Any bytes as a file of head chunks; each chunk that is found is put again and must read the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "tsdb/head/chunk_entry.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    // Most inputs would end at the header.
    const std::string file =
        tsdb::chunk_file_header() + std::string(base::ByteView(data, size).text());
    uint64_t chunks = 0;
    const auto found = [&](const tsdb::FiledChunk& chunk) {
        ++chunks;
        std::string again;
        tsdb::put_chunk_entry(again, chunk);
        SKEIN_CHECK(again.size() == tsdb::chunk_entry_bytes(chunk.bytes.size()));
        const auto entry = tsdb::parse_chunk_entry(again);
        SKEIN_CHECK(entry.has_value() && tsdb::chunk_entry_intact(again, *entry));
        SKEIN_CHECK(entry->chunk.series_ref == chunk.series_ref);
        SKEIN_CHECK(entry->chunk.min_t == chunk.min_t && entry->chunk.max_t == chunk.max_t);
        SKEIN_CHECK(entry->chunk.encoding == chunk.encoding);
        SKEIN_CHECK(entry->chunk.out_of_order == chunk.out_of_order);
        SKEIN_CHECK(std::ranges::equal(entry->chunk.bytes, chunk.bytes));
    };
    std::vector<tsdb::ChunkFileDamage> damages;
    const auto walk = tsdb::walk_chunk_file(file, {1, "000001"}, found, damages);
    SKEIN_CHECK(walk.header_good && walk.chunks == chunks && walk.end <= file.size());
    tsdb::walk_chunk_file({data, size}, {1, "000001"}, found, damages);
    return 0;
}
