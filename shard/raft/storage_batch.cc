#include "shard/raft/storage_batch.h"

#include <algorithm>
#include <string>

#include "base/check.h"
#include "base/checksum.h"
#include "base/kv_record.h"

namespace shard::raft {

using base::Code;
using base::fail;
using base::KvBatch;
using base::KvSync;
using base::Status;
using base::success;

Status BatchWriter::add(const Persist& batch) {
    if (!layout_.written) {
        put(kFormatKey, encode_number(kStorageFormat));
        layout_.written = true;
    }
    if (batch.hard_state) {
        put(kHardStateKey, encode_hard_state(*batch.hard_state));
    }
    put_entries(batch.entries);
    if (batch.snapshot) {
        TRY(put_snapshot(*batch.snapshot));
    }
    if (batch.received) {
        receive(*batch.received);
    }
    if (batch.install) {
        TRY(install());
    }
    return success();
}

Status BatchWriter::commit() {
    TRY(store_.write(group_, KvSync::kYes));
    group_.clear();
    return success();
}

void BatchWriter::put(std::string_view key, std::string_view payload) {
    group_.put(families_.meta, key, base::kv_record(key, payload));
}

void BatchWriter::put_entries(const std::vector<Entry>& entries) {
    if (entries.empty()) {
        return;
    }
    const Index first = entries.front().index;
    SKEIN_CHECK(first >= layout_.log_begin && first <= layout_.log_end,
                "entries from",
                first,
                "log",
                layout_.log_begin,
                layout_.log_end);
    if (first < layout_.log_end) {
        group_.remove_range(families_.log, log_key(first), log_key(layout_.log_end));
    }
    layout_.log_end = first;
    for (const Entry& entry : entries) {
        SKEIN_CHECK(entry.index == layout_.log_end, "entry", entry.index, layout_.log_end);
        const std::string key = log_key(entry.index);
        group_.put(families_.log, key, base::kv_record(key, encode_entry(entry)));
        ++layout_.log_end;
    }
}

Status BatchWriter::put_snapshot(const SavedSnapshot& snapshot) {
    SKEIN_CHECK(!layout_.snapshot || layout_.snapshot->meta.index <= snapshot.meta.index,
                "an older snapshot, at",
                snapshot.meta.index);
    const Manifest manifest{++layout_.last_generation, snapshot.meta};
    TRY(write_parts(manifest.generation, *snapshot.data));
    if (layout_.snapshot) {
        drop_parts(layout_.snapshot->generation);
    }
    put(kSnapshotKey, encode_manifest(manifest));
    layout_.snapshot = manifest;
    SKEIN_CHECK(snapshot.log_begin <= snapshot.meta.index + 1, "log begin", snapshot.log_begin);
    if (layout_.log_end <= snapshot.meta.index) {
        // A founder's: the log begins after it.
        SKEIN_CHECK(
            layout_.log_end == layout_.log_begin && snapshot.log_begin == snapshot.meta.index + 1,
            "a hole behind",
            layout_.log_end);
        layout_.log_end = snapshot.log_begin;
    }
    cut_log(snapshot.log_begin);
    return success();
}

Status BatchWriter::write_parts(uint64_t generation, std::string_view data) {
    KvBatch batch;
    for (uint64_t offset = 0; offset < data.size(); offset += kSnapshotPartBytes) {
        const std::string key = part_key(generation, offset);
        batch.put(
            families_.snapshot, key, base::kv_record(key, data.substr(offset, kSnapshotPartBytes)));
        // Durable with the group: syncing that, the store syncs what was written before.
        TRY(store_.write(batch, KvSync::kNo));
        batch.clear();
    }
    return success();
}

void BatchWriter::receive(const SnapshotChunk& chunk) {
    const auto begins_anew = [&](const ReceivedParts& parts) {
        return parts.manifest.meta != chunk.meta || (chunk.offset == 0 && parts.bytes != 0);
    };
    if (layout_.receiving && begins_anew(*layout_.receiving)) {
        drop_parts(layout_.receiving->manifest.generation);
        layout_.receiving.reset();
    }
    if (!layout_.receiving) {
        layout_.receiving = ReceivedParts{{++layout_.last_generation, chunk.meta}, 0, 0};
        put(kReceivingKey, encode_manifest(layout_.receiving->manifest));
    }
    ReceivedParts& parts = *layout_.receiving;
    SKEIN_CHECK(chunk.offset == parts.bytes, "part at", chunk.offset, "have", parts.bytes);
    SKEIN_CHECK(chunk.data.size() <= chunk.meta.size - chunk.offset, "part beyond the end");
    if (!chunk.data.empty()) {
        const std::string key = part_key(parts.manifest.generation, chunk.offset);
        group_.put(families_.snapshot, key, base::kv_record(key, chunk.data));
        parts.bytes += chunk.data.size();
        parts.crc = base::crc32c(chunk.data, parts.crc);
    }
}

Status BatchWriter::install() {
    SKEIN_CHECK(layout_.receiving.has_value(), "nothing to install");
    const ReceivedParts parts = *layout_.receiving;
    const SnapshotMeta& meta = parts.manifest.meta;
    SKEIN_CHECK(parts.bytes == meta.size, "installed with", parts.bytes, "of", meta.size);
    if (parts.crc != meta.crc) {
        return fail(Code::kCorrupt,
                    "the snapshot received at index",
                    meta.index,
                    "is not what was announced; restart to ask for it anew");
    }
    if (layout_.snapshot) {
        drop_parts(layout_.snapshot->generation);
    }
    put(kSnapshotKey, encode_manifest(parts.manifest));
    group_.remove(families_.meta, kReceivingKey);
    layout_.snapshot = parts.manifest;
    layout_.receiving.reset();
    group_.remove_range(families_.log, log_key(layout_.log_begin), log_key(layout_.log_end));
    layout_.log_begin = layout_.log_end = meta.index + 1;
    put(kLogBeginKey, encode_number(layout_.log_begin));
    return success();
}

void BatchWriter::cut_log(Index begin) {
    if (begin <= layout_.log_begin) {
        return;
    }
    group_.remove_range(families_.log, log_key(layout_.log_begin), log_key(begin));
    layout_.log_begin = begin;
    put(kLogBeginKey, encode_number(begin));
}

void BatchWriter::drop_parts(uint64_t generation) {
    group_.remove_range(families_.snapshot, part_key(generation, 0), part_key(generation + 1, 0));
}

}  // namespace shard::raft
