// From matchers to the series of an index that they match.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/matcher.h"
#include "model/storage.h"
#include "tsdb/block/index_reader.h"
#include "tsdb/block/index_tables.h"

namespace tsdb::block {

// One evaluation. A label that a series does not have counts as "". Borrows everything it is given.
//   errors   kCorrupt; kCanceled, kTimeout, from the context
//   threads  one
class IndexMatching {
  public:
    // The postings list at an offset of the table.
    using ListAt = std::function<base::Result<PostingsView>(uint64_t)>;

    IndexMatching(const IndexReader& index,
                  const PostingsTable& table,
                  ListAt list_at,
                  const model::QueryContext& context)
        : index_(index), table_(table), list_at_(std::move(list_at)), context_(context) {}

    // The series all matchers match; without matchers: all series.
    [[nodiscard]] base::Result<SeriesIds> run(std::span<const model::Matcher> matchers);

    // The values of the label that the series of `ids` have, sorted, at most `limit` (0: all).
    [[nodiscard]] base::Result<std::vector<std::string_view>> values_of(
        std::string_view name, std::span<const SeriesId> ids, uint64_t limit);

  private:
    using Lists = std::vector<PostingsView>;

    // The series that have one of some texts as the label's value.
    struct Listed {
        Lists lists;
        size_t series = 0;
    };

    [[nodiscard]] base::Status sort_out(std::span<const model::Matcher> matchers);
    [[nodiscard]] base::Status add_listed(const model::Matcher& matcher,
                                          std::span<const std::string_view> texts);
    // The lists of the texts, of those that exist.
    [[nodiscard]] base::Result<Lists> lists_of(std::string_view name,
                                               std::span<const std::string_view> texts) const;
    // The lists of the values for which the matcher says `wanted`.
    [[nodiscard]] base::Result<Lists> lists_where(const model::Matcher& matcher, bool wanted) const;
    // Leaves in `ids` what the matcher matches: by looking at the series' labels when they are few,
    // by the index otherwise.
    [[nodiscard]] base::Status keep(SeriesIds& ids, const model::Matcher& matcher) const;
    [[nodiscard]] base::Status filter(SeriesIds& ids, const model::Matcher& matcher) const;
    // The symbols of the label's values that the series have, unsorted, unique.
    [[nodiscard]] base::Result<std::vector<uint32_t>> value_symbols(
        std::string_view name, std::span<const SeriesId> ids) const;
    // Whether so few series are asked about that reading them costs less than the values' lists.
    [[nodiscard]] bool few(size_t series, std::string_view name) const;

    const IndexReader& index_;
    const PostingsTable& table_;
    const ListAt list_at_;
    const model::QueryContext& context_;
    std::vector<Listed> listed_;                   // answered by the index at once
    std::vector<const model::Matcher*> positive_;  // need the label
    std::vector<const model::Matcher*> negative_;  // also match series without the label
    bool nothing_ = false;                         // a listed text occurs nowhere
};

}  // namespace tsdb::block
