#include "tsdb/out_of_order_querier.h"

#include "tsdb/head/out_of_order_stream.h"

namespace tsdb {

base::Result<std::vector<uint32_t>> OutOfOrderQuerier::slots_of(
    std::span<const model::Matcher> matchers, const model::QueryContext& context) const {
    if (!head_.late().overlaps(min_t_, max_t_)) {
        return std::vector<uint32_t>();
    }
    std::vector<uint32_t> slots = head_.late().slots();
    if (!matchers.empty()) {
        TRY(auto matching, head_.match(matchers, context));
        matching.intersect(slots);
        slots = matching.slots();
    }
    return slots;
}

std::unique_ptr<model::SeriesSet> OutOfOrderQuerier::stream(
    std::vector<uint32_t> slots,
    Range range,
    const model::SelectHints& hints,
    const model::QueryContext& context) const {
    const OutOfOrderStream::Options options{.min_t = range.min_t,
                                            .max_t = range.max_t,
                                            .skip_chunks = hints.skip_chunks,
                                            .limit = hints.limit,
                                            .source = source_,
                                            .samples_per_chunk = head_.rules().samples};
    return std::make_unique<OutOfOrderStream>(head_, std::move(slots), options, context, pin_);
}

}  // namespace tsdb
