#include "tsdb/querier.h"

#include "tsdb/head/series_stream.h"

namespace tsdb {

bool HeadQuerier::overlaps() const {
    return head_.min_time() <= max_t_ && head_.max_time() >= min_t_;
}

base::Result<std::vector<uint32_t>> HeadQuerier::slots_of(
    std::span<const model::Matcher> matchers, const model::QueryContext& context) const {
    if (!overlaps()) {
        return std::vector<uint32_t>();
    }
    TRY(const SlotSet set, head_.match(matchers, context));
    return set.slots();
}

std::unique_ptr<model::SeriesSet> HeadQuerier::stream(std::vector<uint32_t> slots,
                                                      Range range,
                                                      const model::SelectHints& hints,
                                                      const model::QueryContext& context) const {
    const SeriesStream::Options options{.min_t = range.min_t,
                                        .max_t = range.max_t,
                                        .from = from_,
                                        .skip_chunks = hints.skip_chunks,
                                        .limit = hints.limit,
                                        .source = source_};
    return std::make_unique<SeriesStream>(head_, std::move(slots), options, context, pin_);
}

base::Result<std::vector<std::string>> HeadQuerier::label_names(
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    if (matchers.empty() && overlaps()) {
        return texts(head_.index().names(), hints);
    }
    return SlotQuerier::label_names(hints, matchers, context);
}

base::Result<std::vector<std::string>> HeadQuerier::label_values(
    std::string_view name,
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    const uint32_t symbol = head_.symbols()->find(name);
    if (!matchers.empty() || !overlaps() || symbol == Symbols::kNone) {
        return SlotQuerier::label_values(name, hints, matchers, context);
    }
    std::vector<uint32_t> values;
    for (const ValueCount& value : head_.index().values(symbol)) {
        values.push_back(value.value);
    }
    return texts(std::move(values), hints);
}

}  // namespace tsdb
