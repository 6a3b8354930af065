// Everything a data folder holds as one source: its blocks, and the head as the write-ahead log
// tells it. Nothing is locked and nothing changed, so a server may run on the folder meanwhile.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/budget.h"
#include "base/file.h"
#include "base/result.h"
#include "engine/commands/tsdb/selectors.h"
#include "model/chunk_codec.h"
#include "model/storage.h"
#include "tsdb/block/block.h"
#include "tsdb/head/head.h"

namespace engine {

// threads   one
// lifetime  longer than the series sets it gave; the files outlive it
class DataView {
  public:
    // Opens the blocks that have samples in [min_t, max_t] and replays the log unless blocks cover
    // the range.
    //   errors  kNotFound: no such folder. Damaged blocks and logs are told in problems() instead
    [[nodiscard]] static base::Result<std::unique_ptr<DataView>> open(base::Files& files,
                                                                      const base::Path& folder,
                                                                      int64_t min_t,
                                                                      int64_t max_t);
    DataView(const DataView&) = delete;
    DataView& operator=(const DataView&) = delete;

    // Series that any of the selectors selects, sorted by labels; all without a selector.
    [[nodiscard]] base::Result<std::unique_ptr<model::SeriesSet>> select(
        std::span<const Matchers> selectors);
    // The samples of a series in the time range, by time; of two at one time the one of the source
    // that comes first. `out` is cleared before.
    [[nodiscard]] base::Status samples(const model::SeriesView& series,
                                       std::vector<model::TypedSample>& out) const;

    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }

  private:
    DataView(int64_t min_t, int64_t max_t) : min_t_(min_t), max_t_(max_t) {}

    base::Status open_blocks(base::Files& files, const base::Path& folder);
    base::Status replay(base::Files& files, const base::Path& folder);

    const int64_t min_t_;
    const int64_t max_t_;
    int64_t head_from_ = INT64_MIN;  // older samples are in blocks, if anywhere
    std::vector<std::string> problems_;
    std::vector<std::shared_ptr<const tsdb::block::Block>> blocks_;
    base::Budget budget_{"memory of the replayed log"};
    std::unique_ptr<tsdb::Head> head_;
    std::unique_ptr<model::Querier> querier_;
};

}  // namespace engine
