// Series of a holder with labels put on and taken off, in the order of the labels that come out.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/budget.h"
#include "model/merge_symbols.h"
#include "model/storage.h"
#include "storeapi/final_labels.h"
#include "storeapi/ordered_series.h"
#include "storeapi/peers/gathered_series.h"

namespace storeapi {

// Series that become equal are joined: the chunks of each are an account of its own, unless they
// follow one another in time. Threads: one.
class RewrittenSeries final : public model::SeriesSet {
  public:
    static constexpr size_t kBatchSeries = 256;

    // The hints to select the series with that are handed to the constructor.
    [[nodiscard]] static model::SelectHints hints_for(const model::SelectHints& hints,
                                                      const FinalLabels& labels);

    // set      selected with hints_for()
    // hints    as they came: whose order_without the result is sorted by
    // context  outlives this
    RewrittenSeries(std::unique_ptr<model::SeriesSet> set,
                    std::unique_ptr<FinalLabels> labels,
                    const model::SelectHints& hints,
                    const model::QueryContext& context);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return ordered_.warnings(); }

  private:
    [[nodiscard]] base::Result<bool> next_streamed(model::SeriesBatch& batch);
    // All of them: in an order that passes over labels they do not come by themselves.
    [[nodiscard]] base::Status gather();
    // The chunks of group_, with numbers of accounts.
    [[nodiscard]] std::span<const model::ChunkView> join(base::Arena& arena);
    [[nodiscard]] base::Status account(size_t held);

    const std::unique_ptr<FinalLabels> labels_;
    OrderedSeries ordered_;
    const std::vector<std::string> order_without_;
    base::Reservation reservation_;
    bool accounted_;
    std::shared_ptr<model::MergedSymbols> symbols_;
    std::shared_ptr<GatheredSeries> gathered_;  // null: not needed, or not yet
    SeriesGroup group_;
    std::vector<model::LabelSymbols> label_symbols_;
    std::vector<model::ChunkView> chunks_;
    std::vector<int64_t> account_ends_;
};

}  // namespace storeapi
