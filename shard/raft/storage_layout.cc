#include "shard/raft/storage_layout.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/checksum.h"
#include "base/kv_record.h"

namespace shard::raft {

using base::Code;
using base::context;
using base::fail;
using base::KvBatch;
using base::KvCursor;
using base::KvFamily;
using base::KvStore;
using base::KvSync;
using base::Result;
using base::Status;
using base::success;

namespace {

class Loader {
  public:
    Loader(KvStore& store, const StorageFamilies& families) : store_(store), families_(families) {}

    Result<LoadedStorage> load();

  private:
    Status load_format();
    Status load_hard_state();
    Status load_log_begin();
    Status load_snapshot();
    Status load_receiving();
    Status load_log();
    Status take_entry(std::string_view key, std::string_view value);
    Status check_ends() const;
    Status drop_leftovers();
    // Nothing: no such key.
    Result<std::optional<std::string>> payload(std::string_view key) const;
    Result<std::optional<Manifest>> manifest(std::string_view key);
    [[nodiscard]] Term last_term() const;

    KvStore& store_;
    const StorageFamilies families_;
    LoadedStorage loaded_;
};

Result<LoadedStorage> Loader::load() {
    TRY(load_format());
    TRY(load_hard_state());
    TRY(load_log_begin());
    TRY(context(load_snapshot(), "snapshot"));
    TRY(context(load_receiving(), "received snapshot"));
    TRY(context(load_log(), "log"));
    TRY(check_ends());
    TRY(drop_leftovers());
    return std::move(loaded_);
}

Status Loader::load_format() {
    TRY(const auto bytes, payload(kFormatKey));
    if (!bytes) {
        return success();  // nothing of what follows may be there, either
    }
    TRY(const uint64_t format, decode_number(*bytes));
    if (format != kStorageFormat) {
        return fail(Code::kUnsupported,
                    "written in format",
                    format,
                    "which this program does not know: it reads",
                    int{kStorageFormat});
    }
    loaded_.layout.written = true;
    return success();
}

Status Loader::load_hard_state() {
    TRY(const auto bytes, payload(kHardStateKey));
    if (bytes) {
        TRY(loaded_.stored.hard_state, decode_hard_state(*bytes));
    }
    return success();
}

Status Loader::load_log_begin() {
    TRY(const auto bytes, payload(kLogBeginKey));
    if (bytes) {
        TRY(const Index begin, decode_number(*bytes));
        if (begin == 0) {
            return fail(Code::kCorrupt, "the log begins at index 0");
        }
        loaded_.stored.log_begin = begin;
        loaded_.layout.log_begin = begin;
    }
    return success();
}

Status Loader::load_snapshot() {
    TRY(const auto found, manifest(kSnapshotKey));
    if (!found) {
        return success();
    }
    std::string data;
    data.reserve(found->meta.size);
    TRY(const uint64_t end,
        visit_parts(store_, families_.snapshot, found->generation, 0, [&](std::string_view part) {
            data.append(part);
            return data.size() <= found->meta.size;
        }));
    if (end != found->meta.size || base::crc32c(data) != found->meta.crc) {
        return fail(Code::kCorrupt, "at index", found->meta.index, "is not what was saved");
    }
    loaded_.layout.snapshot = found;
    loaded_.stored.snapshot = found->meta;
    loaded_.stored.snapshot_data = std::make_shared<const std::string>(std::move(data));
    return success();
}

Status Loader::load_receiving() {
    TRY(const auto found, manifest(kReceivingKey));
    if (!found) {
        return success();
    }
    ReceivedParts parts{*found, 0, 0};
    TRY(parts.bytes,
        visit_parts(store_, families_.snapshot, found->generation, 0, [&](std::string_view part) {
            parts.crc = base::crc32c(part, parts.crc);
            return true;
        }));
    if (parts.bytes > found->meta.size) {
        return fail(Code::kCorrupt, "has", parts.bytes, "bytes of", found->meta.size);
    }
    if (parts.bytes == found->meta.size && parts.crc != found->meta.crc) {
        return success();  // was spoilt on its way: it is asked for anew, the parts are leftovers
    }
    loaded_.layout.receiving = parts;
    loaded_.stored.receiving = found->meta;
    loaded_.stored.received_bytes = parts.bytes;
    return success();
}

Status Loader::load_log() {
    KvCursor at = store_.cursor(families_.log);
    for (at.seek(""); at.valid(); at.next()) {
        TRY(take_entry(at.key(), at.value()));
    }
    TRY(at.status());
    loaded_.layout.log_end = loaded_.stored.log_begin + loaded_.stored.entries.size();
    return success();
}

Status Loader::take_entry(std::string_view key, std::string_view value) {
    std::vector<Entry>& entries = loaded_.stored.entries;
    const Index expected = loaded_.stored.log_begin + entries.size();
    const auto index = parse_log_key(key);
    if (!index) {
        return fail(Code::kCorrupt, "a key that is none, after the entry", expected - 1);
    }
    if (*index != expected) {
        return fail(Code::kCorrupt, "entry", *index, "where", expected, "should be");
    }
    TRY(const std::string_view bytes, context(base::kv_payload(key, value), "entry", *index));
    TRY(Entry entry, context(decode_entry(*index, bytes), "entry", *index));
    if (entry.term == 0 || entry.term < last_term()) {
        return fail(Code::kCorrupt, "entry", *index, "has term", entry.term, "after", last_term());
    }
    entries.push_back(std::move(entry));
    return success();
}

Term Loader::last_term() const {
    const Stored& stored = loaded_.stored;
    if (!stored.entries.empty()) {
        return stored.entries.back().term;
    }
    // Of entries that the snapshot has, too, only the one at its end is known.
    return stored.snapshot && stored.snapshot->index < stored.log_begin ? stored.snapshot->term : 0;
}

Status Loader::check_ends() const {
    const Stored& stored = loaded_.stored;
    const StorageLayout& layout = loaded_.layout;
    const Index covered = stored.snapshot ? stored.snapshot->index : 0;
    if (!layout.written && (stored.snapshot || stored.receiving || stored.log_begin != 1 ||
                            !stored.entries.empty() || stored.hard_state != HardState())) {
        return fail(Code::kCorrupt, "the format is missing and other records are there");
    }
    if (layout.log_begin > covered + 1) {
        return fail(Code::kCorrupt,
                    "the log begins at",
                    layout.log_begin,
                    "and the snapshot ends at",
                    covered);
    }
    if (layout.log_end <= covered) {
        return fail(
            Code::kCorrupt, "the log ends before", layout.log_end, "and the snapshot at", covered);
    }
    if (covered >= layout.log_begin &&
        stored.entries[covered - layout.log_begin].term != stored.snapshot->term) {
        return fail(Code::kCorrupt, "log and snapshot differ in the term of the entry", covered);
    }
    if (!stored.entries.empty() && stored.entries.back().term > stored.hard_state.term) {
        return fail(Code::kCorrupt,
                    "the log has an entry of term",
                    stored.entries.back().term,
                    "and the member has only seen",
                    stored.hard_state.term);
    }
    return success();
}

Status Loader::drop_leftovers() {
    KvBatch batch;
    const auto keeps = [&](uint64_t generation) {
        const auto& snapshot = loaded_.layout.snapshot;
        const auto& receiving = loaded_.layout.receiving;
        return (snapshot && snapshot->generation == generation) ||
               (receiving && receiving->manifest.generation == generation);
    };
    KvCursor at = store_.cursor(families_.snapshot);
    at.seek("");
    while (at.valid()) {
        const auto place = parse_part_key(at.key());
        if (!place) {
            return fail(Code::kCorrupt, "a key that is none, among the parts of snapshots");
        }
        if (!keeps(place->generation)) {
            batch.remove_range(families_.snapshot,
                               part_key(place->generation, 0),
                               part_key(place->generation + 1, 0));
        }
        loaded_.layout.last_generation =
            std::max(loaded_.layout.last_generation, place->generation);
        at.seek(part_key(place->generation + 1, 0));
    }
    TRY(at.status());
    // What has no parts has a number, too.
    for (const std::string_view key : {kSnapshotKey, kReceivingKey}) {
        TRY(const auto found, manifest(key));
        if (found) {
            loaded_.layout.last_generation =
                std::max(loaded_.layout.last_generation, found->generation);
        }
    }
    return batch.empty() ? success() : store_.write(batch, KvSync::kNo);
}

Result<std::optional<std::string>> Loader::payload(std::string_view key) const {
    TRY(const auto value, store_.get(families_.meta, key));
    if (!value) {
        return std::optional<std::string>();
    }
    TRY(const std::string_view bytes, context(base::kv_payload(key, *value), key));
    return std::optional<std::string>(bytes);
}

Result<std::optional<Manifest>> Loader::manifest(std::string_view key) {
    TRY(const auto bytes, payload(key));
    if (!bytes) {
        return std::optional<Manifest>();
    }
    TRY(Manifest found, decode_manifest(*bytes));
    return std::optional(std::move(found));
}

}  // namespace

Result<LoadedStorage> load_storage(KvStore& store, const StorageFamilies& families) {
    auto loaded = Loader(store, families).load();
    if (!loaded && loaded.error().code() == Code::kCorrupt) {
        return fail(Code::kCorrupt,
                    loaded.error().message() +
                        "; a member must not vote with a damaged memory: reset it, and let it join "
                        "as a new one");
    }
    return loaded;
}

Result<uint64_t> visit_parts(const KvStore& store,
                             KvFamily family,
                             uint64_t generation,
                             uint64_t offset,
                             const std::function<bool(std::string_view)>& visit) {
    KvCursor at = store.cursor(family);
    uint64_t next = offset;
    for (at.seek_back(part_key(generation, offset)); at.valid(); at.next()) {
        const auto place = parse_part_key(at.key());
        if (!place || place->generation != generation) {
            break;
        }
        TRY(const std::string_view data,
            context(base::kv_payload(at.key(), at.value()), "part at offset", place->offset));
        if (place->offset > next) {
            return fail(Code::kCorrupt, "part at offset", next, "is missing");
        }
        if (place->offset + data.size() <= next) {
            break;  // `offset` is the end
        }
        const std::string_view wanted = data.substr(next - place->offset);
        next += wanted.size();
        if (!visit(wanted)) {
            break;
        }
    }
    TRY(at.status());
    return next;
}

}  // namespace shard::raft
