// Rebuilding the out-of-order store from its log and its chunk files.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "tsdb/head/head.h"
#include "tsdb/head/ref_table.h"
#include "tsdb/head/replay.h"
#include "tsdb/wal/reader.h"

namespace tsdb {

// Out-of-order chunks found in chunks_head, by series ref, until the logs tell what they are.
class FoundLateChunks {
  public:
    void add(const FiledChunk& chunk) {
        chunks_[chunk.series_ref].push_back({.min_t = chunk.min_t,
                                             .max_t = chunk.max_t,
                                             .ref = chunk.series_ref,
                                             .place = chunk.place});
    }

    [[nodiscard]] bool empty() const { return chunks_.empty(); }

    // Takes the chunk away. returns  false: there is none
    [[nodiscard]] bool take(uint64_t ref, ChunkPlace place, LateChunk& out);

    template <class Visit>
    void each(const Visit& visit) const {
        for (const auto& [ref, chunks] : chunks_) {
            for (const LateChunk& chunk : chunks) {
                visit(chunk);
            }
        }
    }

  private:
    std::unordered_map<uint64_t, std::vector<LateChunk>> chunks_;
};

struct LateReplayReport {
    uint64_t segments = 0;
    uint64_t bytes = 0;
    uint64_t samples = 0;       // stored
    uint64_t repeated = 0;      // samples that were there
    uint64_t chunks = 0;        // taken over from their files
    uint64_t chunks_left = 0;   // no longer wanted: they are in blocks, or their samples in the log
    uint64_t unknown_refs = 0;  // samples and chunks whose series is not in the head: lost
    uint64_t malformed = 0;     // records that were whole but make no sense: lost
    std::vector<wal::Damage> damages;
};

// Reads the log of `folder` into head.late(), after the write-ahead log has been replayed.
//   found   chunks in files: those that the log has a marker of are taken over. Of the others the
//           log still has the samples, or they are in blocks; where the log is damaged they are
//           taken over all the same
//   series  as the write-ahead log has them, by ref
//   errors  kIo and others when the folder cannot be read at all
[[nodiscard]] base::Result<LateReplayReport> replay_out_of_order(
    base::Files& files,
    const base::Path& folder,
    Head& head,
    FoundLateChunks& found,
    const RefTable<ReplayedSeries>& series);

}  // namespace tsdb
