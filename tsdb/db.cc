#include "tsdb/db.h"

#include <algorithm>

#include "model/merge.h"
#include "tsdb/deletion.h"
#include "tsdb/exemplar_select.h"
#include "tsdb/head/cardinality.h"
#include "tsdb/out_of_order_querier.h"
#include "tsdb/querier.h"
#include "tsdb/snapshot.h"

namespace tsdb {
namespace {

ChunkRules rules_of(const TsdbOptions& options) {
    return {.samples = options.samples_per_chunk, .range_ms = options.min_block_duration.count()};
}

int64_t limit_of(const TsdbOptions& options) {
    return options.head_memory_limit == 0 ? base::Budget::kUnlimited
                                          : static_cast<int64_t>(options.head_memory_limit);
}

}  // namespace

// The way in for one origin.
class Db::HeadAppender final : public model::Appender {
  public:
    HeadAppender(Db& db, model::Origin origin) : db_(db), origin_(origin) {}

    base::Result<model::SeriesHandle> resolve(const model::Labels& labels,
                                              uint64_t hash,
                                              bool* created) override {
        auto handle = db_.head_.resolve(labels, hash, origin_, created);
        if (!handle && handle.error().code() == base::Code::kLimit) {
            db_.note_refused(labels, handle.error());
        }
        return handle;
    }

    void commit(model::AppendBatch&& batch, model::CommitListener& listener) override {
        db_.committer_->submit(std::move(batch), listener);
    }

  private:
    Db& db_;
    const model::Origin origin_;
};

Db::Db(const TsdbOptions& options,
       base::Files& files,
       const base::Clock& clock,
       base::Budget& budget,
       base::Logger log,
       base::Registry& registry)
    : options_(options),
      files_(files),
      clock_(clock),
      log_(std::move(log)),
      wal_folder_(base::join_path(options.path, "wal")),
      commit_metrics_(registry),
      replay_metrics_(registry),
      cut_metrics_(registry),
      block_metrics_(registry),
      scrub_metrics_(registry),
      budget_("storage.head.memory-limit", budget, limit_of(options)),
      upkeep_memory_("upkeep memory", budget),
      head_(budget_, rules_of(options)),
      blocks_(options_, files, clock, views_, log_, block_metrics_, upkeep_memory_),
      began_(clock.steady()),
      marker_(files, options.path),
      side_log_(files, clock, log_, options.path),
      disk_(clock, log_),
      disk_watch_({.data_folder = options.path,
                   .free_bytes_min = options.disk_free_bytes_min,
                   .reserve_bytes = options.disk_reserve_bytes},
                  files,
                  clock,
                  disk_,
                  log_),
      late_writer_(options_, files, clock),
      scrub_({.data_folder = options.path,
              .interval = options.scrub_interval,
              .bytes_per_second = options.scrub_bytes_per_second},
             {.files = files,
              .clock = clock,
              .views = views_,
              .disk = disk_,
              .metrics = scrub_metrics_},
             log_) {
    head_.exemplars().set_out_of_order_window(options_.out_of_order_time_window.count());
    head_.exemplars().set_capacity(options_.exemplars_max);
}

Db::~Db() {
    const base::Status status = stop();
    if (!status) {
        log_.error("write-ahead log not closed cleanly", "error", status.error());
    }
}

// A storage that crashes again and again is given time to come to itself first.
Upkeep::Scope Db::upkeep_scope() {
    const bool settled = clock_.steady() - began_ >= kSettledAfter;
    if (settled && marker_.unclean_starts() != 0 && !disk_.readonly()) {
        const base::Status status = marker_.settle();
        if (!status) {
            log_.warn("it is not noted that this run goes well", "error", status.error());
        }
    }
    safe_mode_.store(!settled && marker_.unclean_starts() >= RunMarker::kUncleanStartsMax,
                     std::memory_order_relaxed);
    if (disk_.readonly()) {
        return Upkeep::Scope::kLetGo;
    }
    return safe_mode() ? Upkeep::Scope::kCut : Upkeep::Scope::kAll;
}

// Bytes on the disk that are not in blocks.
uint64_t Db::head_bytes() const {
    uint64_t bytes = chunk_files_->bytes();
    for (const base::Path& folder : {wal_folder_, late_writer_.folder()}) {
        const auto segments = wal::list_segments(files_, folder);
        if (!segments) {
            continue;
        }
        for (const wal::SegmentFile& segment : segments.value()) {
            bytes += segment.bytes;
        }
    }
    return bytes;
}

void Db::note_refused(const model::Labels& labels, const base::Error& error) {
    replay_metrics_.series_refused.add();
    refused_.add(labels);
    if (const auto suppressed = refused_lines_.pass(clock_.steady())) {
        log_.warn("new series refused, series that are there go on",
                  "job",
                  labels.get("job"),
                  "instance",
                  labels.get("instance"),
                  "error",
                  error,
                  "suppressed",
                  *suppressed);
    }
}

std::unique_ptr<model::Appender> Db::appender(model::Origin origin) {
    return std::make_unique<HeadAppender>(*this, origin);
}

base::Result<std::unique_ptr<model::Querier>> Db::querier(int64_t min_t, int64_t max_t) {
    const std::shared_ptr<const View> view = views_.current();
    std::vector<std::unique_ptr<model::Querier>> sources;
    uint32_t source = HeadQuerier::kSource;
    for (const auto& block : view->blocks) {
        ++source;
        if (block->meta().min_t <= max_t && block->meta().max_t > min_t) {
            sources.push_back(block::make_querier(block, min_t, max_t, source));
        }
    }
    if (view->head_from <= max_t) {
        sources.push_back(
            std::make_unique<HeadQuerier>(head_, view, min_t, max_t, view->head_from));
    }
    if (head_.late().overlaps(min_t, max_t)) {
        sources.push_back(
            std::make_unique<OutOfOrderQuerier>(head_, view, min_t, max_t, source + 1));
    }
    return model::merge_queriers(std::move(sources));
}

base::Result<std::vector<model::SeriesExemplars>> Db::exemplars(
    std::span<const std::vector<model::Matcher>> groups,
    int64_t min_t,
    int64_t max_t,
    const model::QueryContext& context) const {
    const std::shared_ptr<const View> view = views_.current();  // held: nothing is recycled
    return select_exemplars(head_, groups, min_t, max_t, context);
}

std::optional<std::pair<int64_t, int64_t>> Db::time_range() const {
    const std::shared_ptr<const View> view = views_.current();
    int64_t min_t = std::min(head_.min_time(), head_.late().min_time());
    int64_t max_t = std::max(head_.max_time(), head_.late().max_time());
    for (const auto& block : view->blocks) {
        min_t = std::min(min_t, block->meta().min_t);
        max_t = std::max(max_t, block->meta().max_t - 1);
    }
    if (min_t > max_t) {
        return std::nullopt;
    }
    return std::pair(min_t, max_t);
}

std::vector<block::BlockMeta> Db::blocks() const {
    const std::shared_ptr<const View> view = views_.current();
    std::vector<block::BlockMeta> metas;
    for (const auto& block : view->blocks) {
        metas.push_back(block->meta());
    }
    return metas;
}

base::Status Db::cut_head(int64_t end) {
    return upkeep_->while_resting([&] { return cutter_->cut_until(end, {}); });
}

base::Status Db::delete_series(int64_t min_t,
                               int64_t max_t,
                               std::span<const model::Matcher> matchers) {
    if (min_t > max_t) {
        return base::success();
    }
    const Deletion deletion{.min_t = min_t, .max_t = max_t, .matchers = matchers};
    const std::stop_token stop = upkeep_->stop_token();
    return upkeep_->while_resting([&]() -> base::Status {
        if (disk_.readonly() || gate_->kept_bytes() != 0) {
            return base::fail(
                base::Code::kUnavailable,
                "nothing can be deleted while the storage is read-only: free some space");
        }
        // In blocks they are deleted like all others.
        if (head_.late().overlaps(min_t, max_t)) {
            TRY(late_cutter_->cut(stop));
        }
        TRY(delete_from_blocks(files_, views_, blocks_, deletion, stop));
        return delete_from_head(head_, *writer_, *committer_, deletion, stop);
    });
}

base::Status Db::clean_tombstones() {
    return upkeep_->while_resting([&] { return blocks_.clean_tombstones(upkeep_->stop_token()); });
}

base::Result<std::string> Db::snapshot(bool skip_head) {
    SnapshotRequest request;
    request.data_folder = options_.path;
    const base::Status written = upkeep_->while_resting([&]() -> base::Status {
        if (!skip_head && head_.late().series() != 0) {
            TRY(late_cutter_->cut(upkeep_->stop_token()));
        }
        request.name = snapshot_name(clock_.now_ms(), random_);
        request.view = views_.current();
        const int64_t from = std::max(head_.min_time(), request.view->head_from);
        if (!skip_head && from <= head_.max_time()) {
            request.cut = BlockCut{.min_t = from,
                                   .max_t = head_.max_time() + 1,
                                   .ulid = block::Ulid::make(clock_.now_ms(), random_),
                                   .writing = {.segment_bytes = options_.block_segment_bytes,
                                               .postings_bytes = options_.compaction_memory,
                                               .memory = &upkeep_memory_},
                                   .hints = {},
                                   .samples_per_chunk = options_.samples_per_chunk};
        }
        return write_snapshot(files_, head_, request, upkeep_->stop_token());
    });
    if (!written) {
        return base::fail(written.error());
    }
    log_.info("wrote a snapshot", "name", request.name, "head", request.cut.has_value());
    return std::move(request.name);
}

void Db::keep_cut_memory(int64_t most) {
    const auto wanted = static_cast<int64_t>(cut_memory(head_, options_.compaction_memory));
    upkeep_memory_.keep(std::min(wanted, most));
}

base::Status Db::cut_out_of_order() {
    return upkeep_->while_resting([&] { return late_cutter_->cut({}); });
}

base::Status Db::stop() {
    if (committer_ == nullptr) {
        return base::success();
    }
    scrub_.stop();
    upkeep_->stop();
    disk_watch_.stop();
    committer_->stop();
    base::ignore(head_.file_chunks(1), "the write-ahead log has them");
    const base::Status chunks = chunk_files_->close();
    const base::Status late = late_writer_.close();
    const base::Status log = writer_->close();
    side_log_.sync(writer_->segment());
    TRY(log);
    TRY(late);
    TRY(chunks);
    return base::context(marker_.end(), "note that the run ended cleanly");
}

HeadStats Db::stats() const {
    return {.series = head_.series(),
            .label_pairs = head_.index().pairs(),
            .chunks = head_.chunks(),
            .min_time = head_.min_time(),
            .max_time = head_.max_time()};
}

Cardinality Db::cardinality(size_t limit) const {
    const std::shared_ptr<const View> pin = views_.current();  // keeps the texts of symbols
    return count_cardinality(head_, limit);
}

}  // namespace tsdb
