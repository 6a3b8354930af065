#include "tsdb/out_of_order_querier.h"

#include <algorithm>
#include <set>

#include "tsdb/head/label_order.h"
#include "tsdb/head/out_of_order_stream.h"

namespace tsdb {
namespace {

std::vector<std::string> texts(const std::set<std::string_view>& from, uint64_t limit) {
    std::vector<std::string> texts;
    for (const std::string_view text : from) {
        if (limit != 0 && texts.size() == limit) {
            break;
        }
        texts.emplace_back(text);
    }
    return texts;
}

}  // namespace

base::Result<std::vector<uint32_t>> OutOfOrderQuerier::slots_of(
    std::span<const model::Matcher> matchers, const model::QueryContext& context) const {
    std::vector<uint32_t> slots;
    if (!head_.late().overlaps(min_t_, max_t_)) {
        return slots;
    }
    slots = head_.late().slots();
    if (!matchers.empty()) {
        TRY(auto matching, head_.match(matchers, context));
        matching.intersect(slots);
        slots = matching.slots();
    }
    return slots;
}

base::Result<std::unique_ptr<model::SeriesSet>> OutOfOrderQuerier::select(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(auto slots, slots_of(matchers, context));
    if (hints.shard_count > 1) {
        std::erase_if(slots, [&](uint32_t slot) {
            return head_.texts_of(slot).stable_hash() % hints.shard_count != hints.shard_index;
        });
    }
    if (hints.sorted) {
        std::ranges::sort(slots, ByLabels(head_));
    }
    const OutOfOrderStream::Options options{.min_t = std::max(min_t_, hints.min_t),
                                            .max_t = std::min(max_t_, hints.max_t),
                                            .skip_chunks = hints.skip_chunks,
                                            .limit = hints.limit,
                                            .source = source_,
                                            .samples_per_chunk = head_.rules().samples};
    return std::make_unique<OutOfOrderStream>(head_, std::move(slots), options, context, pin_);
}

base::Result<std::vector<std::string>> OutOfOrderQuerier::label_names(
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(const auto slots, slots_of(matchers, context));
    std::set<std::string_view> names;
    for (const uint32_t slot : slots) {
        for (const uint32_t name : head_.labels_of(slot).names) {
            names.insert(head_.symbols()->text(name));
        }
    }
    return texts(names, hints.limit);
}

base::Result<std::vector<std::string>> OutOfOrderQuerier::label_values(
    std::string_view name,
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(const auto slots, slots_of(matchers, context));
    const uint32_t symbol = head_.symbols()->find(name);
    std::set<std::string_view> values;
    for (const uint32_t slot : slots) {
        if (const uint32_t value = head_.labels_of(slot).value_of(symbol);
            value != Symbols::kNone) {
            values.insert(head_.symbols()->text(value));
        }
    }
    return texts(values, hints.limit);
}

}  // namespace tsdb
