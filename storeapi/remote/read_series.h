// The series of one query of a remote read, one after the other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/chunk.h"
#include "model/labels.h"
#include "model/storage.h"
#include "storeapi/remote/read_request.h"
#include "storeapi/series_chunks.h"

namespace storeapi {

// Threads: one at a time.
class ReadSeries {
  public:
    // All borrowed.
    static base::Result<std::unique_ptr<ReadSeries>> select(model::Queryable& storage,
                                                            const ReadQuery& query,
                                                            const model::Labels& external,
                                                            const model::QueryContext& context);

    // Goes on to the next series that has something; false: there are none left.
    [[nodiscard]] base::Result<bool> next();

    // Of the series; valid until the next call of next(). A series' own labels stay, the server's
    // come beside them.
    [[nodiscard]] std::span<const model::LabelView> labels() const { return labels_; }

    // By time, of kinds that every reader knows. Those at the ends reach beyond the query's times.
    [[nodiscard]] std::span<const model::ChunkView> chunks() const { return chunks_; }

  private:
    ReadSeries(std::unique_ptr<model::Querier> querier,
               std::unique_ptr<model::SeriesSet> set,
               bool with_chunks,
               const model::Labels& external);
    void take_labels(const model::SeriesView& series);

    const std::unique_ptr<model::Querier> querier_;
    const std::unique_ptr<model::SeriesSet> set_;
    const bool with_chunks_;
    const model::Labels& external_;
    std::shared_ptr<model::SeriesBatch> batch_;
    size_t at_ = 0;
    SeriesChunks all_chunks_;
    SeriesGroup group_;
    std::vector<model::LabelView> labels_;
    std::span<const model::ChunkView> chunks_;
};

}  // namespace storeapi
