// Sorted series sets as one; the machinery behind merge.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "model/merge_symbols.h"
#include "model/storage.h"

namespace model {

// Series of equal labels come once, with the chunks of all sets. The batches of the sets are kept
// by the batches made of them for as long as those (or copies of their pins) are there. While a
// single set has series, its batches pass through untouched. Threads: one.
//   ids  the first set's id of the series, spread by the set's number: unique unless sources use
//        ids of more than 56 bits
class MergedSeries final : public SeriesSet {
  public:
    static constexpr size_t kBatchSeries = 256;
    // A batch with fewer series than this goes on when a set needs its next batch; one with more
    // ends, so that few batches of the sets are alive at a time.
    static constexpr size_t kBatchSeriesMin = 64;

    // sets     each sorted by labels
    // limit    series; 0: none
    // without  names that the order passes over, as SelectHints::order_without says
    // context  copied; what it points to outlives the set
    MergedSeries(std::vector<std::unique_ptr<SeriesSet>> sets,
                 uint64_t limit,
                 const QueryContext& context,
                 std::span<const std::string> without = {});

    [[nodiscard]] base::Result<bool> next(SeriesBatch& batch) override;
    [[nodiscard]] std::vector<std::string> warnings() const override;

  private:
    // A set and where it stands.
    struct Source {
        std::unique_ptr<SeriesSet> set;
        uint32_t number = 0;
        std::shared_ptr<SeriesBatch> batch;               // the present one
        std::vector<std::shared_ptr<SeriesBatch>> spare;  // to be used again when nobody pins them
        size_t at = 0;                                    // the present series of it
        bool pinned = false;                              // by the batch being made
        SymbolImport import;
        std::vector<LabelSymbols> labels;  // of the present series, in merged symbols

        [[nodiscard]] const SeriesView& series() const { return batch->series[at]; }
    };

    [[nodiscard]] base::Status start();
    [[nodiscard]] base::Result<bool> pass_through(SeriesBatch& batch);
    // Whether the source has another batch.
    [[nodiscard]] base::Result<bool> refill(Source& source);
    // Goes on to the next series of a source whose batch has one.
    void read_labels(Source& source);
    // Moves the sources whose series were given on, as far as their batches go.
    void advance();
    [[nodiscard]] base::Status refill_starved();
    [[nodiscard]] bool before(const Source& left, const Source& right) const;
    // Takes the sources that hold the least series from the heap into taken_.
    void take_least();
    void give_taken(SeriesBatch& batch);
    [[nodiscard]] std::span<const ChunkView> join_chunks(base::Arena& arena);
    void pin(Source& source, SeriesBatch& batch);
    [[nodiscard]] base::Status account(const SeriesBatch& batch);

    const uint64_t limit_;
    const QueryContext context_;
    base::Reservation reservation_;
    std::vector<Source> sources_;
    std::shared_ptr<MergedSymbols> symbols_;
    std::vector<uint32_t> without_;  // symbols of names
    std::vector<Source*> heap_;      // by present series, the least on top
    std::vector<Source*> taken_;     // hold the series being given, by number
    std::vector<Source*> starved_;   // need another batch
    std::vector<ChunkView> chunks_;
    Source* only_ = nullptr;  // the single source that has series
    bool started_ = false;
    bool passed_first_ = false;
    uint64_t given_ = 0;
};

}  // namespace model
