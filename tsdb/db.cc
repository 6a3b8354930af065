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

// The folder, under a name that survives a power cut.
base::Status make_storage_folder(base::Files& files, base::Path path) {
    TRY(base::context(files.make_folders(path), "create --storage.tsdb.path"));
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    return files.sync_folder(base::parent_path(path));
}

double seconds_between(base::SteadyTime from, base::SteadyTime to) {
    return std::chrono::duration<double>(to - from).count();
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

base::Result<std::unique_ptr<Db>> Db::open(const TsdbOptions& options,
                                           base::Files& files,
                                           const base::Clock& clock,
                                           base::Budget& budget,
                                           const base::Logger& log,
                                           base::Registry& registry,
                                           const Progress& progress,
                                           model::MetadataStore* metadata) {
    TRY(options.validate());
    TRY(make_storage_folder(files, options.path));
    std::unique_ptr<Db> db(new Db(options, files, clock, budget, log, registry));
    TRY(db->take_lock());
    static_cast<void>(db->disk_watch_.check());  // a full disk: with what is held in reserve
    db->mark_run();
    TRY(db->blocks_.open());
    {
        RestoredChunks restored(db->head_.memory());
        FoundLateChunks late;
        TRY(db->open_chunk_files(restored, late));
        TRY(db->replay(restored, late, progress, metadata));
    }
    TRY(db->start());
    db->register_metrics(registry);
    return db;
}

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
      head_(budget_, rules_of(options)),
      blocks_(options_, files, clock, views_, log_, block_metrics_),
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

base::Status Db::take_lock() {
    if (options_.no_lockfile) {
        return base::success();
    }
    const base::Path path = base::join_path(options_.path, "lock");
    TRY(lock_,
        base::context(files_.lock(path),
                      "lock the storage folder (is another server running on it? "
                      "--storage.tsdb.no-lockfile goes without)"));
    return base::success();
}

// A storage that is full or cannot be written to is opened all the same.
void Db::mark_run() {
    const base::Status begun = marker_.begin();
    if (!begun) {
        log_.warn("how this run ends will not be known", "error", begun.error());
    }
    if (marker_.unclean_starts() != 0) {
        replay_metrics_.unclean_shutdowns.add();
        log_.warn("the last run did not end cleanly",
                  "unclean_starts_in_a_row",
                  marker_.unclean_starts());
    }
    if (marker_.unclean_starts() >= RunMarker::kUncleanStartsMax) {
        safe_mode_.store(true, std::memory_order_relaxed);
        log_.error(
            "safe mode: after so many starts in a row that did not end cleanly no blocks are "
            "compacted for an hour",
            "unclean_starts_in_a_row",
            marker_.unclean_starts());
    }
}

void Db::read_side_log() {
    std::optional<uint32_t> newest;
    if (const auto segments = wal::list_segments(files_, wal_folder_);
        segments && !segments.value().empty()) {
        newest = segments.value().back().number;
    }
    side_log_.read(newest);
    head_.reserve_ref(side_log_.greatest_ref());
}

// Chunk files only save memory and time: what they hold is in the write-ahead log too. So from a
// damaged file on they are given up, and replayed.
base::Status Db::open_chunk_files(RestoredChunks& restored, FoundLateChunks& late) {
    const base::Path folder = base::join_path(options_.path, "chunks_head");
    const int64_t head_from = views_.current()->head_from;
    TRY(chunk_files_,
        base::context(ChunkFiles::open(files_,
                                       folder,
                                       [&](const FiledChunk& chunk) {
                                           // Its series may be unknown to the log, or gone.
                                           head_.reserve_ref(
                                               std::min(chunk.series_ref, kSeriesRefMax));
                                           if (chunk.out_of_order) {
                                               late.add(chunk);
                                           } else if (chunk.max_t >= head_from) {
                                               restored.add(chunk);
                                           }
                                       }),
                      "open the chunks of the head"));
    for (const ChunkFileDamage& damage : chunk_files_->damages()) {
        log_.warn("chunk file of the head damaged: its chunks are read from the write-ahead log",
                  "path",
                  damage.path,
                  "offset",
                  damage.offset,
                  "reason",
                  damage.reason);
        replay_metrics_.chunk_corruptions.add();
    }
    head_.set_files(chunk_files_.get());
    return base::success();
}

base::Status Db::replay(RestoredChunks& restored,
                        FoundLateChunks& late,
                        const Progress& progress,
                        model::MetadataStore* metadata) {
    const base::SteadyTime began = clock_.steady();
    ReplayInput input;
    input.wal_folder = wal_folder_;
    input.chunks = &restored;
    input.times = &segment_times_;
    input.metadata = metadata;
    RefTable<ReplayedSeries> series;
    input.series = &series;
    input.min_valid_t = views_.current()->head_from;
    input.salvage = [&](uint64_t ref, uint32_t segment) { return side_log_.recall(ref, segment); };
    input.progress = [&](const ReplayProgress& at) {
        log_.info(
            "replaying write-ahead log", "segment", at.current, "first", at.first, "last", at.last);
        if (progress) {
            progress(at);
        }
    };
    head_.raise_floor(input.min_valid_t);
    read_side_log();
    TRY(replay_, replay_wal(files_, head_, input));
    chunk_files_->drop_pages();
    const double seconds = seconds_between(began, clock_.steady());
    replay_metrics_.seconds.set(seconds);
    replay_metrics_.unknown_refs.add(replay_.unknown_refs);
    replay_metrics_.salvaged.add(replay_.salvaged_series);
    log_replay(seconds);
    return replay_late(late, series);
}

base::Status Db::replay_late(FoundLateChunks& found, const RefTable<ReplayedSeries>& series) {
    const base::SteadyTime began = clock_.steady();
    TRY(const auto report,
        replay_out_of_order(files_, late_writer_.folder(), head_, found, series));
    note_damages(report.damages, late_writer_.folder());
    replay_metrics_.unknown_refs.add(report.unknown_refs);
    if (report.unknown_refs != 0) {
        log_.warn("log of out-of-order samples: what has no series was dropped",
                  "samples",
                  report.unknown_refs);
    }
    if (report.segments == 0 && report.chunks == 0) {
        return base::success();
    }
    log_.info("log of out-of-order samples replayed",
              "series",
              head_.late().series(),
              "samples",
              report.samples,
              "chunks_mapped",
              report.chunks,
              "segments",
              report.segments,
              "bytes",
              report.bytes,
              "took_s",
              seconds_between(began, clock_.steady()));
    return base::success();
}

void Db::note_damages(std::span<const wal::Damage> damages, const base::Path& folder) {
    for (const wal::Damage& damage : damages) {
        replay_metrics_.lost_bytes.add(damage.bytes);
        replay_metrics_.corruptions.add(damage.torn ? 0U : 1U);
        const std::string segment = wal::segment_name(damage.segment);
        if (damage.torn) {
            log_.info("write-ahead log segment ends inside a record, as after a crash",
                      "folder",
                      folder,
                      "segment",
                      segment,
                      "offset",
                      damage.offset,
                      "lost_bytes",
                      damage.bytes);
            continue;
        }
        log_.warn("write-ahead log damaged: what is whole was kept",
                  "folder",
                  folder,
                  "segment",
                  segment,
                  "offset",
                  damage.offset,
                  "lost_bytes",
                  damage.bytes,
                  "reason",
                  damage.reason);
    }
}

void Db::log_replay(double seconds) {
    note_damages(replay_.damages, wal_folder_);
    if (replay_.unknown_refs != 0 || replay_.refused_series != 0) {
        log_.warn("write-ahead log: samples without their series were dropped",
                  "samples",
                  replay_.unknown_refs,
                  "series_refused",
                  replay_.refused_series);
    }
    if (replay_.salvaged_series != 0) {
        log_.warn("write-ahead log: series whose records are lost were found in the side log",
                  "series",
                  replay_.salvaged_series);
    }
    if (const uint64_t records = replay_.not_kept(); records != 0) {
        log_.warn(
            "write-ahead log: some records are of kinds that are not kept", "records", records);
    }
    log_.info("write-ahead log replayed",
              "series",
              replay_.series,
              "samples",
              replay_.samples,
              "chunks_mapped",
              replay_.chunks,
              "metrics_described",
              replay_.described,
              "segments",
              replay_.segments,
              "bytes",
              replay_.bytes,
              "took_s",
              seconds);
}

base::Status Db::start() {
    const wal::Writer::Options writing{.segment_size = options_.wal_segment_size,
                                       .compression = options_.wal_compression};
    TRY(writer_, wal::Writer::open(files_, clock_, wal_folder_, writing));
    side_log_.begin(head_, writer_->segment());
    const Committer::Options committing{.sync_interval = options_.wal_sync_interval,
                                        .queue_bytes_max = options_.commit_queue_bytes_max};
    gate_ = std::make_unique<WalGate>(WalGate::Parts{.writer = *writer_,
                                                     .late_writer = late_writer_,
                                                     .side_log = side_log_,
                                                     .disk = disk_,
                                                     .budget = budget_,
                                                     .clock = clock_,
                                                     .metrics = commit_metrics_},
                                      options_.kept_bytes_max);
    late_log_ = std::make_unique<OutOfOrderLog>(
        options_.out_of_order_time_window, head_, *chunk_files_, *gate_);
    committer_ = std::make_unique<Committer>(committing,
                                             Committer::Parts{.head = head_,
                                                              .writer = *writer_,
                                                              .gate = *gate_,
                                                              .side_log = side_log_,
                                                              .times = segment_times_,
                                                              .late = *late_log_,
                                                              .late_writer = late_writer_,
                                                              .disk = disk_,
                                                              .clock = clock_,
                                                              .metrics = commit_metrics_},
                                             log_);
    disk_watch_.start([this] { committer_->retry(); });
    RefExpiry expired;
    expired.add(writer_->segment(), head_.max_time(), std::exchange(replay_.aliases, {}));
    expired.add(writer_->segment(), INT64_MIN, sweep_empty_series());
    cutter_ = std::make_unique<HeadCutter>(options_,
                                           HeadCutter::Parts{.files = files_,
                                                             .clock = clock_,
                                                             .head = head_,
                                                             .chunk_files = *chunk_files_,
                                                             .wal = *writer_,
                                                             .segment_times = segment_times_,
                                                             .committer = *committer_,
                                                             .views = views_,
                                                             .blocks = blocks_,
                                                             .side_log = side_log_,
                                                             .metrics = cut_metrics_},
                                           std::move(expired),
                                           log_);
    late_cutter_ =
        std::make_unique<OutOfOrderCutter>(options_,
                                           OutOfOrderCutter::Parts{.files = files_,
                                                                   .clock = clock_,
                                                                   .head = head_,
                                                                   .log = late_writer_,
                                                                   .committer = *committer_,
                                                                   .views = views_,
                                                                   .blocks = blocks_},
                                           log_);
    upkeep_ = std::make_unique<Upkeep>(
        options_,
        *cutter_,
        *late_cutter_,
        blocks_,
        cut_metrics_,
        block_metrics_,
        [this] { return head_bytes(); },
        [this] { return upkeep_scope(); },
        log_);
    return base::success();
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

// Series of the log whose samples are all in blocks need no memory. Nobody reads yet.
std::vector<uint64_t> Db::sweep_empty_series() {
    SweptSeries swept;
    head_.sweep(0, head_.slots_end(), head_.min_time(), swept);
    head_.recycle(head_.unlink(swept));
    return std::move(swept.refs);
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
    std::vector<block::BlockMeta> metas;
    for (const auto& block : views_.current()->blocks) {
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
                                               .postings_bytes = options_.compaction_memory},
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
