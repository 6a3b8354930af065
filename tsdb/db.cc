#include "tsdb/db.h"

#include <algorithm>

#include "tsdb/head/cardinality.h"
#include "tsdb/querier.h"

namespace tsdb {
namespace {

constexpr size_t kUlidCharacters = 26;  // of a block folder's name

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
            db_.replay_metrics_.series_refused.add();
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
                                           const Progress& progress) {
    TRY(options.validate());
    TRY(make_storage_folder(files, options.path));
    std::unique_ptr<Db> db(
        new Db(options, files, clock, budget, log.with("component", "tsdb"), registry));
    TRY(db->take_lock());
    TRY(db->warn_of_foreign_data());
    TRY(db->replay(progress));
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
      budget_("storage.head.memory-limit", budget, limit_of(options)),
      head_(budget_, rules_of(options)) {}

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

// Blocks and mapped chunks of another server stay as they are; until they are read, whoever starts
// on such a folder should know.
base::Status Db::warn_of_foreign_data() {
    TRY(const auto entries, files_.list(options_.path));
    std::string names;
    for (const auto& entry : entries) {
        if (entry.is_directory && (entry.name.size() == kUlidCharacters ||
                                   entry.name == "chunks_head" || entry.name == "wbl")) {
            names += names.empty() ? entry.name : "," + entry.name;
        }
    }
    if (!names.empty()) {
        log_.warn("data in the storage folder is left untouched and not read yet", "names", names);
    }
    if (options_.out_of_order_time_window.count() > 0) {
        log_.warn(
            "out-of-order samples are not stored yet: out_of_order_time_window has no effect");
    }
    return base::success();
}

base::Status Db::replay(const Progress& progress) {
    const base::SteadyTime began = clock_.steady();
    TRY(replay_, replay_wal(files_, wal_folder_, head_, [&](const ReplayProgress& at) {
            log_.info("replaying write-ahead log",
                      "segment",
                      at.current,
                      "first",
                      at.first,
                      "last",
                      at.last);
            if (progress) {
                progress(at);
            }
        }));
    const double seconds = seconds_between(began, clock_.steady());
    old_wal_bytes_ = replay_.bytes;
    replay_metrics_.seconds.set(seconds);
    replay_metrics_.unknown_refs.add(replay_.unknown_refs);
    for (const wal::Damage& damage : replay_.damages) {
        replay_metrics_.lost_bytes.add(damage.bytes);
        replay_metrics_.corruptions.add(damage.torn ? 0U : 1U);
    }
    log_replay(seconds);
    return base::success();
}

void Db::log_replay(double seconds) const {
    for (const wal::Damage& damage : replay_.damages) {
        const std::string segment = wal::segment_name(damage.segment);
        if (damage.torn) {
            log_.info("write-ahead log segment ends inside a record, as after a crash",
                      "segment",
                      segment,
                      "offset",
                      damage.offset,
                      "lost_bytes",
                      damage.bytes);
            continue;
        }
        log_.warn("write-ahead log damaged: what is whole was kept",
                  "segment",
                  segment,
                  "offset",
                  damage.offset,
                  "lost_bytes",
                  damage.bytes,
                  "reason",
                  damage.reason);
    }
    if (replay_.unknown_refs != 0 || replay_.refused_series != 0) {
        log_.warn("write-ahead log: samples without their series were dropped",
                  "samples",
                  replay_.unknown_refs,
                  "series_refused",
                  replay_.refused_series);
    }
    for (size_t type = 0; type < replay_.records.size(); ++type) {
        const auto kind = static_cast<wal::RecordType>(type);
        const bool kept = kind == wal::RecordType::kSeries || kind == wal::RecordType::kSamples ||
                          kind == wal::RecordType::kSamplesV2;
        if (!kept && replay_.records[type] != 0) {
            log_.warn("write-ahead log: records of this kind are not kept yet",
                      "type",
                      wal::record_type_name(static_cast<uint8_t>(type)),
                      "records",
                      replay_.records[type]);
        }
    }
    log_.info("write-ahead log replayed",
              "series",
              replay_.series,
              "samples",
              replay_.samples,
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
    const Committer::Options committing{.sync_interval = options_.wal_sync_interval,
                                        .queue_bytes_max = options_.commit_queue_bytes_max};
    committer_ =
        std::make_unique<Committer>(committing, head_, *writer_, clock_, log_, commit_metrics_);
    return base::success();
}

std::unique_ptr<model::Appender> Db::appender(model::Origin origin) {
    return std::make_unique<HeadAppender>(*this, origin);
}

base::Result<std::unique_ptr<model::Querier>> Db::querier(int64_t min_t, int64_t max_t) {
    return std::make_unique<HeadQuerier>(head_, min_t, max_t);
}

std::optional<std::pair<int64_t, int64_t>> Db::time_range() const {
    const int64_t min_t = head_.min_time();
    const int64_t max_t = head_.max_time();
    if (min_t > max_t) {
        return std::nullopt;
    }
    return std::pair(min_t, max_t);
}

base::Status Db::stop() {
    if (committer_ == nullptr) {
        return base::success();
    }
    committer_->stop();
    return writer_->close();
}

HeadStats Db::stats() const {
    return {.series = head_.series(),
            .label_pairs = head_.index().pairs(),
            .chunks = head_.chunks(),
            .min_time = head_.min_time(),
            .max_time = head_.max_time()};
}

Cardinality Db::cardinality(size_t limit) const {
    return count_cardinality(head_, limit);
}

void Db::register_metrics(base::Registry& registry) {
    using base::MetricKind;
    const auto add = [&](MetricKind kind,
                         std::string_view name,
                         std::string_view help,
                         std::function<double()> value) {
        callbacks_.push_back(registry.computed(kind, name, help, std::move(value)));
    };
    const auto gauge = [&](std::string_view name, std::string_view help, auto value) {
        add(MetricKind::kGauge, name, help, [value] { return static_cast<double>(value()); });
    };
    gauge("prometheus_tsdb_head_series", "Series in the head.", [this] { return head_.series(); });
    add(MetricKind::kCounter,
        "prometheus_tsdb_head_series_created_total",
        "Series created in the head.",
        [this] { return static_cast<double>(head_.series_created()); });
    gauge("prometheus_tsdb_head_chunks", "Chunks in the head.", [this] { return head_.chunks(); });
    gauge("prometheus_tsdb_head_min_time", "Oldest sample of the head, in milliseconds.", [this] {
        return head_.min_time();
    });
    gauge("prometheus_tsdb_head_max_time", "Newest sample of the head, in milliseconds.", [this] {
        return head_.max_time();
    });
    gauge("prometheus_tsdb_lowest_timestamp_seconds", "Oldest sample stored, in seconds.", [this] {
        return static_cast<double>(head_.min_time()) / 1000;
    });
    gauge("prometheus_tsdb_symbol_table_size_bytes", "Memory of label names and values.", [this] {
        return head_.memory().bytes(HeadPart::kSymbols);
    });
    gauge("prometheus_tsdb_wal_segment_current", "Segment being written.", [this] {
        return writer_->segment();
    });
    gauge("prometheus_tsdb_wal_storage_size_bytes", "Size of the write-ahead log.", [this] {
        return old_wal_bytes_ + writer_->bytes_written();
    });
    gauge("skein_wal_oldest_unsynced_seconds",
          "Age of the oldest record of the write-ahead log that a power cut could take.",
          [this] { return std::chrono::duration<double>(writer_->oldest_unsynced()).count(); });
    gauge("skein_wal_unsynced_bytes",
          "Bytes of the write-ahead log that a power cut could take.",
          [this] { return writer_->unsynced_bytes(); });
    gauge("skein_commit_queue_bytes", "Commits waiting for the write-ahead log.", [this] {
        return committer_->queued_bytes();
    });
    callbacks_.push_back(registry.computed(
        MetricKind::kGauge,
        "skein_head_memory_bytes",
        "Memory of the head, by part.",
        {"part"},
        [this](base::MetricEmitter& out) {
            for (size_t i = 0; i < kHeadParts; ++i) {
                out.emit({kHeadPartNames[i]},
                         static_cast<double>(head_.memory().bytes(static_cast<HeadPart>(i))));
            }
        }));
}

}  // namespace tsdb
