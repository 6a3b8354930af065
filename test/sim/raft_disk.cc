#include "test/sim/raft_disk.h"

#include <utility>

#include "base/check.h"
#include "test/sim/raft_checks.h"

namespace sim {

using base::Code;
using base::fail;

void RaftDisk::commit(const raft::Persist& batch) {
    if (batch.hard_state) {
        hard_state_ = *batch.hard_state;
    }
    if (!batch.entries.empty()) {
        replace_from(batch.entries);
    }
    if (batch.snapshot) {
        save(*batch.snapshot);
    }
    if (batch.received) {
        receive(*batch.received);
    }
    if (batch.install) {
        install();
    }
}

void RaftDisk::replace_from(const std::vector<raft::Entry>& entries) {
    const raft::Index from = entries.front().index;
    SKEIN_CHECK(from >= log_begin_ && from <= last() + 1,
                "a hole in the log on disk: it begins with",
                log_begin_,
                "ends with",
                last(),
                "and is continued with",
                from);
    entries_.resize(from - log_begin_);
    entries_.insert(entries_.end(), entries.begin(), entries.end());
}

void RaftDisk::save(const raft::SavedSnapshot& snapshot) {
    SKEIN_CHECK(snapshot.log_begin <= snapshot.meta.index + 1 &&
                    (entries_.empty() || snapshot.log_begin <= last() + 1),
                "the log is cut behind its end",
                snapshot.log_begin,
                last());
    snapshot_ = snapshot.meta;
    snapshot_data_ = snapshot.data;
    while (log_begin_ < snapshot.log_begin && !entries_.empty()) {
        entries_.pop_front();
        ++log_begin_;
    }
    log_begin_ = std::max(log_begin_, snapshot.log_begin);
}

void RaftDisk::receive(const raft::SnapshotChunk& chunk) {
    // Of one that was given up and is sent again there may be parts.
    if (receiving_ != chunk.meta || chunk.offset == 0) {
        receiving_ = chunk.meta;
        received_.clear();
    }
    SKEIN_CHECK(chunk.offset == received_.size(), "a hole in a snapshot", chunk.offset);
    received_ += chunk.data;
}

void RaftDisk::install() {
    SKEIN_CHECK(receiving_ && received_.size() == receiving_->size, "a snapshot with a hole");
    snapshot_ = *std::exchange(receiving_, std::nullopt);
    snapshot_data_ = std::make_shared<const std::string>(std::exchange(received_, {}));
    entries_.clear();
    log_begin_ = snapshot_->index + 1;
}

raft::Stored RaftDisk::stored() const {
    raft::Stored stored;
    stored.hard_state = hard_state_;
    stored.snapshot = snapshot_;
    stored.snapshot_data = snapshot_data_;
    stored.log_begin = log_begin_;
    stored.entries.assign(entries_.begin(), entries_.end());
    stored.receiving = receiving_;
    stored.received_bytes = received_.size();
    return stored;
}

raft::Term RaftDisk::term_at(raft::Index index) const {
    if (index >= log_begin_ && index <= last()) {
        return entries_[index - log_begin_].term;
    }
    return snapshot_ && snapshot_->index == index ? snapshot_->term : 0;
}

bool RaftDisk::has(raft::Index index, raft::Term term) const {
    return term_at(index) == term || (snapshot_ && index <= snapshot_->index);
}

void SimRaftStorage::persist(raft::Persist batch, Done done) {
    checks_.persisting(process_, batch);
    const auto shared = std::make_shared<const raft::Persist>(std::move(batch));
    disk_.write(
        [&content = content_, &checks = checks_, process = process_, shared] {
            content.commit(*shared);
            checks.durable(process, *shared);
        },
        [&checks = checks_, process = process_, number = shared->number, done = std::move(done)](
            bool ok) {
            if (ok) {
                done(number, base::success());
            } else {
                done(number, fail(Code::kIo, "the simulated disk failed"));
            }
            checks.after(process);
        });
}

base::Result<std::string> SimRaftStorage::snapshot_bytes(const raft::SnapshotMeta& meta,
                                                         uint64_t offset,
                                                         size_t bytes) {
    if (content_.snapshot() != meta) {
        return fail(Code::kNotFound, "another snapshot is there");
    }
    return content_.snapshot_data()->substr(offset, bytes);
}

base::Result<std::string> SimRaftStorage::installed_snapshot(const raft::SnapshotMeta& meta) {
    if (content_.snapshot() != meta) {
        return fail(Code::kNotFound, "another snapshot is there");
    }
    return *content_.snapshot_data();
}

}  // namespace sim
