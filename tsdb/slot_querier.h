// Reading one of the head's two sources, samples in order and late ones, through the storage port:
// what both do alike.
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

// The source over [min_t, max_t], both inclusive.
//   lifetime  the head outlives it, its series sets and their batches
class SlotQuerier : public model::Querier {
  public:
    // pin     keeps the head from giving away what it shows; may be null where nothing does
    // source  number for ChunkView::source
    SlotQuerier(const Head& head,
                std::shared_ptr<const void> pin,
                int64_t min_t,
                int64_t max_t,
                uint32_t source)
        : head_(head), pin_(std::move(pin)), min_t_(min_t), max_t_(max_t), source_(source) {}

    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) final;
    [[nodiscard]] base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;
    [[nodiscard]] base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override;

  protected:
    // Of a series set: both inclusive, ms.
    struct Range {
        int64_t min_t = 0;
        int64_t max_t = 0;
    };

    // Series that match and have samples in the source; none when it has none in the querier's
    // range.
    [[nodiscard]] virtual base::Result<std::vector<uint32_t>> slots_of(
        std::span<const model::Matcher> matchers, const model::QueryContext& context) const = 0;
    [[nodiscard]] virtual std::unique_ptr<model::SeriesSet> stream(
        std::vector<uint32_t> slots,
        Range range,
        const model::SelectHints& hints,
        const model::QueryContext& context) const = 0;

    // The texts of symbols, sorted, cut to the limit.
    [[nodiscard]] std::vector<std::string> texts(std::vector<uint32_t> symbols,
                                                 const model::LabelHints& hints) const;

    const Head& head_;
    const std::shared_ptr<const void> pin_;
    const int64_t min_t_;
    const int64_t max_t_;
    const uint32_t source_;
};

}  // namespace tsdb
