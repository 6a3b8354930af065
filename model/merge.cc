#include "model/merge.h"

#include <algorithm>
#include <utility>

#include "model/merge_series.h"

namespace model {
namespace {

// Unites sorted lists, cut to the limit.
std::vector<std::string> unite(std::vector<std::vector<std::string>> lists, uint64_t limit) {
    std::vector<std::string> all;
    for (std::vector<std::string>& list : lists) {
        std::ranges::move(list, std::back_inserter(all));
    }
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    if (limit != 0 && all.size() > limit) {
        all.resize(limit);
    }
    return all;
}

class MergedQuerier final : public Querier {
  public:
    explicit MergedQuerier(std::vector<std::unique_ptr<Querier>> sources)
        : sources_(std::move(sources)) {}

    base::Result<std::unique_ptr<SeriesSet>> select(const SelectHints& hints,
                                                    std::span<const Matcher> matchers,
                                                    const QueryContext& context) override {
        SelectHints sorted = hints;
        sorted.sorted = true;
        std::vector<std::unique_ptr<SeriesSet>> sets;
        for (const auto& source : sources_) {
            TRY(auto set, source->select(sorted, matchers, context));
            sets.push_back(std::move(set));
        }
        return std::make_unique<MergedSeries>(
            std::move(sets), hints.limit, context, hints.order_without);
    }

    base::Result<std::vector<std::string>> label_names(const LabelHints& hints,
                                                       std::span<const Matcher> matchers,
                                                       const QueryContext& context) override {
        std::vector<std::vector<std::string>> lists;
        for (const auto& source : sources_) {
            TRY(auto names, source->label_names(hints, matchers, context));
            lists.push_back(std::move(names));
        }
        return unite(std::move(lists), hints.limit);
    }

    base::Result<std::vector<std::string>> label_values(std::string_view name,
                                                        const LabelHints& hints,
                                                        std::span<const Matcher> matchers,
                                                        const QueryContext& context) override {
        std::vector<std::vector<std::string>> lists;
        for (const auto& source : sources_) {
            TRY(auto values, source->label_values(name, hints, matchers, context));
            lists.push_back(std::move(values));
        }
        return unite(std::move(lists), hints.limit);
    }

  private:
    const std::vector<std::unique_ptr<Querier>> sources_;
};

}  // namespace

std::unique_ptr<Querier> merge_queriers(std::vector<std::unique_ptr<Querier>> sources) {
    if (sources.size() == 1) {
        return std::move(sources.front());
    }
    return std::make_unique<MergedQuerier>(std::move(sources));
}

std::unique_ptr<SeriesSet> merge_series(std::vector<std::unique_ptr<SeriesSet>> sets) {
    if (sets.size() == 1) {
        return std::move(sets.front());
    }
    return std::make_unique<MergedSeries>(std::move(sets), 0, QueryContext());
}

}  // namespace model
