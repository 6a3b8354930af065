// Reading the head through the storage port.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// The head over [min_t, max_t]. What is appended meanwhile may or may not be seen; what a batch
// holds does not change.
//   lifetime  the head outlives it, its series sets and their batches
class HeadQuerier final : public model::Querier {
  public:
    // Number of this source in ChunkView::source.
    static constexpr uint32_t kSource = 0;

    // pin   keeps the head from giving away what it shows; may be null where nothing does
    // from  what is older is the blocks' to tell: no such sample is shown, although the head may
    //       still hold it
    HeadQuerier(const Head& head,
                std::shared_ptr<const void> pin,
                int64_t min_t,
                int64_t max_t,
                int64_t from = INT64_MIN)
        : head_(head),
          pin_(std::move(pin)),
          min_t_(std::max(min_t, from)),
          max_t_(max_t),
          from_(from) {}

    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;
    [[nodiscard]] base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;
    [[nodiscard]] base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;

  private:
    // Whether the head has samples in the querier's time range.
    [[nodiscard]] bool overlaps() const;
    // The texts of symbols, sorted, cut to the limit.
    [[nodiscard]] std::vector<std::string> texts(std::vector<uint32_t> symbols,
                                                 const model::LabelHints& hints) const;

    const Head& head_;
    const std::shared_ptr<const void> pin_;
    const int64_t min_t_;
    const int64_t max_t_;
    const int64_t from_;
};

}  // namespace tsdb
