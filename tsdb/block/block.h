// A block on disk, open for reading. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "model/storage.h"
#include "tsdb/block/chunk_reader.h"
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
    //   errors  kNotFound, kCorrupt, kUnsupported, kIo: each names the file; the block cannot be
    //           used
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
    // For errors about it.
    [[nodiscard]] base::Path index_path() const;
    [[nodiscard]] const Tombstones& tombstones() const;

    // errors  kCorrupt: the place holds no chunk, or its checksum fails; kUnsupported: a kind of
    //         chunk that is not known. The caller reports it with report_damage()
    [[nodiscard]] base::Result<ChunkBytes> chunk(ChunkRef ref) const;
    // Has the beginning of a chunk brought near that is read soon.
    void prefetch(ChunkRef ref) const;

    // Whether the block's range and the half-open range [min_t, max_t) have times in common.
    [[nodiscard]] bool overlaps(int64_t min_t, int64_t max_t) const;

    // Damage that was found while reading; kept for whoever decides about the block. Any thread.
    void report_damage(const base::Error& error) const;
    // The first one reported.
    [[nodiscard]] std::optional<std::string> damage() const;

  private:
    struct Parts;
    explicit Block(std::unique_ptr<Parts> parts);
    std::unique_ptr<Parts> parts_;
};

// The block as a source of series. Deleted stretches are cut out of the chunks they touch (which
// are coded again); the others come as they lie.
//   source  for ChunkView::source
//   ids     of series: their SeriesId
//   errors  damage fails the call with kCorrupt naming block and file, and is reported to the block
[[nodiscard]] std::unique_ptr<model::Querier> make_querier(std::shared_ptr<const Block> block,
                                                           int64_t min_t,
                                                           int64_t max_t,
                                                           uint32_t source);

}  // namespace tsdb::block
