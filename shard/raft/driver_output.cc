// What the core says, carried out: disk, network, state machine, and the answers that come of it.
#include <utility>

#include "base/check.h"
#include "shard/raft/driver_body.h"

namespace shard::raft {

using base::Code;
using base::Error;
using base::Status;

void Driver::Body::work() {
    if (working_ || closing_) {
        return;
    }
    working_ = true;
    while (!later_.empty()) {
        answers_.push(later_.take());
    }
    do {
        while (!failed_ && core_.has_output()) {
            carry_out(core_.output());
            journal_.look(core_);
        }
        give_answers();
    } while (!failed_ && core_.has_output());
    working_ = false;
}

void Driver::Body::give_answers() {
    answering_ = true;
    while (!answers_.empty()) {
        answers_.take()();
    }
    answering_ = false;
}

void Driver::Body::carry_out(Output output) {
    tell_members();
    if (output.persist) {
        persist(*std::move(output.persist));
    }
    for (Message& message : output.messages) {
        parts_.transport.send(std::move(message));
    }
    for (const SnapshotSend& send : output.snapshots) {
        send_snapshot(send);
    }
    if (output.restore) {
        restore(*output.restore);
    }
    apply(output.committed);
    answer_reads(output);
    compact();
}

void Driver::Body::persist(Persist batch) {
    if (batch.snapshot) {
        compaction_.saving(batch.number, batch.snapshot->meta);
    }
    parts_.storage.persist(
        std::move(batch),
        [this, alive = std::weak_ptr(alive_)](uint64_t number, const Status& status) {
            if (!alive.expired()) {
                on_persisted(number, status);
            }
        });
}

void Driver::Body::on_persisted(uint64_t number, const Status& status) {
    if (!status) {
        fail_stop(status.error());
    } else if (!failed_) {
        core_.persisted(number);
        if (const auto snapshot = compaction_.persisted(number)) {
            journal_.snapshot_taken(*snapshot);
        }
    }
    work();
}

void Driver::Body::send_snapshot(const SnapshotSend& send) {
    if (failed_) {
        return;
    }
    auto bytes = parts_.storage.snapshot_bytes(send.meta, send.offset, kSnapshotChunkBytesMax);
    if (bytes) {
        journal_.snapshot_sent(send);
        SnapshotChunk chunk{send.meta, send.offset, std::move(bytes).value()};
        parts_.transport.send(Message{core_.self(), send.to, send.term, std::move(chunk)});
    } else if (bytes.error().code() == Code::kNotFound) {
        core_.unreachable(send.to);  // a newer one took its place: the core asks anew
    } else {
        fail_stop(bytes.error());
    }
}

void Driver::Body::restore(const SnapshotMeta& meta) {
    if (failed_) {
        return;
    }
    const auto bytes = parts_.storage.installed_snapshot(meta);
    if (!bytes) {
        return fail_stop(bytes.error());
    }
    if (const Status restored = parts_.machine.restore(bytes.value()); !restored) {
        return fail_stop(restored.error());
    }
    applied_ = meta.index;
    core_.applied(applied_);
    compaction_.restart();
    proposals_.restored(meta.term, meta.index);
    reads_.applied(applied_);
    journal_.snapshot_restored(meta);
}

void Driver::Body::apply(const std::vector<Entry>& entries) {
    if (failed_ || entries.empty()) {
        return;
    }
    for (const Entry& entry : entries) {
        SKEIN_CHECK(entry.index == applied_ + 1, "applied", applied_, "next", entry.index);
        std::string answer;
        if (entry.kind == EntryKind::kCommand) {
            answer = parts_.machine.apply(entry.index, *entry.data);
        }
        applied_ = entry.index;
        proposals_.applied(entry.term, entry.index, std::move(answer));
        compaction_.applied(entry);
    }
    core_.applied(applied_);
    reads_.applied(applied_);
}

void Driver::Body::answer_reads(const Output& output) {
    if (failed_) {
        return;
    }
    for (const ReadReady& ready : output.reads) {
        reads_.ready(ready.context, ready.index, applied_);
    }
    for (const uint64_t context : output.failed_reads) {
        reads_.failed(context,
                      Error(Code::kUnavailable,
                            "leadership was lost before the read was confirmed: ask the leader"));
    }
}

void Driver::Body::tell_members() {
    if (core_.configuration() != told_) {
        told_ = core_.configuration();
        parts_.transport.members(told_);
    }
}

void Driver::Body::compact() {
    if (failed_ || !compaction_.due()) {
        return;
    }
    std::shared_ptr<const std::string> data = parts_.machine.snapshot();
    if (data->size() > kSnapshotBytesMax) {
        journal_.snapshot_too_large(data->size());
        compaction_.restart();  // later, perhaps
        return;
    }
    compaction_.begin();
    core_.compact(applied_, std::move(data), options_.trailing_entries);
}

void Driver::Body::fail_stop(const Error& error) {
    if (failed_) {
        return;
    }
    failed_ = true;
    journal_.disk_failed(error);
    proposals_.fail_all(Error(Code::kTimeout,
                              "the disk of this member failed, and nobody here knows whether the "
                              "command will be applied; ask another member before proposing it "
                              "again"));
    reads_.fail_all(Error(Code::kUnavailable, "the disk of this member failed: ask another one"));
}

}  // namespace shard::raft
