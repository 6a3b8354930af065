// Series in the order of their final labels.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/storage.h"
#include "storeapi/final_labels.h"

namespace storeapi {

// A series as stored, and the batch that keeps it.
struct StoredSeries {
    std::shared_ptr<model::SeriesBatch> batch;
    const model::SeriesView* view = nullptr;
};

// Stored series whose final labels are equal: one series to those outside.
using SeriesGroup = std::vector<StoredSeries>;

// Puts the series of a set, which stand in their order without the labels that are hidden, in the
// order of their final labels. A label added to all of them changes the order only between a
// series and others that have all of its labels and more: {a} goes before {a, b}, but {a, x} after
// {a, b, x}. So a series waits until the first one that does not extend it.
//   memory   the batches of the series that wait: each of them extends the one before, so there
//            are at most as many as a series has labels
//   threads  one
class OrderedSeries {
  public:
    // set     sorted, with SelectHints::order_without = labels.hidden()
    // labels  borrowed
    OrderedSeries(std::unique_ptr<model::SeriesSet> set, const FinalLabels& labels);

    // Puts the next group into `group`; false when there are none left.
    [[nodiscard]] base::Result<bool> next(SeriesGroup& group);

    [[nodiscard]] std::vector<std::string> warnings() const { return set_->warnings(); }

  private:
    static constexpr uint32_t kNoSymbol = UINT32_MAX;

    enum class Relation : uint8_t { kSame, kExtendsBefore, kOther };

    // Gives the next series without a look at those that wait, if it can be seen at once that there
    // are none and that the one after it, in the same batch, is another series and no extension.
    [[nodiscard]] bool give_alone(SeriesGroup& group);
    // Whether the two differ first in the value of a label that is shown.
    [[nodiscard]] bool differ_in_value(const model::SeriesView& earlier,
                                       const model::SeriesView& later);
    [[nodiscard]] base::Result<bool> read(StoredSeries& series);
    [[nodiscard]] base::Status refill();
    // What `later`, which was read after `earlier`, is to it: the same but for hidden labels; an
    // extension whose final labels come first; or anything else.
    [[nodiscard]] Relation relation(const StoredSeries& earlier, const StoredSeries& later) const;
    [[nodiscard]] size_t skip_hidden(const StoredSeries& series, size_t i) const;

    const std::unique_ptr<model::SeriesSet> set_;
    const FinalLabels& labels_;
    std::shared_ptr<model::SeriesBatch> batch_;  // being read
    size_t at_ = 0;                              // the next series of it
    bool ended_ = false;
    std::vector<std::shared_ptr<model::SeriesBatch>> spare_;
    StoredSeries ahead_;                // the last one read of batch_, not yet in waiting_
    uint32_t shown_name_ = kNoSymbol;   // of batch_: the last name that was found not to be hidden
    std::vector<SeriesGroup> waiting_;  // each extends the one before and goes before it
};

}  // namespace storeapi
