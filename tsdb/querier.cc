#include "tsdb/querier.h"

#include <algorithm>
#include <unordered_set>

#include "tsdb/head/label_order.h"
#include "tsdb/head/series_stream.h"

namespace tsdb {
namespace {

constexpr size_t kChecksEvery = 4096;

}  // namespace

bool HeadQuerier::overlaps() const {
    return head_.min_time() <= max_t_ && head_.max_time() >= min_t_;
}

base::Result<std::unique_ptr<model::SeriesSet>> HeadQuerier::select(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    std::vector<uint32_t> slots;
    if (overlaps()) {
        TRY(const SlotSet set, head_.match(matchers, context));
        slots = set.slots();
    }
    if (hints.shard_count > 1) {
        std::erase_if(slots, [&](uint32_t slot) {
            return head_.texts_of(slot).stable_hash() % hints.shard_count != hints.shard_index;
        });
    }
    TRY(context.check());
    if (hints.sorted) {
        std::ranges::sort(slots, ByLabels(head_));
    }
    const SeriesStream::Options options{.min_t = std::max(min_t_, hints.min_t),
                                        .max_t = std::min(max_t_, hints.max_t),
                                        .from = from_,
                                        .skip_chunks = hints.skip_chunks,
                                        .limit = hints.limit,
                                        .source = kSource};
    return std::make_unique<SeriesStream>(head_, std::move(slots), options, context, pin_);
}

base::Result<std::vector<std::string>> HeadQuerier::label_names(
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    if (!overlaps()) {
        return std::vector<std::string>();
    }
    if (matchers.empty()) {
        return texts(head_.index().names(), hints);
    }
    TRY(const SlotSet set, head_.match(matchers, context));
    std::unordered_set<uint32_t> names;
    const uint32_t* last = nullptr;  // series in a row mostly share their list of names
    size_t seen = 0;
    for (const uint32_t slot : set.slots()) {
        if (seen++ % kChecksEvery == 0) {
            TRY(context.check());
        }
        const LabelSet labels = head_.labels_of(slot);
        if (labels.names.data() != last) {
            last = labels.names.data();
            names.insert(labels.names.begin(), labels.names.end());
        }
    }
    return texts({names.begin(), names.end()}, hints);
}

base::Result<std::vector<std::string>> HeadQuerier::label_values(
    std::string_view name,
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    const uint32_t symbol = head_.symbols()->find(name);
    if (!overlaps() || symbol == Symbols::kNone) {
        return std::vector<std::string>();
    }
    std::vector<uint32_t> values;
    if (matchers.empty()) {
        for (const ValueCount& value : head_.index().values(symbol)) {
            values.push_back(value.value);
        }
        return texts(std::move(values), hints);
    }
    TRY(const SlotSet set, head_.match(matchers, context));
    std::unordered_set<uint32_t> unique;
    size_t seen = 0;
    for (const uint32_t slot : set.slots()) {
        if (seen++ % kChecksEvery == 0) {
            TRY(context.check());
        }
        if (const uint32_t value = head_.labels_of(slot).value_of(symbol);
            value != Symbols::kNone) {
            unique.insert(value);
        }
    }
    return texts({unique.begin(), unique.end()}, hints);
}

std::vector<std::string> HeadQuerier::texts(std::vector<uint32_t> symbols,
                                            const model::LabelHints& hints) const {
    const Symbols& table = *head_.symbols();
    std::vector<std::string_view> sorted;
    sorted.reserve(symbols.size());
    for (const uint32_t symbol : symbols) {
        sorted.push_back(table.text(symbol));
    }
    std::ranges::sort(sorted);
    if (hints.limit != 0 && sorted.size() > hints.limit) {
        sorted.resize(hints.limit);
    }
    return {sorted.begin(), sorted.end()};
}

}  // namespace tsdb
