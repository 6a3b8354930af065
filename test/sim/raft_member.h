// A raft member as a program of the simulated world: the real driver and core, on a simulated disk
// and network, with a state machine that remembers everything.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/random.h"
#include "shard/raft/driver.h"
#include "test/sim/disk.h"
#include "test/sim/network.h"
#include "test/sim/raft_checks.h"
#include "test/sim/raft_disk.h"
#include "test/sim/world.h"

namespace sim {

// The number in front of every command.
[[nodiscard]] uint64_t command_id(std::string_view command);
[[nodiscard]] std::string make_command(uint64_t id, size_t bytes);

// A hash over all commands, in their order. Its answer to a command is the hash after it.
class RecordingMachine final : public raft::StateMachine {
  public:
    // padding   bytes that a snapshot has besides
    RecordingMachine(RaftChecks& checks, ProcessId process, size_t padding)
        : checks_(checks), process_(process), padding_(padding) {}

    std::string apply(raft::Index index, std::string_view command) override;
    [[nodiscard]] std::shared_ptr<const std::string> snapshot() const override;
    [[nodiscard]] base::Status restore(std::string_view snapshot) override;

    // What snapshot() of a machine that has applied nothing gives.
    [[nodiscard]] static std::string empty_state(size_t padding);
    // The hash in an answer.
    [[nodiscard]] static uint64_t chain_of(std::string_view answer);

  private:
    RaftChecks& checks_;
    ProcessId process_;
    size_t padding_;
    raft::Index last_ = 0;  // command
    uint64_t chain_ = 1;
};

class RaftMember;

class SimRaftTransport final : public raft::RaftTransport {
  public:
    SimRaftTransport(World& world, Network& network, RaftChecks& checks, ProcessId process)
        : world_(world), network_(network), checks_(checks), process_(process) {}

    void send(raft::Message message) override;

    // Whoever speaks is heard, and answered: who stays away is the members' own affair.
    void members(const raft::Configuration&) override {}

  private:
    World& world_;
    Network& network_;
    RaftChecks& checks_;
    ProcessId process_;
};

class RaftMember final : public Program {
  public:
    struct Parts {
        World& world;
        Network& network;
        RaftChecks& checks;
        Disk& disk;
        RaftDisk& content;
    };

    RaftMember(ProcessId process,
               const raft::DriverOptions& options,
               size_t padding,
               const Parts& parts);
    ~RaftMember() override;

    void receive(const raft::Message& message);
    void unreachable(raft::MemberId member);

    // After a call to it, call checked().
    [[nodiscard]] raft::Driver& driver() { return *driver_; }

    void checked() { parts_.checks.after(process_); }

  private:
    void poll();

    ProcessId process_;
    Parts parts_;
    base::SeededRandom random_;
    SimRaftStorage storage_;
    SimRaftTransport transport_;
    RecordingMachine machine_;
    std::unique_ptr<raft::Driver> driver_;
};

}  // namespace sim
