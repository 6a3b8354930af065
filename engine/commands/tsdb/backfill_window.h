// The samples of one block to be, gathered in any order and held compressed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "model/chunk_codec.h"
#include "model/labels.h"
#include "tsdb/block/ulid.h"

namespace engine {

// What did not go into a block as it stood.
struct BackfillLosses {
    uint64_t conflicts = 0;  // samples with the time of another one of their series, other value
};

//   threads  one
class BackfillWindow {
  public:
    static constexpr size_t kChunkSamples = 120;

    // series  the caller's number of it. Of two samples at one time the first one stays.
    void add(uint32_t series, int64_t t, double value);

    // Bytes held, nearly.
    [[nodiscard]] size_t memory() const { return memory_; }

    // Writes the block and empties the window.
    //   labels   of series, by number
    //   returns  the block's folder; nothing when the window is empty
    [[nodiscard]] base::Result<std::optional<base::Path>> write(
        base::Files& files,
        const base::Path& data_folder,
        const tsdb::block::Ulid& ulid,
        std::span<const model::Labels> labels,
        BackfillLosses& losses);

  private:
    struct Point {
        int64_t t = 0;
        double value = 0;
    };

    struct Column {
        std::vector<model::EncodedChunk> chunks;
        std::vector<Point> open;  // behind the chunks, ascending
        std::vector<Point> late;  // not behind what came before
        int64_t last_t = INT64_MIN;
    };

    void close_chunk(Column& column);
    static void sort_in(Column& column, BackfillLosses& losses);

    std::unordered_map<uint32_t, Column> columns_;
    size_t memory_ = 0;
};

}  // namespace engine
