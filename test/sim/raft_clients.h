// What is asked of a simulated raft group: commands, reads, transfers and changes of its members;
// and whether the answers are true.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "test/sim/raft_checks.h"
#include "test/sim/raft_group.h"
#include "test/sim/world.h"

namespace sim {

struct ClientOptions {
    Time gap = std::chrono::milliseconds(20);          // between calls, on average
    Time admin_gap = std::chrono::milliseconds(2000);  // between an operator's, on average; 0: none
    size_t bytes_max = 200;                            // of most commands
    uint32_t large_per_mille = 0;                      // commands that fill an append alone
    uint32_t read_percent = 25;
    uint32_t members_max = 7;     // an operator adds no more
    uint32_t processes_max = 24;  // over the whole run
};

class RaftClients {
  public:
    RaftClients(World& world, RaftGroup& group, RaftChecks& checks, const ClientOptions& options);

    // Calls at random times, until stop().
    void begin();

    void stop() { begun_ = 0; }

    // Somebody has just been elected: the operator may be very quick.
    void new_leader(ProcessId process);

    // To this member, now. returns  the call
    uint64_t propose(RaftMember& member, size_t bytes);
    uint64_t read(RaftMember& member);

    [[nodiscard]] uint64_t pending() const { return pending_; }

    // Answered with success.
    [[nodiscard]] bool succeeded(uint64_t call) const {
        return calls_[call].state == State::kSucceeded;
    }

    [[nodiscard]] uint64_t successes() const { return successes_; }

  private:
    enum class State : uint8_t { kPending, kSucceeded, kRefused, kUnknown };

    struct Call {
        ProcessId process = kNoProcess;
        State state = State::kPending;
        bool read = false;
        raft::Index floor = 0;    // of a read: what had been seen when it was asked
        raft::Index applied = 0;  // of a command
    };

    uint64_t add(ProcessId process, bool read);
    void answered(uint64_t call, const base::Result<std::string>& answer);
    void read_done(uint64_t call, const base::Status& answer);
    void settle(uint64_t call, State state);
    void first_applied(raft::Index index, std::string_view command);
    [[nodiscard]] State failed(uint64_t call, const base::Error& error);

    void call_soon();
    void call();
    void administer_soon();
    void administer();
    void replace_lost(RaftMember& leader);
    void change(RaftMember& leader);
    void transfer(RaftMember& leader);
    [[nodiscard]] bool add_learner(raft::Configuration& to);
    [[nodiscard]] bool turn(raft::Configuration& to, raft::Role from, raft::Role role);
    [[nodiscard]] bool drop(raft::Configuration& to);
    [[nodiscard]] Time around(Time average);
    [[nodiscard]] size_t some_bytes();
    [[nodiscard]] RaftMember* somebody();

    World& world_;
    RaftGroup& group_;
    RaftChecks& checks_;
    ClientOptions options_;
    base::SeededRandom random_;
    uint64_t begun_ = 0;  // 0: not now
    uint64_t last_begun_ = 0;
    std::vector<Call> calls_;
    uint64_t pending_ = 0;
    uint64_t successes_ = 0;
    raft::Index seen_ = 0;  // that somebody was told of
};

}  // namespace sim
