// What must hold at every step of a raft group, whatever goes wrong. It sees what members hand to
// their disks, send and apply, which is more than any of them knows.
//
//   R1  one leader per term
//   R2  the same index and term: the same entry, and the same entries before it
//   R3  a leader has everything that was committed in earlier terms
//   R4  all members apply the same commands in the same order
//   R5  what is committed is durable on a majority of the voters, and never replaced
//   R6  votes, terms and entries are durable before they are promised; one vote in a term
//   R7  one uncommitted configuration at most; two that follow each other differ in one member
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "shard/raft/core.h"
#include "shard/raft/types.h"
#include "test/sim/raft_disk.h"
#include "test/sim/world.h"

namespace sim {

// The process of a member, and back.
[[nodiscard]] constexpr raft::MemberId member_of(ProcessId process) {
    return process + 1;
}

[[nodiscard]] constexpr ProcessId process_of(raft::MemberId member) {
    return static_cast<ProcessId>(member - 1);
}

// What a state machine that applied the command `id` at `index` after `chain` has seen.
[[nodiscard]] constexpr uint64_t next_chain(uint64_t chain, raft::Index index, uint64_t id) {
    return mix(mix(chain + index) ^ id);
}

// The parts, with spaces between them.
template <class... Parts>
[[nodiscard]] std::string words(const Parts&... parts) {
    std::ostringstream out;
    const char* separator = "";
    ((out << separator << parts, separator = " "), ...);
    return out.str();
}

class RaftChecks {
  public:
    explicit RaftChecks(World& world) : world_(world) {}

    // --- told by the members ---
    // `disk` outlives this.
    void add(ProcessId process, const RaftDisk& disk);
    // Its core is there until stopped().
    void started(ProcessId process, const raft::Core& core);
    void stopped(ProcessId process);
    // Handed to the disk, not yet durable.
    void persisting(ProcessId process, const raft::Persist& batch);
    void durable(ProcessId process, const raft::Persist& batch);
    void sending(ProcessId process, const raft::Message& message);
    // `chain` is that after it.
    void applying(ProcessId process, raft::Index index, std::string_view command, uint64_t chain);
    void restored(ProcessId process, raft::Index last, uint64_t chain);
    // After everything that a member does.
    void after(ProcessId process);

    // --- what is known ---
    [[nodiscard]] raft::Index committed() const { return committed_.size() - 1; }

    [[nodiscard]] uint64_t chain_at(raft::Index index) const {
        return index < chains_.size() ? chains_[index] : 0;
    }

    // Of the newest term; kNoProcess: there never was one.
    [[nodiscard]] ProcessId last_leader() const { return last_leader_; }

    // Called with the process and the term when one becomes leader.
    std::function<void(ProcessId, raft::Term)> on_leader;
    // Called when a command is applied for the first time anywhere.
    std::function<void(raft::Index, std::string_view)> on_first_applied;

  private:
    struct Placed {
        raft::Index index = 0;
        raft::Configuration configuration;
    };

    // A log as handed to the disk.
    struct Written {
        raft::Index begin = 1;
        raft::Term before = 0;  // of the entry before `begin`
        std::deque<raft::Term> terms;
        std::vector<Placed> configurations;  // the first one is that of the snapshot

        [[nodiscard]] raft::Index last() const { return begin + terms.size() - 1; }

        [[nodiscard]] raft::Term term_at(raft::Index index) const;
    };

    struct Member {
        const RaftDisk* disk = nullptr;
        const raft::Core* core = nullptr;  // null: down
        Written written;
        std::map<raft::Term, raft::MemberId> votes;  // that are durable
        raft::Term durable_term = 0;
        raft::Index commit = 0;
        raft::Term led = 0;  // the newest term it is known to have led
        raft::Index applied = 0;
        raft::Index configuration_seen = 0;
        bool configuration_changed = false;
    };

    struct Known {
        raft::Term term = 0;
        raft::Term previous = 0;
        raft::EntryKind kind{};
        std::shared_ptr<const std::string> data;
    };

    void fail(ProcessId process, std::string invariant, const std::string& text);
    void check_entry(ProcessId process, const raft::Entry& entry, raft::Term previous);
    void write_entries(ProcessId process, const std::vector<raft::Entry>& entries);
    void write_configuration(ProcessId process, const raft::Entry& entry);
    void write_snapshot(ProcessId process, const raft::SavedSnapshot& snapshot);
    void check_leader(ProcessId process);
    void check_commit(ProcessId process);
    void commit_as_leader(ProcessId process, raft::Index to);
    void check_configuration(ProcessId process);
    void check_promise(ProcessId process, const raft::Message& message);
    void check_accepted(ProcessId process, const raft::Message& message, raft::Index index);
    void check_append(ProcessId process, const raft::Message& message);
    [[nodiscard]] const Known* known(raft::Index index, raft::Term term) const;

    World& world_;
    std::vector<Member> members_;
    std::map<raft::Term, ProcessId> leaders_;
    ProcessId last_leader_ = kNoProcess;
    std::vector<std::vector<Known>> entries_;                       // by index
    std::vector<raft::Term> committed_{0, 1};                       // terms, by index
    std::vector<std::pair<raft::Term, raft::Index>> committed_by_;  // leaders' terms, ascending
    std::vector<uint64_t> chains_;                                  // by index; 0: no command
};

}  // namespace sim
