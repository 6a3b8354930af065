#include "shard/raft/kv_storage.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/checksum.h"

namespace shard::raft {

using base::Code;
using base::context;
using base::fail;
using base::MutexLock;
using base::Result;
using base::Status;
using base::success;

namespace {

size_t bytes_of(const Persist& batch) {
    size_t bytes = 0;
    for (const Entry& entry : batch.entries) {
        bytes += entry.bytes();
    }
    return bytes + (batch.received ? batch.received->data.size() : 0);
}

}  // namespace

KvStorage::KvStorage(base::KvStore& store, Post post)
    : store_(store),
      families_{store.family(kLogFamily), store.family(kMetaFamily), store.family(kSnapshotFamily)},
      post_(std::move(post)),
      thread_([this] { run(); }) {}

KvStorage::~KvStorage() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

Result<Stored> KvStorage::load() {
    {
        const MutexLock lock(mutex_);
        while (writing_ || !queue_.empty()) {
            changed_.wait(mutex_);
        }
    }
    TRY(LoadedStorage loaded, load_storage(store_, families_));
    {
        const MutexLock lock(mutex_);
        snapshot_ = loaded.layout.snapshot;
    }
    writer_ = std::make_unique<BatchWriter>(store_, families_, std::move(loaded.layout));
    return std::move(loaded.stored);
}

void KvStorage::persist(Persist batch, Done done) {
    SKEIN_CHECK(writer_ != nullptr, "persist() before load()");
    {
        const MutexLock lock(mutex_);
        queue_.push_back(Waiting{std::move(batch), std::move(done)});
    }
    changed_.notify_all();
}

// --- the writing thread --------------------------------------------------------------------------

void KvStorage::run() {
    for (Group group = next_group(); !group.empty(); group = next_group()) {
        if (failed_) {
            failed_ = context(write(group), "write raft state");
        }
        finish(std::move(group), failed_);
    }
}

KvStorage::Group KvStorage::next_group() {
    const MutexLock lock(mutex_);
    while (queue_.empty() && !stopping_) {
        changed_.wait(mutex_);
    }
    Group group;
    size_t bytes = 0;
    while (!queue_.empty() && (group.empty() || bytes < kGroupBytesMax)) {
        bytes += bytes_of(queue_.front().batch);
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    writing_ = !group.empty();
    return group;
}

Status KvStorage::write(const Group& group) {
    for (const Waiting& waiting : group) {
        TRY(writer_->add(waiting.batch));
    }
    return writer_->commit();
}

void KvStorage::finish(Group group, const Status& status) {
    {
        const MutexLock lock(mutex_);
        if (status) {
            snapshot_ = writer_->layout().snapshot;
        }
        writing_ = false;
    }
    changed_.notify_all();
    // Copied with the function that holds it: what is heavy goes first.
    std::vector<std::pair<uint64_t, Done>> done;
    done.reserve(group.size());
    for (Waiting& waiting : group) {
        done.emplace_back(waiting.batch.number, std::move(waiting.done));
    }
    group.clear();
    post_([done = std::move(done), status] {
        for (const auto& [number, call] : done) {
            call(number, status);
        }
    });
}

// --- snapshots -----------------------------------------------------------------------------------

Result<uint64_t> KvStorage::generation_of(const SnapshotMeta& meta) {
    const MutexLock lock(mutex_);
    if (!snapshot_ || snapshot_->meta != meta) {
        return fail(Code::kNotFound, "the snapshot at index", meta.index, "is no longer here");
    }
    return snapshot_->generation;
}

Result<std::string> KvStorage::snapshot_bytes(const SnapshotMeta& meta,
                                              uint64_t offset,
                                              size_t bytes) {
    const size_t left = meta.size - std::min(offset, meta.size);
    return read_parts(meta, offset, std::min(bytes, left));
}

Result<std::string> KvStorage::installed_snapshot(const SnapshotMeta& meta) {
    TRY(std::string data, read_parts(meta, 0, meta.size));
    if (base::crc32c(data) != meta.crc) {
        return fail(Code::kCorrupt, "the snapshot at index", meta.index, "is not what was saved");
    }
    return data;
}

Result<std::string> KvStorage::read_parts(const SnapshotMeta& meta, uint64_t offset, size_t bytes) {
    TRY(const uint64_t generation, generation_of(meta));
    std::string data;
    data.reserve(bytes);
    auto read =
        visit_parts(store_, families_.snapshot, generation, offset, [&](std::string_view part) {
            data.append(part.substr(0, bytes - data.size()));
            return data.size() < bytes;
        });
    if (read && data.size() == bytes) {
        return data;
    }
    TRY(generation_of(meta));  // another one may have taken its place meanwhile
    TRY(context(std::move(read), "read the snapshot at index", meta.index));
    return fail(Code::kCorrupt, "the snapshot at index", meta.index, "ends early");
}

}  // namespace shard::raft
