// Reading the head's late samples through the storage port.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "tsdb/slot_querier.h"

namespace tsdb {

// The late samples over [min_t, max_t], beside those of HeadQuerier.
class OutOfOrderQuerier final : public SlotQuerier {
  public:
    using SlotQuerier::SlotQuerier;

  private:
    [[nodiscard]] base::Result<std::vector<uint32_t>> slots_of(
        std::span<const model::Matcher> matchers, const model::QueryContext& context) const final;
    [[nodiscard]] std::unique_ptr<model::SeriesSet> stream(
        std::vector<uint32_t> slots,
        Range range,
        const model::SelectHints& hints,
        const model::QueryContext& context) const final;
};

}  // namespace tsdb
