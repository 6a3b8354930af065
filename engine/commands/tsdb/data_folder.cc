#include "engine/commands/tsdb/data_folder.h"

#include <algorithm>
#include <array>

#include "base/byte_size.h"
#include "base/duration.h"
#include "base/time_format.h"
#include "tsdb/block/tombstones.h"

namespace engine {
namespace {

constexpr size_t kColumns = 8;
constexpr size_t kColumnWidthMin = 13;
constexpr size_t kColumnGap = 2;

using Row = std::array<std::string, kColumns>;

std::string time_text(int64_t t, bool human_readable) {
    if (!human_readable) {
        return std::to_string(t);
    }
    std::string text = base::format_rfc3339_ms(t / 1000 * 1000);
    std::replace(text.begin(), text.end(), 'T', ' ');
    text.pop_back();  // the Z
    return text + " +0000 UTC";
}

Row row_of(const StoredBlock& block, bool human_readable) {
    const auto& meta = block.meta;
    const auto span = static_cast<uint64_t>(meta.max_t) - static_cast<uint64_t>(meta.min_t);
    return {meta.ulid.text(),
            time_text(meta.min_t, human_readable),
            time_text(meta.max_t, human_readable),
            base::format_go_duration_ns(static_cast<int64_t>(span * 1'000'000)),
            std::to_string(meta.stats.samples),
            std::to_string(meta.stats.chunks),
            std::to_string(meta.stats.series),
            human_readable ? base::format_byte_size(static_cast<int64_t>(block.bytes))
                           : std::to_string(block.bytes)};
}

uint64_t file_bytes(base::Files& files, const base::Path& path) {
    const auto info = files.stat(path);
    return info && !info.value().is_directory ? info.value().size : 0;
}

}  // namespace

base::Result<StoredBlock> stored_block(base::Files& files, const base::Path& folder) {
    StoredBlock block{.folder = folder, .meta = {}, .bytes = 0};
    TRY(block.meta, tsdb::block::read_meta(files, folder));
    for (const std::string_view name :
         {std::string_view("index"), tsdb::block::kMetaFile, tsdb::block::kTombstonesFile}) {
        block.bytes += file_bytes(files, base::join_path(folder, name));
    }
    const base::Path chunks = base::join_path(folder, "chunks");
    TRY(const auto segments, files.list(chunks));
    for (const auto& segment : segments) {
        block.bytes += file_bytes(files, base::join_path(chunks, segment.name));
    }
    return block;
}

base::Result<BlockListing> list_blocks(base::Files& files, const base::Path& folder) {
    TRY(const auto entries, base::context(files.list(folder), "open the data folder"));
    BlockListing listing;
    for (const auto& entry : entries) {
        if (!entry.is_directory || !tsdb::block::Ulid::parse(entry.name)) {
            continue;
        }
        auto block = stored_block(files, base::join_path(folder, entry.name));
        if (block) {
            listing.blocks.push_back(std::move(block).value());
        } else {
            listing.broken.push_back("block " + entry.name + ": " + block.error().message());
        }
    }
    std::stable_sort(listing.blocks.begin(),
                     listing.blocks.end(),
                     [](const StoredBlock& left, const StoredBlock& right) {
                         return left.meta.min_t < right.meta.min_t;
                     });
    return listing;
}

std::string block_table(std::span<const StoredBlock> blocks, bool header, bool human_readable) {
    std::vector<Row> rows;
    if (header) {
        rows.push_back({"BLOCK ULID",
                        "MIN TIME",
                        "MAX TIME",
                        "DURATION",
                        "NUM SAMPLES",
                        "NUM CHUNKS",
                        "NUM SERIES",
                        "SIZE"});
    }
    for (const StoredBlock& block : blocks) {
        rows.push_back(row_of(block, human_readable));
    }
    std::array<size_t, kColumns> widths;
    widths.fill(kColumnWidthMin);
    for (const Row& row : rows) {
        for (size_t i = 0; i < kColumns; ++i) {
            widths[i] = std::max(widths[i], row[i].size() + kColumnGap);
        }
    }
    std::string out;
    for (const Row& row : rows) {
        for (size_t i = 0; i + 1 < kColumns; ++i) {
            out.append(row[i]).append(widths[i] - row[i].size(), ' ');
        }
        out.append(row.back()).append("\n");
    }
    return out;
}

}  // namespace engine
