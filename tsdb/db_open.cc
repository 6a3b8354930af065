// Opening a database: what a start finds, and what it begins.
#include "tsdb/db.h"

namespace tsdb {
namespace {

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
                                                             .metrics = cut_metrics_,
                                                             .memory = upkeep_memory_},
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
                                                                   .blocks = blocks_,
                                                                   .memory = upkeep_memory_},
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

// Series of the log whose samples are all in blocks need no memory. Nobody reads yet.
std::vector<uint64_t> Db::sweep_empty_series() {
    SweptSeries swept;
    head_.sweep(0, head_.slots_end(), head_.min_time(), swept);
    head_.recycle(head_.unlink(swept));
    return std::move(swept.refs);
}

}  // namespace tsdb
