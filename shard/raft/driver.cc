#include "shard/raft/driver.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "shard/raft/journal.h"
#include "shard/raft/waiting.h"

namespace shard::raft {

using base::Code;
using base::Error;
using base::fail;
using base::Result;
using base::Status;
using base::SteadyTime;
using base::success;

namespace {

// When the log is cut. One snapshot is on its way to the disk at most.
class Compaction {
  public:
    explicit Compaction(const DriverOptions& options) : options_(options) {}

    void applied(const Entry& entry) {
        bytes_ += entry.bytes();
        ++entries_;
    }

    [[nodiscard]] bool due() const {
        return !under_way_ &&
               (bytes_ >= options_.compact_bytes || entries_ >= options_.compact_entries);
    }

    void begin() {
        bytes_ = 0;
        entries_ = 0;
        under_way_ = true;
    }

    // The state machine became that of another snapshot, before which its own is dropped unless it
    // is on its way to the disk.
    void restart() {
        bytes_ = 0;
        entries_ = 0;
        under_way_ = meta_.has_value();
    }

    // The batch `number` has the snapshot.
    void saving(uint64_t number, const SnapshotMeta& meta) {
        number_ = number;
        meta_ = meta;
    }

    // returns  what became durable with the batches up to `number`
    [[nodiscard]] std::optional<SnapshotMeta> persisted(uint64_t number) {
        if (!meta_ || number < number_) {
            return std::nullopt;
        }
        under_way_ = false;
        return std::exchange(meta_, std::nullopt);
    }

  private:
    const DriverOptions& options_;
    size_t bytes_ = 0;  // applied since the last one
    Index entries_ = 0;
    bool under_way_ = false;
    uint64_t number_ = 0;
    std::optional<SnapshotMeta> meta_;
};

}  // namespace

class Driver::Body {
  public:
    Body(MemberId self, const DriverOptions& options, const Parts& parts, Stored stored);
    ~Body();
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;

    SteadyTime poll();
    void receive(Message message);
    void unreachable(MemberId member);
    void propose(std::string command, Proposed done);
    void read(Read done);
    Status change(const Configuration& to);
    Status transfer(MemberId to);
    void step_down();

    [[nodiscard]] DriverStatus status() const;

    [[nodiscard]] const Core& core() const { return core_; }

  private:
    // Carries out what the core says and gives the answers, until nothing is left to do. Every call
    // from outside ends with it; in calls from within it does nothing: the outer one goes on.
    void work();
    void carry_out(Output output);
    void persist(Persist batch);
    void on_persisted(uint64_t number, const Status& status);
    void send_snapshot(const SnapshotSend& send);
    void restore(const SnapshotMeta& meta);
    void apply(const std::vector<Entry>& entries);
    void answer_reads(const Output& output);
    void tell_members();
    void compact();
    void tick();
    void fail_stop(const Error& error);
    void give_answers();

    // Nothing, or why nothing can be asked now.
    [[nodiscard]] std::optional<Error> refusal() const;
    template <class Done>
    void refuse(Done done, Error error);

    const DriverOptions options_;
    const Parts parts_;
    Journal journal_;
    Core core_;
    Compaction compaction_;
    Answers answers_;  // due
    Answers later_;    // refused to completions: due with the next call
    WaitingProposals proposals_;
    WaitingReads reads_;
    Index applied_ = 0;
    Configuration told_;  // to the transport
    SteadyTime next_tick_;
    bool working_ = false;
    bool answering_ = false;
    bool closing_ = false;
    bool failed_ = false;
    // Batches that become durable later know by it whether the driver is still there.
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

Driver::Body::Body(MemberId self, const DriverOptions& options, const Parts& parts, Stored stored)
    : options_(options),
      parts_(parts),
      journal_(parts.log, parts.clock),
      core_(self, options.core, stored, parts.random),
      compaction_(options_),
      proposals_(answers_),
      reads_(answers_),
      applied_(stored.snapshot ? stored.snapshot->index : 0),
      next_tick_(parts.clock.steady() + options.tick) {
    journal_.started(core_, stored);
    tell_members();
}

Driver::Body::~Body() {
    closing_ = true;
    const Error error(Code::kCanceled, "the member is stopping");
    proposals_.fail_all(error);
    reads_.fail_all(error);
    for (Answers* due : {&answers_, &later_}) {
        while (!due->empty()) {
            due->take()();
        }
    }
}

// --- what others ask for -------------------------------------------------------------------------

SteadyTime Driver::Body::poll() {
    const SteadyTime now = parts_.clock.steady();
    if (!failed_ && now >= next_tick_) {
        const auto due = (now - next_tick_) / options_.tick + 1;
        const auto most = std::max<int64_t>(options_.late_ticks_max, 1);
        const int64_t ticks = std::min<int64_t>(due, most);
        next_tick_ = due > most ? now + options_.tick : next_tick_ + ticks * options_.tick;
        for (int64_t i = 0; i < ticks; ++i) {
            tick();
        }
    }
    work();
    if (!later_.empty()) {
        return now;
    }
    return failed_ ? SteadyTime::max() : next_tick_;
}

void Driver::Body::tick() {
    if (failed_) {
        return;
    }
    core_.tick();
    const Term led = core_.state() == State::kLeader ? core_.term() : 0;
    proposals_.expire(parts_.clock.steady(), options_.fate_wait, led);
    work();
}

void Driver::Body::receive(Message message) {
    if (!failed_) {
        core_.step(std::move(message));
    }
    work();
}

void Driver::Body::unreachable(MemberId member) {
    if (!failed_) {
        core_.unreachable(member);
    }
    work();
}

void Driver::Body::propose(std::string command, Proposed done) {
    if (const auto error = refusal()) {
        refuse(std::move(done), *error);
    } else if (const auto index = core_.propose(std::move(command))) {
        proposals_.add(core_.term(), index.value(), std::move(done));
    } else {
        refuse(std::move(done), index.error());
    }
    work();
}

void Driver::Body::read(Read done) {
    if (const auto error = refusal()) {
        refuse(std::move(done), *error);
    } else {
        const uint64_t context = reads_.add(std::move(done));
        if (const Status asked = core_.read(context); !asked) {
            refuse(reads_.take(context), asked.error());
        }
    }
    work();
}

std::optional<Error> Driver::Body::refusal() const {
    if (closing_) {
        return Error(Code::kCanceled, "the member is stopping");
    }
    if (failed_) {
        return Error(Code::kUnavailable,
                     "the disk of this member failed and it takes no part any more: ask another "
                     "one");
    }
    if (proposals_.size() + reads_.size() >= options_.waiting_max) {
        return Error(Code::kLimit,
                     "too many proposals and reads wait (waiting_max " +
                         std::to_string(options_.waiting_max) + "): try again later");
    }
    return std::nullopt;
}

template <class Done>
void Driver::Body::refuse(Done done, Error error) {
    if (!closing_) {
        (answering_ ? later_ : answers_).add(std::move(done), fail(std::move(error)));
    }
}

Status Driver::Body::change(const Configuration& to) {
    if (auto error = refusal(); error && error->code() != Code::kLimit) {
        return fail(*std::move(error));
    }
    const auto index = core_.change(to);
    work();
    if (!index) {
        return fail(index.error());
    }
    return success();
}

Status Driver::Body::transfer(MemberId to) {
    if (auto error = refusal(); error && error->code() != Code::kLimit) {
        return fail(*std::move(error));
    }
    Status begun = core_.transfer(to);
    work();
    return begun;
}

void Driver::Body::step_down() {
    if (!failed_) {
        core_.step_down();
    }
    work();
}

DriverStatus Driver::Body::status() const {
    DriverStatus now;
    now.self = core_.self();
    now.leader = core_.leader();
    now.state = core_.state();
    now.leads = core_.leads() && !failed_;
    now.term = core_.term();
    now.commit = core_.commit_index();
    now.applied = applied_;
    now.last = core_.last_index();
    now.log_begin = core_.log_begin();
    now.log_bytes = core_.log_bytes();
    now.configuration = core_.configuration();
    now.progress = core_.progress();
    now.disk_failed = failed_;
    return now;
}

// --- what the core says --------------------------------------------------------------------------

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

// --- the face ------------------------------------------------------------------------------------

Result<std::unique_ptr<Driver>> Driver::start(MemberId self,
                                              const DriverOptions& options,
                                              const Parts& parts) {
    TRY(Stored stored, base::context(parts.storage.load(), "load raft state"));
    if (stored.snapshot) {
        TRY(base::context(parts.machine.restore(*stored.snapshot_data),
                          "restore the state machine from the raft snapshot at index",
                          stored.snapshot->index));
    }
    stored.snapshot_data = nullptr;
    return std::unique_ptr<Driver>(
        new Driver(std::make_unique<Body>(self, options, parts, std::move(stored))));
}

Driver::Driver(std::unique_ptr<Body> body) : body_(std::move(body)) {}

Driver::~Driver() = default;

SteadyTime Driver::poll() {
    return body_->poll();
}

void Driver::receive(Message message) {
    body_->receive(std::move(message));
}

void Driver::unreachable(MemberId member) {
    body_->unreachable(member);
}

void Driver::propose(std::string command, Proposed done) {
    body_->propose(std::move(command), std::move(done));
}

void Driver::read(Read done) {
    body_->read(std::move(done));
}

Status Driver::change(const Configuration& to) {
    return body_->change(to);
}

Status Driver::transfer(MemberId to) {
    return body_->transfer(to);
}

void Driver::step_down() {
    body_->step_down();
}

DriverStatus Driver::status() const {
    return body_->status();
}

const Core& Driver::core() const {
    return body_->core();
}

}  // namespace shard::raft
