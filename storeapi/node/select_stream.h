// The answer to Select, one message at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/rpc/server.h"
#include "model/chunk_codec.h"
#include "model/storage.h"
#include "storeapi/node/node_call.h"
#include "storeapi/node/protocol.h"
#include "storeapi/node/select_frames.h"
#include "storeapi/node/symbol_numbers.h"

namespace storeapi {

// What a Select asks for beside its matchers and hints.
struct NodeWish {
    bool only = false;             // series with one of the hashes
    std::vector<uint64_t> hashes;  // ascending
    uint64_t limit = 0;            // series; 0: none
};

// Pulls the storage as messages are asked for: between two of them it holds one batch of the
// storage, and no lock. Series go out as the storage gives them.
class SelectStream final : public base::rpc::MessageStream {
  public:
    // set  of the call's querier
    SelectStream(NodeCall call,
                 std::unique_ptr<model::SeriesSet> set,
                 NodeWish wish,
                 const FrameSizes& sizes);

    // errors  kLimit: the call's budget; those of the storage
    [[nodiscard]] base::Result<bool> next(std::string& message) override;

  private:
    // Goes on to the next series that is wanted; false: there are none.
    [[nodiscard]] base::Result<bool> advance();
    [[nodiscard]] bool is_wanted(const model::SeriesView& series);
    [[nodiscard]] base::Status take(const model::SeriesView& series);
    // Chunks that lie in no file in the form of those that do.
    [[nodiscard]] base::Status encode(std::span<const model::ChunkView> chunks);
    // Writes as much of the current series as fits; whether that was all.
    [[nodiscard]] bool write(SelectFrameWriter& frame);
    void add_warnings(SelectFrameWriter& frame) const;
    [[nodiscard]] base::Status account();

    const NodeCall call_;
    const NodeWish wish_;
    const FrameSizes sizes_;
    base::Reservation reservation_;
    SymbolNumbers symbols_;
    SelectProgress progress_;
    std::unique_ptr<model::SeriesSet> set_;
    model::SeriesBatch batch_;
    size_t at_ = 0;                                // the next series of the batch
    std::span<const model::LabelSymbols> labels_;  // of the current series
    std::span<const model::ChunkView> chunks_;     // not yet written
    bool has_current_ = false;
    bool begun_ = false;  // its labels are written
    bool first_ = true;   // none of its chunks is
    bool ended_ = false;
    uint64_t given_ = 0;
    size_t frame_bytes_ = 0;  // of the frame before
    std::string scratch_;
    std::vector<model::TypedSample> samples_;
    std::vector<model::EncodedChunk> encoded_;
    std::vector<model::ChunkView> views_;  // of encoded_
};

}  // namespace storeapi
