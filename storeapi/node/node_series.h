// Series that another node sends, read as they are asked for.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/rpc/client.h"
#include "model/storage.h"
#include "storeapi/node/select_frames.h"

namespace storeapi {

// An error that the node or the connection ended a call with, as the query is told: its own end
// comes first, and kLimit is its own budget's alone.
[[nodiscard]] base::Error told_by_node(base::Error error, const model::QueryContext& context);

// A batch holds the series that one frame completes, and points into it; frames are accounted for
// as long as a batch, or a copy of its pins, is there.
class NodeSeries final : public model::SeriesSet {
  public:
    // messages  of a Select that was begun
    // context   copied; what it points to outlives the set and its batches
    NodeSeries(std::unique_ptr<base::rpc::MessageReader> messages,
               SelectFrameReader frames,
               const model::QueryContext& context);

    // errors  kCorrupt: the node sends nonsense; kLimit: the query's budget; what the node and the
    //         connection say, as told_by_node() has it
    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return frames_.warnings(); }

  private:
    [[nodiscard]] base::Result<bool> read(model::SeriesBatch& batch);
    [[nodiscard]] base::Status account(const model::SeriesBatch& batch);

    const model::QueryContext context_;
    std::unique_ptr<base::rpc::MessageReader> messages_;  // null: nothing more comes
    SelectFrameReader frames_;
    base::Reservation reservation_;  // of the reader's tables and of the batch handed out last
};

}  // namespace storeapi
