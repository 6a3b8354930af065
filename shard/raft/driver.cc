#include "shard/raft/driver.h"

#include <algorithm>
#include <utility>

#include "shard/raft/driver_body.h"

namespace shard::raft {

using base::Code;
using base::Error;
using base::fail;
using base::Result;
using base::Status;
using base::SteadyTime;
using base::success;

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
    now.configuration_index = core_.configuration_index();
    now.progress = core_.progress();
    now.disk_failed = failed_;
    return now;
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

bool Driver::failed() const {
    return body_->failed();
}

}  // namespace shard::raft
