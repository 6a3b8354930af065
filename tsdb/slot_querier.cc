#include "tsdb/slot_querier.h"

#include <algorithm>
#include <unordered_set>

#include "tsdb/head/label_order.h"

namespace tsdb {
namespace {

constexpr size_t kChecksEvery = 4096;

}  // namespace

base::Result<std::unique_ptr<model::SeriesSet>> SlotQuerier::select(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(auto slots, slots_of(matchers, context));
    if (hints.shard_count > 1) {
        std::erase_if(slots, [&](uint32_t slot) {
            return head_.texts_of(slot).stable_hash() % hints.shard_count != hints.shard_index;
        });
    }
    TRY(context.check());
    sort_slots(slots, head_, hints);
    const Range range{.min_t = std::max(min_t_, hints.min_t),
                      .max_t = std::min(max_t_, hints.max_t)};
    return stream(std::move(slots), range, hints, context);
}

base::Result<std::vector<std::string>> SlotQuerier::label_names(
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(const auto slots, slots_of(matchers, context));
    std::unordered_set<uint32_t> names;
    const uint32_t* last = nullptr;  // series in a row mostly share their list of names
    for (size_t i = 0; i < slots.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context.check());
        }
        const LabelSet labels = head_.labels_of(slots[i]);
        if (labels.names.data() != last) {
            last = labels.names.data();
            names.insert(labels.names.begin(), labels.names.end());
        }
    }
    return texts({names.begin(), names.end()}, hints);
}

base::Result<std::vector<std::string>> SlotQuerier::label_values(
    std::string_view name,
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    const uint32_t symbol = head_.symbols()->find(name);
    if (symbol == Symbols::kNone) {
        return std::vector<std::string>();
    }
    TRY(const auto slots, slots_of(matchers, context));
    std::unordered_set<uint32_t> values;
    for (size_t i = 0; i < slots.size(); ++i) {
        if (i % kChecksEvery == 0) {
            TRY(context.check());
        }
        if (const uint32_t value = head_.labels_of(slots[i]).value_of(symbol);
            value != Symbols::kNone) {
            values.insert(value);
        }
    }
    return texts({values.begin(), values.end()}, hints);
}

std::vector<std::string> SlotQuerier::texts(std::vector<uint32_t> symbols,
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
