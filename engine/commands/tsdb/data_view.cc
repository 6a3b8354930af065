#include "engine/commands/tsdb/data_view.h"

#include <algorithm>
#include <limits>

#include "engine/commands/tsdb/data_folder.h"
#include "model/merge.h"
#include "tsdb/head/replay.h"
#include "tsdb/querier.h"

namespace engine {

base::Result<std::unique_ptr<DataView>> DataView::open(base::Files& files,
                                                       const base::Path& folder,
                                                       int64_t min_t,
                                                       int64_t max_t) {
    std::unique_ptr<DataView> view(new DataView(min_t, max_t));
    TRY(view->open_blocks(files, folder));
    if (view->head_from_ <= max_t) {
        TRY(view->replay(files, folder));
    }
    std::vector<std::unique_ptr<model::Querier>> sources;
    uint32_t number = tsdb::HeadQuerier::kSource + 1;
    for (const auto& block : view->blocks_) {
        sources.push_back(tsdb::block::make_querier(block, min_t, max_t, number++));
    }
    if (view->head_ != nullptr) {
        sources.push_back(std::make_unique<tsdb::HeadQuerier>(
            *view->head_, nullptr, std::max(min_t, view->head_from_), max_t));
    }
    view->querier_ = model::merge_queriers(std::move(sources));
    return view;
}

base::Status DataView::open_blocks(base::Files& files, const base::Path& folder) {
    TRY(auto listing, list_blocks(files, folder));
    problems_ = std::move(listing.broken);
    for (const StoredBlock& stored : listing.blocks) {
        head_from_ = stored.meta.max_t;  // of the last one, as Prometheus decides it
        if (stored.meta.max_t <= min_t_ || stored.meta.min_t > max_t_) {
            continue;
        }
        auto block = tsdb::block::Block::open(files, stored.folder);
        if (block) {
            blocks_.push_back(std::move(block).value());
        } else {
            problems_.push_back(block.error().message());
        }
    }
    return base::success();
}

base::Status DataView::replay(base::Files& files, const base::Path& folder) {
    const base::Path wal = base::join_path(folder, "wal");
    TRY(const bool there, files.exists(wal));
    if (!there) {
        return base::success();
    }
    head_ = std::make_unique<tsdb::Head>(budget_, tsdb::ChunkRules{});
    tsdb::ReplayInput input;
    input.wal_folder = wal;
    TRY(const auto report, tsdb::replay_wal(files, *head_, input));
    for (const auto& damage : report.damages) {
        // What ends inside a record may be a server writing it.
        if (!damage.torn) {
            problems_.push_back("write-ahead log segment " + std::to_string(damage.segment) +
                                " at byte " + std::to_string(damage.offset) + ": " + damage.reason);
        }
    }
    return base::success();
}

base::Result<std::unique_ptr<model::SeriesSet>> DataView::select(
    std::span<const Matchers> selectors) {
    model::SelectHints hints;
    hints.min_t = min_t_;
    hints.max_t = max_t_;
    hints.sorted = true;
    if (selectors.empty()) {
        return querier_->select(hints, {}, {});
    }
    std::vector<std::unique_ptr<model::SeriesSet>> sets;
    for (const Matchers& matchers : selectors) {
        TRY(auto set, querier_->select(hints, matchers, {}));
        sets.push_back(std::move(set));
    }
    return sets.size() == 1 ? std::move(sets.front()) : model::merge_series(std::move(sets));
}

base::Status DataView::samples(const model::SeriesView& series,
                               std::vector<model::TypedSample>& out) const {
    out.clear();
    for (const model::ChunkView& chunk : series.chunks) {
        const size_t from = out.size();
        TRY(model::decode_samples(chunk, out));
        const bool in_head = chunk.source == tsdb::HeadQuerier::kSource;
        const int64_t first = in_head ? std::max(min_t_, head_from_) : min_t_;
        out.erase(std::remove_if(out.begin() + static_cast<ptrdiff_t>(from),
                                 out.end(),
                                 [&](const model::TypedSample& sample) {
                                     return sample.t < first || sample.t > max_t_;
                                 }),
                  out.end());
    }
    const auto before = [](const auto& left, const auto& right) { return left.t < right.t; };
    if (!std::is_sorted(out.begin(), out.end(), before)) {
        std::stable_sort(out.begin(), out.end(), before);
    }
    const auto same = [](const auto& left, const auto& right) { return left.t == right.t; };
    out.erase(std::unique(out.begin(), out.end(), same), out.end());
    return base::success();
}

}  // namespace engine
