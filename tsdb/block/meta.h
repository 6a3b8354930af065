// meta.json: what a block says of itself. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/block/ulid.h"

namespace tsdb::block {

inline constexpr std::string_view kMetaFile = "meta.json";
inline constexpr std::string_view kHintOutOfOrder = "from-out-of-order";
inline constexpr std::string_view kHintStaleSeries = "from-stale-series";
inline constexpr std::string_view kHintSelectedSeries = "from-selected-series";

struct BlockStats {
    uint64_t samples = 0;
    uint64_t float_samples = 0;
    uint64_t histogram_samples = 0;
    uint64_t series = 0;
    uint64_t chunks = 0;
    uint64_t tombstones = 0;

    bool operator==(const BlockStats&) const = default;
};

struct BlockParent {
    Ulid ulid;
    int64_t min_t = 0;
    int64_t max_t = 0;

    bool operator==(const BlockParent&) const = default;
};

struct BlockMeta {
    Ulid ulid;
    int64_t min_t = 0;  // ms
    int64_t max_t = 0;  // ms, exclusive
    BlockStats stats;
    int level = 1;
    std::vector<Ulid> sources;
    std::vector<BlockParent> parents;
    bool deletable = false;
    bool failed = false;  // a compaction of it failed
    std::vector<std::string> hints;
    // Members of the document that are not ours (Thanos adds one), with their JSON as it stands in
    // the file: written again as it was.
    std::vector<std::pair<std::string, std::string>> others;

    [[nodiscard]] bool has_hint(std::string_view hint) const;
    // Made from the head's samples as they came, and of all its series: none of the hints above.
    // Only such a block says up to what time the head's samples are in blocks.
    [[nodiscard]] bool in_order() const;

    bool operator==(const BlockMeta&) const = default;
};

// Absent members (other than ulid, minTime, maxTime and version) are zero.
//   errors  kCorrupt: no such document; kUnsupported: a version other than 1
[[nodiscard]] base::Result<BlockMeta> parse_meta(std::string_view json);
// Tab-indented, without a line feed at the end, as Prometheus writes it.
[[nodiscard]] std::string to_json(const BlockMeta& meta);

inline constexpr size_t kMetaBytesMax = size_t{16} << 20;

// Reads `folder`/meta.json. errors  kNotFound, and those of parse_meta(), with the path
[[nodiscard]] base::Result<BlockMeta> read_meta(base::Files& files, const base::Path& folder);
// Replaces it, and its sums when the block has any (checksums.h).
[[nodiscard]] base::Status write_meta(base::Files& files,
                                      const base::Path& folder,
                                      const BlockMeta& meta);

}  // namespace tsdb::block
