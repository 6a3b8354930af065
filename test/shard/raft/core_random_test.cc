// A few members on a bad network with slow disks and power cuts: what must never happen does not,
// and once all is well again they agree. Larger worlds are in test/sim.
#include <cstdio>

#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"
#include "test/support/seed.h"

namespace raft_test {

namespace {

constexpr MemberId kMost = 6;  // ids 1..kMost

// Cheaper than REQUIRE, for what is asked a million times.
void must(bool holds, const char* what) {
    if (!holds) {
        FAIL(what);
    }
}

CoreOptions quick_options() {
    CoreOptions options;
    options.heartbeat_ticks = 2;
    options.election_ticks = 10;
    options.disk_ticks_max = 15;
    options.transfer_ticks_max = 10;
    options.in_flight_appends_max = 3;
    options.uncommitted_bytes_max = size_t{1} << 20;
    return options;
}

// What is true of the group as a whole, by the promises of Raft figure 3.2.
class Truth {
  public:
    void check(const Node& node) {
        const Core& core = node.core();
        one_leader_per_term(core);
        logs_match(core);
        committed_stays(core);
    }

    void applies(const Node& node, const Entry& entry) {
        const auto known = committed_.find(entry.index);
        must(known != committed_.end(), "applied what nobody committed");
        must(known->second.term == entry.term, "applied something else than others");
        must(*known->second.data == *entry.data, "applied something else than others");
        const Stored& disk = node.disk.stored();
        must(disk.log_begin + disk.entries.size() > entry.index, "applied and not durable");
    }

    void machine_is_right(const Node& node) {
        std::vector<std::string> want;
        for (const auto& [index, entry] : committed_) {
            if (index <= node.core().applied_index() && entry.kind == EntryKind::kCommand) {
                want.push_back(*entry.data);
            }
        }
        must(node.machine == want, "the state machine is wrong");
    }

    [[nodiscard]] Index committed() const {
        return committed_.empty() ? 1 : committed_.rbegin()->first;
    }

  private:
    struct Known {
        Term before = 0;
        Entry entry;
    };

    void one_leader_per_term(const Core& core) {
        if (core.state() != State::kLeader) {
            return;
        }
        const auto [leader, added] = leaders_.emplace(core.term(), core.self());
        must(leader->second == core.self(), "two leaders in a term");
        if (added) {  // leader completeness
            must(core.last_index() > committed(), "a leader lacks what is committed");
            for (const auto& [index, entry] : committed_) {
                if (index >= core.log_begin()) {
                    must(core.term_at(index) == entry.term, "a leader lacks what is committed");
                }
            }
        }
    }

    void logs_match(const Core& core) {
        Term before = core.term_at(core.log_begin() - 1);
        for (const Entry& entry : core.entries()) {
            const auto [known, added] =
                entries_.try_emplace({entry.index, entry.term}, Known{before, entry});
            if (!added && entry.index > core.log_begin()) {
                must(known->second.before == before, "logs differ before a common entry");
            }
            if (!added) {
                must(*known->second.entry.data == *entry.data, "an entry differs from itself");
            }
            before = entry.term;
        }
    }

    void committed_stays(const Core& core) {
        for (const Entry& entry : core.entries()) {
            if (entry.index > core.commit_index()) {
                break;
            }
            const auto [known, added] = committed_.try_emplace(entry.index, entry);
            must(known->second.term == entry.term, "two entries are committed as one");
        }
        must(core.applied_index() <= core.commit_index(), "applied and not committed");
        must(core.commit_index() <= core.last_index(), "committed and not there");
    }

    std::map<Term, MemberId> leaders_;
    std::map<std::pair<Index, Term>, Known> entries_;
    std::map<Index, Entry> committed_;
};

struct Counts {
    size_t applied = 0, changes = 0, restored = 0, reads = 0;
};

class World {
  public:
    World(uint64_t seed, size_t voters) : random_(seed) {
        const Configuration founders = first(voters);
        for (MemberId id = 1; id <= kMost; ++id) {
            const bool founder = founders.find(id) != nullptr;
            nodes_[id] = std::make_unique<Node>(
                id, quick_options(), founder ? Disk::of_group(founders) : Disk(), random_.u64());
            nodes_[id]->slow_disk = true;
            look(id);
        }
    }

    void step() {
        const uint64_t dice = random_.below(1000);
        MemberId id = 1 + random_.below(kMost);
        for (int tries = 0; dice >= kAsked && tries < 10 && !leads(id); ++tries) {
            id = 1 + random_.below(kMost);
        }
        if (dice < 500) {
            deliver();
        } else if (dice < 730) {
            nodes_[id]->core().tick();
        } else if (dice < 870) {
            nodes_[id]->write(1 + random_.below(3));
        } else if (dice < 875) {
            compact(id);
        } else if (dice < 880) {
            cut_off_ = 1 + random_.below(3 * kMost);  // mostly nobody
        } else if (dice < kAsked) {
            nodes_[id]->restart();
        } else if (dice < 940) {
            propose(id);
        } else if (dice < 955) {
            read(id);
        } else if (dice < 975) {
            change(id);
        } else if (dice < 977) {
            base::ignore(nodes_[id]->core().transfer(1 + random_.below(kMost)), "or not");
        } else if (dice < 980) {
            nodes_[id]->core().unreachable(1 + random_.below(kMost));
        } else if (dice < 981) {
            nodes_[id]->core().step_down();
        } else if (dice < 984) {
            nodes_[id]->restart();
        }
        look(id);
    }

    // All is well from now on.
    void heal() {
        cut_off_ = kNobody;
        lossy_ = false;
        for (auto& [id, node] : nodes_) {
            node->slow_disk = false;
            node->write();
            look(id);
        }
        for (int i = 0; i < 400; ++i) {
            for (auto& [id, node] : nodes_) {
                node->core().tick();
                look(id);
            }
            while (!network_.empty()) {
                deliver();
            }
        }
    }

    [[nodiscard]] std::string describe() const {
        std::string out;
        for (const auto& [id, node] : nodes_) {
            const Core& core = node->core();
            out += std::to_string(id) + ": state " + std::to_string(int(core.state())) + " term " +
                   std::to_string(core.term()) + " leader " + std::to_string(core.leader()) +
                   " log " + std::to_string(core.log_begin()) + ".." +
                   std::to_string(core.last_index()) + " last term " +
                   std::to_string(core.term_at(core.last_index())) + " commit " +
                   std::to_string(core.commit_index()) + " members at " +
                   std::to_string(core.configuration_index()) + ":";
            for (const Member& member : core.configuration().members) {
                out +=
                    (member.role == Role::kVoter ? " " : " learner ") + std::to_string(member.id);
            }
            out += "\n";
        }
        return out;
    }

    void agree() {
        INFO(describe());
        const auto leads = [](const auto& item) { return item.second->core().leads(); };
        const auto leader = std::ranges::find_if(nodes_, leads);
        REQUIRE(leader != nodes_.end());
        const Core& core = leader->second->core();
        REQUIRE(core.commit_index() == core.last_index());
        REQUIRE(core.commit_index() >= truth_.committed());
        for (const Member& member : core.configuration().members) {
            CAPTURE(member.id);
            const Node& node = *nodes_[member.id];
            REQUIRE(node.core().applied_index() == core.applied_index());
            REQUIRE(node.core().configuration() == core.configuration());
            truth_.machine_is_right(node);
        }
    }

    Counts counts;

  private:
    static constexpr uint64_t kAsked = 885;  // from here on it is rather a leader

    [[nodiscard]] bool leads(MemberId id) const {
        return nodes_.at(id)->core().state() == State::kLeader;
    }

    static Configuration first(size_t voters) {
        std::vector<MemberId> ids;
        for (MemberId id = 1; id <= voters; ++id) {
            ids.push_back(id);
        }
        return group_of(ids);
    }

    // After each call: what the member says goes out, and what is true is checked.
    void look(MemberId id) {
        Node& node = *nodes_[id];
        node.work();
        truth_.check(node);
        for (const Entry& entry : std::exchange(node.committed, {})) {
            truth_.applies(node, entry);
            ++counts.applied;
        }
        for (const SnapshotMeta& meta : std::exchange(node.restored, {})) {
            REQUIRE(meta.index <= truth_.committed());
            truth_.machine_is_right(node);
            ++counts.restored;
        }
        for (const ReadReady& ready : std::exchange(node.reads, {})) {
            REQUIRE(ready.index >= asked_.at(ready.context));
            ++counts.reads;
        }
        node.failed_reads.clear();
        send_parts(node);
        for (Message& message : std::exchange(node.sent, {})) {
            network_.push_back(std::move(message));
        }
        while (network_.size() > 400) {
            take();
        }
    }

    void send_parts(Node& node) {
        for (const SnapshotSend& part : std::exchange(node.snapshots, {})) {
            if (node.disk.stored().snapshot != part.meta) {
                continue;
            }
            const size_t bytes =
                std::min(static_cast<size_t>(part.meta.size) / 3 + 1, kSnapshotChunkBytesMax);
            node.sent.push_back(
                {.from = node.core().self(),
                 .to = part.to,
                 .term = part.term,
                 .body = SnapshotChunk{.meta = part.meta,
                                       .offset = part.offset,
                                       .data = node.disk.part(part.offset, bytes)}});
        }
    }

    Message take() {
        // Lossy: nearly in order, and now and then long afterwards.
        const size_t reach = !lossy_ ? 1 : random_.below(30) == 0 ? network_.size() : 8;
        const auto at = static_cast<size_t>(random_.below(std::min(reach, network_.size())));
        Message message = std::move(network_[at]);
        network_.erase(network_.begin() + static_cast<ptrdiff_t>(at));
        return message;
    }

    void deliver() {
        if (network_.empty()) {
            return;
        }
        Message message = take();
        if (message.from == cut_off_ || message.to == cut_off_ ||
            (lossy_ && random_.below(20) == 0)) {
            return;
        }
        if (lossy_ && random_.below(20) == 0) {
            network_.push_back(message);
        }
        const MemberId to = message.to;
        nodes_.at(to)->core().step(std::move(message));
        look(to);
    }

    void propose(MemberId id) {
        const bool large = random_.below(40) == 0;
        std::string command = "c" + std::to_string(++proposed_);
        command.resize(command.size() + (large ? size_t{100} << 10 : 0), '.');
        base::ignore(nodes_[id]->core().propose(std::move(command)), "or not");
    }

    void read(MemberId id) {
        const uint64_t context = asked_.size();
        asked_.push_back(truth_.committed());
        base::ignore(nodes_[id]->core().read(context), "or not");
    }

    void compact(MemberId id) {
        truth_.machine_is_right(*nodes_[id]);
        if (nodes_[id]->core().applied_index() > 1) {
            nodes_[id]->compact(random_.below(5));
        }
    }

    void change(MemberId id) {
        Configuration to = nodes_[id]->core().configuration();
        const MemberId other = 1 + random_.below(kMost);
        const auto member = std::ranges::find(to.members, other, &Member::id);
        if (member == to.members.end()) {
            to.members.push_back({.id = other,
                                  .role = random_.below(2) == 0 ? Role::kVoter : Role::kLearner,
                                  .address = "n"});
            std::ranges::sort(to.members, {}, &Member::id);
        } else if (random_.below(2) == 0) {
            to.members.erase(member);
        } else {
            member->role = member->role == Role::kVoter ? Role::kLearner : Role::kVoter;
        }
        counts.changes += size_t{nodes_[id]->core().change(to).has_value()};
    }

    base::SeededRandom random_;
    Truth truth_;
    std::map<MemberId, std::unique_ptr<Node>> nodes_;
    std::vector<Message> network_;
    MemberId cut_off_ = kNobody;
    bool lossy_ = true;
    uint64_t proposed_ = 0;
    std::vector<Index> asked_;  // by context: what was committed then
};

}  // namespace

TEST_CASE("raft: whatever happens, the group keeps its promises", "[shard][raft]") {
    const uint64_t first = test_support::test_seed(1);
    Counts sum;
    for (uint64_t seed = first; seed < first + 6; ++seed) {
        CAPTURE(seed);
        World world(seed, 3 + seed % 3);
        for (int step = 0; step < 15000; ++step) {
            CAPTURE(step);
            world.step();
        }
        world.heal();
        world.agree();
        sum.applied += world.counts.applied;
        sum.changes += world.counts.changes;
        sum.restored += world.counts.restored;
        sum.reads += world.counts.reads;
    }
    std::printf("seeds from %llu: %zu applied, %zu changes, %zu snapshots installed, %zu reads\n",
                static_cast<unsigned long long>(first),
                sum.applied,
                sum.changes,
                sum.restored,
                sum.reads);
    CHECK(sum.applied > 1000);
    CHECK(sum.changes > 20);
    CHECK(sum.restored > 5);
    CHECK(sum.reads > 20);
}

}  // namespace raft_test
