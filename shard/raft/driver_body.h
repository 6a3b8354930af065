// What a driver consists of. Private to it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shard/raft/compaction.h"
#include "shard/raft/driver.h"
#include "shard/raft/journal.h"
#include "shard/raft/waiting.h"

namespace shard::raft {

class Driver::Body {
  public:
    // --- driver.cc: what others ask for --------------------------------------------------------
    Body(MemberId self, const DriverOptions& options, const Parts& parts, Stored stored);
    ~Body();
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;

    base::SteadyTime poll();
    void receive(Message message);
    void unreachable(MemberId member);
    void propose(std::string command, Proposed done);
    void read(Read done);
    base::Status change(const Configuration& to);
    base::Status transfer(MemberId to);
    void step_down();

    [[nodiscard]] DriverStatus status() const;

    [[nodiscard]] const Core& core() const { return core_; }

    [[nodiscard]] bool failed() const { return failed_; }

  private:
    // --- driver_output.cc: what the core says -------------------------------------------------
    // Carries out what the core says and gives the answers, until nothing is left to do. Every call
    // from outside ends with it; in calls from within it does nothing: the outer one goes on.
    void work();
    void carry_out(Output output);
    void persist(Persist batch);
    void on_persisted(uint64_t number, const base::Status& status);
    void send_snapshot(const SnapshotSend& send);
    void restore(const SnapshotMeta& meta);
    void apply(const std::vector<Entry>& entries);
    void answer_reads(const Output& output);
    void tell_members();
    void compact();
    void tick();
    void fail_stop(const base::Error& error);
    void give_answers();

    // Nothing, or why nothing can be asked now.
    [[nodiscard]] std::optional<base::Error> refusal() const;
    template <class Done>
    void refuse(Done done, base::Error error);

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
    base::SteadyTime next_tick_;
    bool working_ = false;
    bool answering_ = false;
    bool closing_ = false;
    bool failed_ = false;
    // Batches that become durable later know by it whether the driver is still there.
    std::shared_ptr<const char> alive_ = std::make_shared<const char>();
};

}  // namespace shard::raft
