// A block on disk, open for reading. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/chunk.h"
#include "model/storage.h"
#include "tsdb/block/index_reader.h"
#include "tsdb/block/meta.h"
#include "tsdb/block/tombstones.h"

namespace tsdb::block {

// Immutable but for its tombstones, which are replaced as a whole. Held as shared_ptr<const Block>
// by everything that reads it; the files are unmapped when the last holder goes.
//   threads  any
class Block {
  public:
    // Maps and checks meta.json, index, chunk files and tombstones; a missing tombstones file is an
    // empty one.
    //   errors  kNotFound, kCorrupt, kUnsupported, kIo: each names the file; the block is not
    //   usable
    [[nodiscard]] static base::Result<std::shared_ptr<const Block>> open(base::Files& files,
                                                                         const base::Path& folder);
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    [[nodiscard]] const BlockMeta& meta() const;
    [[nodiscard]] const base::Path& folder() const;
    // Bytes of all its files.
    [[nodiscard]] uint64_t bytes() const;
    [[nodiscard]] const IndexReader& index() const;
    [[nodiscard]] const Tombstones& tombstones() const;

    struct Chunk {
        model::Encoding encoding = model::Encoding::kNone;
        std::span<const uint8_t> bytes;  // as long as the block lives
    };

    // errors  kCorrupt: the place holds no chunk, or its checksum fails: the caller reports it with
    //         report_damage()
    [[nodiscard]] base::Result<Chunk> chunk(ChunkRef ref) const;

    // Whether samples of the half-open range lie in the block's range.
    [[nodiscard]] bool overlaps(int64_t min_t, int64_t max_t) const;

    // Damage that was found while reading; kept for whoever decides about the block. Any thread.
    void report_damage(const base::Error& error) const;
    // The first one reported.
    [[nodiscard]] std::optional<std::string> damage() const;

  private:
    struct Files;
    explicit Block(std::unique_ptr<Files> files);
    std::unique_ptr<Files> files_;
};

// The block as a source of series. Deleted stretches are cut out of the chunks they touch (which
// are coded again); the others come as they lie.
//   source  for ChunkView::source
//   errors  damage fails the call with kCorrupt naming block and file, and is reported to the block
[[nodiscard]] std::unique_ptr<model::Querier> make_querier(std::shared_ptr<const Block> block,
                                                           int64_t min_t,
                                                           int64_t max_t,
                                                           uint32_t source);

}  // namespace tsdb::block
