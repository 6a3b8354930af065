// A storage's series with their stable hashes: some are left out, those that are read are told.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "model/storage.h"

namespace query::exec {

// The hash of a series' labels: Labels::stable_hash() without the Labels.
//   scratch  for the bytes that are hashed; reused from call to call
[[nodiscard]] uint64_t stable_hash_of(std::span<const model::LabelSymbols> labels,
                                      const model::SymbolTable& symbols,
                                      std::string& scratch);

// One selection of another querier's. Threads: one.
class HashedQuerier final : public model::Querier {
  public:
    // `querier` and `without`, which is ascending, outlive this; this outlives its series.
    HashedQuerier(model::Querier& querier, std::span<const uint64_t> without)
        : querier_(querier), without_(without) {}

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

    // Of the series that were read and had chunks, ascending, each once.
    [[nodiscard]] std::vector<uint64_t> take_hashes();

  private:
    class Set;

    model::Querier& querier_;
    std::span<const uint64_t> without_;
    std::vector<uint64_t> hashes_;
};

}  // namespace query::exec
