#include "query/exec/hashed_series.h"

#include <algorithm>

#include "base/checksum.h"

namespace query::exec {

using base::Result;

uint64_t stable_hash_of(std::span<const model::LabelSymbols> labels,
                        const model::SymbolTable& symbols,
                        std::string& scratch) {
    scratch.clear();
    for (const model::LabelSymbols& label : labels) {
        scratch.append(symbols.text(label.name)).push_back('\xff');
        scratch.append(symbols.text(label.value)).push_back('\xff');
    }
    return base::xxh64(scratch);
}

class HashedQuerier::Set final : public model::SeriesSet {
  public:
    Set(std::unique_ptr<model::SeriesSet> set,
        std::span<const uint64_t> without,
        std::vector<uint64_t>& hashes)
        : set_(std::move(set)), without_(without), hashes_(hashes) {}

    Result<bool> next(model::SeriesBatch& batch) override {
        while (true) {
            TRY(const bool more, set_->next(batch));
            if (!more) {
                return false;
            }
            std::erase_if(batch.series, [&](const model::SeriesView& series) {
                return !take(series, *batch.symbols);
            });
            if (!batch.series.empty()) {
                return true;
            }
        }
    }

    [[nodiscard]] std::vector<std::string> warnings() const override { return set_->warnings(); }

  private:
    bool take(const model::SeriesView& series, const model::SymbolTable& symbols) {
        // What has nothing to give here is nobody's second copy.
        if (series.chunks.empty()) {
            return false;
        }
        const uint64_t hash = stable_hash_of(series.labels, symbols, scratch_);
        if (std::ranges::binary_search(without_, hash)) {
            return false;
        }
        hashes_.push_back(hash);
        return true;
    }

    std::unique_ptr<model::SeriesSet> set_;
    std::span<const uint64_t> without_;
    std::vector<uint64_t>& hashes_;
    std::string scratch_;
};

Result<std::unique_ptr<model::SeriesSet>> HashedQuerier::select(
    const model::SelectHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    TRY(auto set, querier_.select(hints, matchers, context));
    return std::unique_ptr<model::SeriesSet>(
        std::make_unique<Set>(std::move(set), without_, hashes_));
}

Result<std::vector<std::string>> HashedQuerier::label_names(
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    return querier_.label_names(hints, matchers, context);
}

Result<std::vector<std::string>> HashedQuerier::label_values(
    std::string_view name,
    const model::LabelHints& hints,
    std::span<const model::Matcher> matchers,
    const model::QueryContext& context) {
    return querier_.label_values(name, hints, matchers, context);
}

std::vector<uint64_t> HashedQuerier::take_hashes() {
    std::ranges::sort(hashes_);
    hashes_.erase(std::ranges::unique(hashes_).begin(), hashes_.end());
    return std::move(hashes_);
}

}  // namespace query::exec
