// Members that hear anything at all: what makes no sense is passed over, and nothing of it ends
// the program.
#include <catch2/catch.hpp>

#include "test/shard/raft/core_harness.h"
#include "test/support/seed.h"

namespace raft_test {

namespace {

class Babble {
  public:
    explicit Babble(uint64_t seed) : random(seed) {}

    Message message(const Core& core) {
        return {.from = random.below(5),
                .to = random.below(50) == 0 ? random.below(5) : 1,
                .term = near(core.term()),
                .body = body(core)};
    }

    base::SeededRandom random;

  private:
    uint64_t near(uint64_t value) {
        switch (random.below(16)) {
            case 0:
                return random.below(value + 3);
            case 1:
                return value + 1;
            case 2:
                return value - 1;
            case 3:
                return random.below(100) == 0 ? test_support::random_magnitude(random) : value;
            default:
                return value;
        }
    }

    Index some_index(const Core& core) {
        const Index of[] = {core.last_index(), core.commit_index(), core.log_begin()};
        return near(of[random.below(3)]);
    }

    bool flip() { return random.below(2) == 0; }

    Entry some_entry(const Core& core, Index index) {
        static const Configuration groups[] = {
            group_of({1}), group_of({1, 2, 3}), group_of({2, 3}), group_of({2}, {1})};
        const Term term = near(core.term());
        return random.below(6) == 0 ? entry(index, term, groups[random.below(4)])
                                    : entry(index, term);
    }

    AppendRequest append_request(const Core& core) {
        AppendRequest request{.prev_index = some_index(core), .commit = some_index(core)};
        request.prev_term = flip() ? core.term_at(request.prev_index) : near(core.term());
        for (Index index = request.prev_index + 1; random.below(3) != 0; ++index) {
            request.entries.push_back(some_entry(core, near(index)));
        }
        return request;
    }

    SnapshotChunk chunk(const Core& core) {
        const uint64_t size = random.below(4);
        const SnapshotMeta meta{.index = some_index(core) + random.below(3),
                                .term = near(core.term()),
                                .configuration = group_of({1, 2, 3}),
                                .size = near(size),
                                .crc = 0};
        return {.meta = meta,
                .offset = random.below(3),
                .data = std::string(static_cast<size_t>(random.below(4)), 'x')};
    }

    MessageBody body(const Core& core) {
        switch (random.below(9)) {
            case 0:
                return VoteRequest{.pre = flip(),
                                   .transfer = flip(),
                                   .last_index = some_index(core),
                                   .last_term = near(core.term())};
            case 1:
                return VoteReply{.pre = flip(), .granted = flip()};
            case 2:
                return AppendReply{.accepted = flip(),
                                   .index = some_index(core),
                                   .hint_index = some_index(core),
                                   .hint_term = near(core.term())};
            case 3:
                return Heartbeat{.commit = some_index(core), .round = random.below(9)};
            case 4:
                return HeartbeatReply{.round = random.below(9), .last_index = some_index(core)};
            case 5:
                return chunk(core);
            case 6:
                return SnapshotReply{.index = some_index(core), .next_offset = random.below(4)};
            case 7:
                return TimeoutNow{};
            default:
                return append_request(core);
        }
    }
};

// What it says is done, but to nobody's state machine.
void obey(Core& core, base::Random& random) {
    uint64_t number = 0;
    while (core.has_output()) {
        const Output output = core.output();
        if (output.persist) {
            number = output.persist->number;
        }
        if (!output.committed.empty()) {
            core.applied(output.committed.back().index);
        }
        if (number != 0 && random.below(2) == 0) {
            core.persisted(number);
        }
    }
}

void do_something(Core& core, base::Random& random) {
    switch (random.below(8)) {
        case 0:
            base::ignore(core.propose("p"), "or not");
            break;
        case 1:
            base::ignore(core.change(group_of({1, 2, 3}, {4})), "or not");
            break;
        case 2:
            base::ignore(core.transfer(2), "or not");
            break;
        case 3:
            base::ignore(core.read(1), "or not");
            break;
        case 4:
            core.unreachable(random.below(5));
            break;
        case 5:
            core.compact(core.applied_index(), std::make_shared<const std::string>("s"), 2);
            break;
        default:
            core.tick();
    }
}

}  // namespace

TEST_CASE("raft: nothing that a member hears ends it, or takes back what is committed",
          "[shard][raft]") {
    const uint64_t first = test_support::test_seed(1);
    size_t led = 0;
    for (uint64_t seed = first; seed < first + 300; ++seed) {
        CAPTURE(seed);
        Babble babble(seed);
        CoreOptions options;
        options.election_ticks = 10;
        const auto stored =
            Disk::of_group(group_of({1, 2, 3}), 3, {entry(2, 1), entry(3, 2)}).stored();
        Core core(1, options, stored, babble.random);
        Index commit = 0;
        Term term = 0;
        for (int step = 0; step < 400; ++step) {
            if (babble.random.below(3) == 0) {
                do_something(core, babble.random);
            } else {
                core.step(babble.message(core));
            }
            obey(core, babble.random);
            const bool kept = core.commit_index() >= commit && core.term() >= term &&
                              core.commit_index() <= core.last_index();
            if (!kept) {
                FAIL("takes something back at step " << step);
            }
            commit = core.commit_index();
            term = core.term();
            led += size_t{core.state() == State::kLeader};
        }
    }
    CHECK(led > 0);
}

}  // namespace raft_test
