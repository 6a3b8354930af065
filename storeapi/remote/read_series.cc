#include "storeapi/remote/read_series.h"

#include <utility>

namespace storeapi {

base::Result<std::unique_ptr<ReadSeries>> ReadSeries::select(model::Queryable& storage,
                                                             const ReadQuery& query,
                                                             const model::Labels& external,
                                                             const model::QueryContext& context) {
    TRY(auto querier, storage.querier(query.start_ms, query.end_ms));
    TRY(auto set, querier->select(query.hints, query.matchers, context));
    return std::unique_ptr<ReadSeries>(
        new ReadSeries(std::move(querier), std::move(set), !query.hints.skip_chunks, external));
}

ReadSeries::ReadSeries(std::unique_ptr<model::Querier> querier,
                       std::unique_ptr<model::SeriesSet> set,
                       bool with_chunks,
                       const model::Labels& external)
    : querier_(std::move(querier)),
      set_(std::move(set)),
      with_chunks_(with_chunks),
      external_(external),
      batch_(std::make_shared<model::SeriesBatch>()) {}

base::Result<bool> ReadSeries::next() {
    while (true) {
        while (at_ == batch_->series.size()) {
            at_ = 0;
            TRY(const bool more, set_->next(*batch_));
            if (!more) {
                batch_->series.clear();
                return false;
            }
        }
        const model::SeriesView& series = batch_->series[at_++];
        chunks_ = {};
        if (with_chunks_) {
            group_.assign(1, {.batch = batch_, .view = &series});
            TRY(chunks_, all_chunks_.of(group_));
            group_.clear();
        }
        if (!with_chunks_ || !chunks_.empty()) {
            take_labels(series);
            return true;
        }
    }
}

void ReadSeries::take_labels(const model::SeriesView& series) {
    labels_.clear();
    auto other = external_.begin();
    const auto end = external_.end();
    for (const model::LabelSymbols label : series.labels) {
        const std::string_view name = batch_->text(label.name);
        for (; other != end && (*other).name < name; ++other) {
            labels_.push_back(*other);
        }
        if (other != end && (*other).name == name) {
            ++other;
        }
        labels_.push_back({name, batch_->text(label.value)});
    }
    for (; other != end; ++other) {
        labels_.push_back(*other);
    }
}

}  // namespace storeapi
