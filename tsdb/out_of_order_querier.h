// Reading the head's late samples through the storage port.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/storage.h"
#include "tsdb/head/head.h"

namespace tsdb {

// The late samples over [min_t, max_t], beside those of HeadQuerier.
//   lifetime  the head outlives it, its series sets and their batches
class OutOfOrderQuerier final : public model::Querier {
  public:
    // pin     keeps the head from giving away what it shows
    // source  number for ChunkView::source
    OutOfOrderQuerier(const Head& head,
                      std::shared_ptr<const void> pin,
                      int64_t min_t,
                      int64_t max_t,
                      uint32_t source)
        : head_(head), pin_(std::move(pin)), min_t_(min_t), max_t_(max_t), source_(source) {}

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
    // Series with late samples that match.
    [[nodiscard]] base::Result<std::vector<uint32_t>> slots_of(
        std::span<const model::Matcher> matchers, const model::QueryContext& context) const;

    const Head& head_;
    const std::shared_ptr<const void> pin_;
    const int64_t min_t_;
    const int64_t max_t_;
    const uint32_t source_;
};

}  // namespace tsdb
