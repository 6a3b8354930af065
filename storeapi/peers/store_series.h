// The answer to Series of a foreign endpoint as a set of series.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/error.h"
#include "base/rpc/client.h"
#include "model/storage.h"
#include "storeapi/peers/gathered_series.h"
#include "storeapi/peers/store_frames.h"

namespace storeapi {

// An error of a call to a peer, as it is to be told: the query's own end (cancelled, out of time)
// stays what it is, and anything the peer says no with is kUnavailable.
//   context  of the query; may be null
[[nodiscard]] base::Error peer_error(base::Error error, const model::QueryContext* context);

// Threads: one.
class StoreSeries final : public model::SeriesSet {
  public:
    // order_without  as in SelectHints
    // keep_partial   whether what came before an error is given before the error is
    // context        outlives this
    StoreSeries(std::unique_ptr<base::rpc::MessageReader> reader,
                FrameWish wish,
                std::span<const std::string> order_without,
                bool keep_partial,
                const model::QueryContext& context);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return frames_.warnings(); }

  private:
    [[nodiscard]] base::Status read_all();
    [[nodiscard]] base::Status account();

    std::unique_ptr<base::rpc::MessageReader> reader_;  // null: everything was read
    const bool keep_partial_;
    const model::QueryContext& context_;
    base::Reservation reservation_;
    std::shared_ptr<GatheredSeries> series_;
    StoreFrames frames_;
    std::optional<base::Error> failed_;  // given when the series are
};

}  // namespace storeapi
