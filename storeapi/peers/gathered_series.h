// Series that come in any order, gathered and put in order: for answers that must be there whole
// before the first series is known.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "model/merge_symbols.h"
#include "model/storage.h"

namespace storeapi {

// First series are added, then finish() orders and joins them, then give() hands them out.
//   threads   one
//   lifetime  batches keep it; what chunks point to is handed in with pin()
class GatheredSeries : public std::enable_shared_from_this<GatheredSeries> {
  public:
    static constexpr size_t kBatchSeries = 256;

    // The chunks of one series as they are to be given, for those they were. Valid for as long as
    // this lives.
    using Rewrite = std::function<std::span<const model::ChunkView>(
        std::span<const model::ChunkView>, base::Arena&)>;

    // without  names that the order passes over, as SelectHints::order_without says
    explicit GatheredSeries(std::span<const std::string> without);

    // Of the series being added: labels in any order, of equal names the first stays, empty values
    // are none; chunks in any order.
    void add_label(std::string_view name, std::string_view value);
    void add_chunk(const model::ChunkView& chunk);
    // Completes it.
    //   keep  false: it is dropped
    void end_series(bool keep);

    void pin(std::shared_ptr<const void> pin) { pins_.push_back(std::move(pin)); }

    // What overlapping chunks of one series are.
    enum class Overlaps : uint8_t {
        kAccounts,  // several accounts of it: they get replica numbers from 0 on
        kParts,     // parts of it, or accounts that have their numbers
    };

    // Puts the series in order and joins those of equal labels. Their chunks stand by time, equal
    // ones once.
    //   rewrite  of the chunks of each series, before overlaps are looked for; may be null
    void finish(const Rewrite& rewrite, Overlaps overlaps);

    // Puts the next series into the batch; false: there are none left.
    [[nodiscard]] bool give(model::SeriesBatch& batch);

    [[nodiscard]] size_t series_count() const { return entries_.size(); }

    // Held, without what is pinned: for accounting.
    [[nodiscard]] size_t bytes() const;

  private:
    struct Entry {
        size_t label_at = 0;
        size_t chunk_at = 0;
        uint32_t labels = 0;
        uint32_t chunks = 0;
    };

    [[nodiscard]] std::span<const model::LabelSymbols> labels_of(const Entry& entry) const;
    [[nodiscard]] std::span<const model::ChunkView> chunks_of(const Entry& entry) const;
    [[nodiscard]] bool before(const Entry& left, const Entry& right) const;
    void tidy_labels();
    // The chunks of entries [from, to), which are of one series.
    [[nodiscard]] std::span<const model::ChunkView> join(size_t from,
                                                         size_t to,
                                                         const Rewrite& rewrite);
    [[nodiscard]] std::span<const model::ChunkView> in_order(
        std::span<const model::ChunkView> chunks);

    std::shared_ptr<model::MergedSymbols> symbols_;
    std::vector<uint32_t> without_;
    std::vector<model::LabelSymbols> labels_;
    std::vector<model::ChunkView> chunks_;
    std::vector<Entry> entries_;
    size_t label_at_ = 0;  // where those of the series being added begin
    size_t chunk_at_ = 0;
    std::vector<std::shared_ptr<const void>> pins_;
    base::Arena arena_;  // chunks that were joined
    std::vector<model::ChunkView> scratch_;
    std::vector<model::SeriesView> views_;
    Overlaps overlaps_ = Overlaps::kAccounts;
    size_t given_ = 0;
};

}  // namespace storeapi
