#include "tsdb/storage_status.h"

#include "base/json.h"

namespace tsdb {
namespace {

using base::JsonWriter;

void natural(JsonWriter& json, std::string_view name, uint64_t value) {
    json.key(name);
    json.natural(value);
}

void integer(JsonWriter& json, std::string_view name, int64_t value) {
    json.key(name);
    json.integer(value);
}

void boolean(JsonWriter& json, std::string_view name, bool value) {
    json.key(name);
    json.boolean(value);
}

template <class Items, class Write>
void array(JsonWriter& json, std::string_view name, const Items& items, const Write& write) {
    json.key(name);
    json.begin_array();
    for (const auto& item : items) {
        json.begin_object();
        write(item);
        json.end_object();
    }
    json.end_array();
}

std::string_view fate_word(FolderFinding::Fate fate) {
    switch (fate) {
        case FolderFinding::Fate::kRemoved:
            return "removed";
        case FolderFinding::Fate::kQuarantined:
            return "quarantined";
        case FolderFinding::Fate::kLeft:
            return "left";
        case FolderFinding::Fate::kServed:
            return "served";
    }
    return "";
}

void write_block(JsonWriter& json, const block::Block& block) {
    const block::BlockMeta& meta = block.meta();
    json.member("ulid", meta.ulid.text());
    integer(json, "minTime", meta.min_t);
    integer(json, "maxTime", meta.max_t);
    integer(json, "level", meta.level);
    natural(json, "bytes", block.bytes());
    natural(json, "series", meta.stats.series);
    natural(json, "chunks", meta.stats.chunks);
    natural(json, "samples", meta.stats.samples);
    natural(json, "tombstones", meta.stats.tombstones);
    boolean(json, "outOfOrder", meta.has_hint(block::kHintOutOfOrder));
    boolean(json, "compactionFailed", meta.failed);
}

void write_finding(JsonWriter& json, const FolderFinding& finding) {
    json.member("name", finding.name);
    json.member("reason", finding.reason);
    json.member("fate", fate_word(finding.fate));
    if (!finding.path.empty()) {
        json.member("path", finding.path);
    }
}

void write_damage(JsonWriter& json, const wal::Damage& damage) {
    natural(json, "segment", damage.segment);
    boolean(json, "checkpoint", damage.checkpoint);
    natural(json, "offset", damage.offset);
    natural(json, "bytes", damage.bytes);
    boolean(json, "torn", damage.torn);
    json.member("reason", damage.reason);
}

void write_replay(JsonWriter& json, const ReplayReport& replay) {
    json.key("replay");
    json.begin_object();
    natural(json, "segments", replay.segments);
    natural(json, "bytes", replay.bytes);
    natural(json, "series", replay.series);
    natural(json, "samples", replay.samples);
    natural(json, "mappedChunks", replay.chunks);
    natural(json, "tombstones", replay.tombstones);
    natural(json, "salvagedSeries", replay.salvaged_series);
    natural(json, "refusedSeries", replay.refused_series);
    natural(json, "samplesWithoutSeries", replay.unknown_refs);
    natural(json, "malformedRecords", replay.malformed);
    natural(json, "recordsNotKept", replay.not_kept());
    array(json, "damages", replay.damages, [&](const wal::Damage& damage) {
        write_damage(json, damage);
    });
    json.end_object();
}

}  // namespace

std::string blocks_json(const Db& db) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.key("blocks");
    json.begin_array();
    for (const block::BlockMeta& meta : db.blocks()) {
        json.raw(block::to_json(meta));
    }
    json.end_array();
    json.end_object();
    return out;
}

std::string storage_json(const Db& db) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    array(json, "blocks", db.view()->blocks, [&](const auto& block) { write_block(json, *block); });
    array(json, "notServed", db.findings(), [&](const FolderFinding& finding) {
        write_finding(json, finding);
    });
    write_replay(json, db.replay_report());
    array(json, "chunkFileDamages", db.chunk_file_damages(), [&](const ChunkFileDamage& damage) {
        json.member("path", damage.path);
        natural(json, "offset", damage.offset);
        json.member("reason", damage.reason);
    });
    array(json, "refusedSeries", db.refused_series(), [&](const RefusedSeries::Target& target) {
        json.member("job", target.job);
        json.member("instance", target.instance);
        natural(json, "refused", target.refused);
    });
    json.end_object();
    return out;
}

}  // namespace tsdb
