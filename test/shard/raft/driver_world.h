// Whole members on disks and a network in memory, under a clock that the test moves.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "shard/raft/driver.h"
#include "test/shard/raft/core_harness.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

namespace raft_test {

// Writes when write() says so, or with every turn of the world.
class HeldDisk final : public RaftStorage {
  public:
    explicit HeldDisk(Disk disk) : disk_(std::move(disk)) {}

    base::Result<Stored> load() override;
    void persist(Persist batch, Done done) override;
    base::Result<std::string> snapshot_bytes(const SnapshotMeta& meta,
                                             uint64_t offset,
                                             size_t bytes) override;
    base::Result<std::string> installed_snapshot(const SnapshotMeta& meta) override;

    // Makes what waits durable, or fails. returns  whether there was something
    bool write();

    // A power cut: what waits is lost, and nobody is told.
    void lose_waiting() { waiting_.clear(); }

    [[nodiscard]] const Stored& stored() const { return disk_.stored(); }

    bool slow = false;
    std::optional<base::Error> broken;
    size_t part_bytes = kSnapshotChunkBytesMax;
    size_t parts_read = 0;

  private:
    struct Waiting {
        Persist batch;
        Done done;
    };

    Disk disk_;
    std::deque<Waiting> waiting_;
};

// The list of the commands applied.
class ListMachine final : public StateMachine {
  public:
    std::string apply(Index index, std::string_view command) override;
    [[nodiscard]] std::shared_ptr<const std::string> snapshot() const override;
    base::Status restore(std::string_view snapshot) override;

    std::vector<std::string> commands;
    size_t restores = 0;
    bool broken = false;
};

class World;

class HeldTransport final : public RaftTransport {
  public:
    explicit HeldTransport(World& world) : world_(world) {}

    void send(Message message) override;

    void members(const Configuration& configuration) override { told.push_back(configuration); }

    std::vector<Configuration> told;

  private:
    World& world_;
};

// What a completion was called with.
struct Answered {
    size_t calls = 0;
    std::optional<base::Result<std::string>> answer;

    // The answer, or the name of the code it failed with, or "waits".
    [[nodiscard]] std::string text() const;
};

struct DrivenMember {
    DrivenMember(MemberId id, World& world, Disk from);

    HeldDisk disk;
    ListMachine machine;
    HeldTransport transport;
    base::SeededRandom random;
    std::unique_ptr<Driver> driver;  // null: it is down
};

class World {
  public:
    // All founded with the same members, or empty when these do not have them.
    World(const std::vector<MemberId>& ids, const Configuration& configuration);

    DriverOptions options;
    test_support::FakeClock clock;
    test_support::CaptureSink lines;

    [[nodiscard]] DrivenMember& operator[](MemberId id) { return *members_.at(id); }

    [[nodiscard]] Driver& driver(MemberId id) { return *members_.at(id)->driver; }

    void start(MemberId id);
    void start_all();
    // Ends as the process does; the disk keeps what is durable.
    void stop(MemberId id);
    void restart(MemberId id);

    // Delivers and writes until nothing moves.
    void settle();
    // A tick of time, and what comes of it.
    void tick(size_t count = 1);
    // Ticks until done() says so; fails the test after a while.
    void until(const std::function<bool()>& done);
    // Ticks until one leads, and returns it.
    MemberId leader();

    std::shared_ptr<Answered> propose(MemberId at, std::string command);
    std::shared_ptr<Answered> read(MemberId at);

    void cut_off(MemberId id) { cut_off_.insert(id); }

    void reconnect(MemberId id) { cut_off_.erase(id); }

    void post(Message message) { messages_.push_back(std::move(message)); }

    // Called while a message is being sent.
    std::function<void(const Message&)> sending;
    // What is to be lost on the way.
    std::function<bool(const Message&)> lose;

  private:
    bool deliver();
    bool write();

    base::LogBackend backend_{lines, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    std::map<MemberId, std::unique_ptr<DrivenMember>> members_;
    std::deque<Message> messages_;
    std::set<MemberId> cut_off_;
};

}  // namespace raft_test
