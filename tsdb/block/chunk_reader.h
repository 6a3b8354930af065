// The chunk files of a block, mapped. source: docs/formats/block.md, after Prometheus 3.14
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/chunk.h"
#include "tsdb/block/index_reader.h"

namespace tsdb::block {

// A chunk as it lies in a block.
struct ChunkBytes {
    model::Encoding encoding = model::Encoding::kNone;
    std::span<const uint8_t> bytes;  // as long as the block lives
};

// Checks the files' names and headers when opened, and every chunk when it is read. Threads: any.
class ChunkReader {
  public:
    // folder  the block's
    // errors  kCorrupt: no chunk file, or the file says it is none, or one is missing in the row;
    //         kUnsupported: a version other than 1; kNotFound, kIo; each names the file
    [[nodiscard]] static base::Result<ChunkReader> open(base::Files& files,
                                                        const base::Path& folder);

    // errors  kCorrupt: the place holds no chunk, or its checksum fails; kUnsupported: a kind of
    //         chunk that is not known; each names the file
    [[nodiscard]] base::Result<ChunkBytes> chunk(ChunkRef ref) const;

    // Has the beginning of a chunk brought near that is read soon.
    void prefetch(ChunkRef ref) const;

  private:
    std::vector<std::unique_ptr<base::MappedFile>> segments_;
};

}  // namespace tsdb::block
