// Reading the head's samples in order through the storage port.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tsdb/slot_querier.h"

namespace tsdb {

// The head over [min_t, max_t]. What is appended meanwhile may or may not be seen; what a batch
// holds does not change.
class HeadQuerier final : public SlotQuerier {
  public:
    // Number of this source in ChunkView::source.
    static constexpr uint32_t kSource = 0;

    // from  what is older is the blocks' to tell: no such sample is shown, although the head may
    //       still hold it
    HeadQuerier(const Head& head,
                std::shared_ptr<const void> pin,
                int64_t min_t,
                int64_t max_t,
                int64_t from = INT64_MIN)
        : SlotQuerier(head, std::move(pin), std::max(min_t, from), max_t, kSource), from_(from) {}

    // Those of all series without a look at each.
    [[nodiscard]] base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) final;
    [[nodiscard]] base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) final;

  private:
    [[nodiscard]] base::Result<std::vector<uint32_t>> slots_of(
        std::span<const model::Matcher> matchers, const model::QueryContext& context) const final;
    [[nodiscard]] std::unique_ptr<model::SeriesSet> stream(
        std::vector<uint32_t> slots,
        Range range,
        const model::SelectHints& hints,
        const model::QueryContext& context) const final;
    // Whether the head has samples in the querier's time range.
    [[nodiscard]] bool overlaps() const;

    const int64_t from_;
};

}  // namespace tsdb
