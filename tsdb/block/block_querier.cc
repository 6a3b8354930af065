// A block through the query port.
#include <algorithm>
#include <unordered_set>
#include <utility>

#include "model/label_order.h"
#include "tsdb/block/block.h"
#include "tsdb/block/block_series.h"

namespace tsdb::block {
namespace {

constexpr size_t kChecksEvery = 4096;

std::vector<std::string> texts(std::vector<std::string_view> sorted,
                               const model::LabelHints& hints) {
    if (hints.limit != 0 && sorted.size() > hints.limit) {
        sorted.resize(hints.limit);
    }
    return {sorted.begin(), sorted.end()};
}

class BlockQuerier final : public model::Querier {
  public:
    BlockQuerier(std::shared_ptr<const Block> block, int64_t min_t, int64_t max_t, uint32_t source)
        : block_(std::move(block)), min_t_(min_t), max_t_(max_t), source_(source) {}

    base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override {
        std::vector<SeriesId> ids;
        const BlockSeries::Options options{.min_t = std::max(min_t_, hints.min_t),
                                           .max_t = std::min(max_t_, hints.max_t),
                                           .skip_chunks = hints.skip_chunks,
                                           .limit = hints.limit,
                                           .source = source_,
                                           .shard_index = hints.shard_index,
                                           .shard_count = hints.shard_count};
        if (overlaps(options.min_t, options.max_t)) {
            TRY(ids, reported(block_->index().match(matchers, context)));
            if (hints.sorted && !hints.order_without.empty()) {
                TRY(ids, reported(order_without(ids, hints.order_without, context)));
            }
        }
        return std::make_unique<BlockSeries>(block_, std::move(ids), options, context);
    }

    base::Result<std::vector<std::string>> label_names(
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override {
        if (!overlaps(min_t_, max_t_)) {
            return std::vector<std::string>();
        }
        if (matchers.empty()) {
            return texts(block_->index().label_names(), hints);
        }
        TRY(const auto ids, reported(block_->index().match(matchers, context)));
        TRY(auto names, reported(names_of(ids, context)));
        return texts(std::move(names), hints);
    }

    base::Result<std::vector<std::string>> label_values(
        std::string_view name,
        const model::LabelHints& hints,
        std::span<const model::Matcher> matchers,
        const model::QueryContext& context) override {
        if (!overlaps(min_t_, max_t_)) {
            return std::vector<std::string>();
        }
        const IndexReader& index = block_->index();
        if (matchers.empty()) {
            TRY(auto values, reported(index.label_values(name)));
            return texts(std::move(values), hints);
        }
        TRY(const auto ids, reported(index.match(matchers, context)));
        TRY(auto values, reported(index.label_values_of(name, ids, hints.limit, context)));
        return texts(std::move(values), hints);
    }

  private:
    // The series, which stand in the order of their labels, in their order without some names.
    [[nodiscard]] base::Result<std::vector<SeriesId>> order_without(
        std::span<const SeriesId> ids,
        std::span<const std::string> names,
        const model::QueryContext& context) const {
        const IndexReader& index = block_->index();
        std::vector<uint32_t> without;
        for (const std::string& name : names) {
            if (const auto symbol = index.find(name)) {
                without.push_back(*symbol);
            }
        }
        if (without.empty()) {
            return std::vector<SeriesId>(ids.begin(), ids.end());
        }
        return sort_without(ids, without, context);
    }

    // Holds the labels of all of them while it sorts.
    [[nodiscard]] base::Result<std::vector<SeriesId>> sort_without(
        std::span<const SeriesId> ids,
        std::span<const uint32_t> without,
        const model::QueryContext& context) const {
        const IndexReader& index = block_->index();
        base::Arena arena;
        base::Reservation held;
        if (context.budget != nullptr) {
            held = base::Reservation(*context.budget);
        }
        std::vector<std::pair<model::SymbolList, SeriesId>> series;
        std::vector<model::LabelSymbols> labels;
        series.reserve(ids.size());
        for (const SeriesId id : ids) {
            if (series.size() % kChecksEvery == 0) {
                TRY(context.check());
                if (context.budget != nullptr) {
                    TRY(held.grow(static_cast<int64_t>(arena.capacity_bytes()) - held.bytes()));
                }
            }
            TRY(index.series(id, labels, nullptr));
            series.push_back({{arena.copy(std::span<const model::LabelSymbols>(labels))}, id});
        }
        std::sort(series.begin(), series.end(), [&](const auto& a, const auto& b) {
            return model::labels_before(a.first, b.first, index, without);
        });
        std::vector<SeriesId> sorted;
        sorted.reserve(series.size());
        for (const auto& [list, id] : series) {
            sorted.push_back(id);
        }
        return sorted;
    }

    // Whether the block has times of the range, both ends inclusive.
    [[nodiscard]] bool overlaps(int64_t min_t, int64_t max_t) const {
        return min_t <= max_t && block_->meta().min_t <= max_t && min_t < block_->meta().max_t;
    }

    // The names of the labels that the series have, sorted.
    [[nodiscard]] base::Result<std::vector<std::string_view>> names_of(
        std::span<const SeriesId> ids, const model::QueryContext& context) const {
        const IndexReader& index = block_->index();
        const size_t all = index.label_names().size();
        std::unordered_set<uint32_t> symbols;
        std::vector<model::LabelSymbols> labels;
        for (size_t i = 0; i < ids.size() && symbols.size() < all; ++i) {
            if (i % kChecksEvery == 0) {
                TRY(context.check());
            }
            TRY(index.series(ids[i], labels, nullptr));
            for (const model::LabelSymbols& label : labels) {
                symbols.insert(label.name);
            }
        }
        std::vector<std::string_view> names;
        for (const uint32_t symbol : symbols) {
            names.push_back(index.text(symbol));
        }
        std::ranges::sort(names);
        return names;
    }

    // Names the index in an error, and tells the block when it is damaged.
    template <class T>
    base::Result<T> reported(base::Result<T>&& result) const {
        if (result.has_value()) {
            return std::move(result);
        }
        base::Error error = std::move(result).error();
        error.add_context(block_->index_path());
        if (error.code() == base::Code::kCorrupt) {
            block_->report_damage(error);
        }
        return base::fail(std::move(error));
    }

    const std::shared_ptr<const Block> block_;
    const int64_t min_t_;
    const int64_t max_t_;
    const uint32_t source_;
};

}  // namespace

std::unique_ptr<model::Querier> make_querier(std::shared_ptr<const Block> block,
                                             int64_t min_t,
                                             int64_t max_t,
                                             uint32_t source) {
    return std::make_unique<BlockQuerier>(std::move(block), min_t, max_t, source);
}

}  // namespace tsdb::block
