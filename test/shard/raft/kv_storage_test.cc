#include "shard/raft/kv_storage.h"

#include <algorithm>
#include <filesystem>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/kv_record.h"
#include "test/shard/raft/driver_world.h"
#include "test/shard/raft/open_storage.h"
#include "test/support/seed.h"

using base::Code;
using base::KvSync;
using base::Status;
using raft_test::difference;
using raft_test::entry;
using raft_test::group_of;
using raft_test::OpenStorage;
using test_support::TempFolder;
using namespace shard::raft;

namespace {

SnapshotMeta meta_of(Index index, Term term, std::string_view bytes) {
    return {.index = index,
            .term = term,
            .configuration = group_of({1, 2, 3}, {9}),
            .size = bytes.size(),
            .crc = base::crc32c(bytes)};
}

Persist founding(std::string state = "state") {
    return Core::found(group_of({1, 2, 3}), std::make_shared<const std::string>(std::move(state)));
}

Persist append(std::vector<Entry> entries, Term term = 0) {
    Persist batch;
    if (term != 0) {
        batch.hard_state = HardState{term, 2};
    }
    batch.entries = std::move(entries);
    return batch;
}

Persist saved(Index index, Term term, const std::string& bytes, Index log_begin) {
    Persist batch;
    batch.snapshot = SavedSnapshot{
        meta_of(index, term, bytes), std::make_shared<const std::string>(bytes), log_begin};
    return batch;
}

Persist received(const SnapshotMeta& meta, uint64_t offset, std::string_view bytes) {
    Persist batch;
    batch.received = SnapshotChunk{meta, offset, std::string(bytes)};
    return batch;
}

// Bytes that differ everywhere.
std::string pattern(size_t bytes) {
    base::SeededRandom random(7);
    return test_support::random_bytes(random, bytes);
}

Stored load(const std::string& path) {
    auto loaded = OpenStorage(path)->load();
    if (!loaded) {
        FAIL(loaded.error().message());
    }
    return std::move(loaded).value();
}

// What a power cut would leave.
Stored load_copy(const std::string& path, const TempFolder& folder) {
    const std::string copy = folder / "copy";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
    return load(copy);
}

// Batches as a core would give, at random.
class Batches {
  public:
    explicit Batches(base::Random& random) : random_(random) {}

    Persist next(const Stored& now) {
        Persist batch;
        batch.number = ++number_;
        if (now.hard_state.term == 0 || one_in(4)) {
            term_ = now.hard_state.term + 1;
            batch.hard_state = HardState{term_, random_.below(4)};
        }
        switch (random_.below(6)) {
            case 0:
                take_snapshot(now, batch);
                break;
            case 1:
            case 2:
                receive(now, batch);
                break;
            default:
                grow(now, batch);
        }
        return batch;
    }

  private:
    [[nodiscard]] bool one_in(uint64_t count) { return random_.below(count) == 0; }

    static Index last_of(const Stored& now) { return now.log_begin + now.entries.size() - 1; }

    static Term term_at(const Stored& now, Index index) {
        return index >= now.log_begin ? now.entries[index - now.log_begin].term
                                      : now.snapshot->term;
    }

    void grow(const Stored& now, Persist& batch) {
        const Index kept = std::max(now.snapshot ? now.snapshot->index : 0, now.log_begin - 1);
        const Index last = last_of(now);
        const Index from = one_in(3) ? kept + 1 + random_.below(last - kept + 1) : last + 1;
        const uint64_t count = 1 + random_.below(5);
        for (Index index = from; index < from + count; ++index) {
            batch.entries.push_back(
                entry(index, term_, test_support::random_bytes(random_, random_.below(200))));
        }
    }

    void take_snapshot(const Stored& now, Persist& batch) {
        const Index first = std::max(now.snapshot ? now.snapshot->index : 0, now.log_begin - 1) + 1;
        if (first > last_of(now)) {
            return grow(now, batch);
        }
        const Index index = first + random_.below(last_of(now) - first + 1);
        const Index begin = now.log_begin + random_.below(index + 2 - now.log_begin);
        const size_t bytes = one_in(4) ? 2 * kSnapshotPartBytes + 5 : random_.below(2000);
        batch.snapshot = saved(index, term_at(now, index), pattern(bytes), begin).snapshot;
    }

    void receive(const Stored& now, Persist& batch) {
        if (!now.receiving || one_in(6)) {
            coming_ = pattern(random_.below(3000));
            const SnapshotMeta meta = meta_of(last_of(now) + 1 + random_.below(9), term_, coming_);
            receive_from(meta, 0, batch);
        } else if (now.receiving->index > last_of(now)) {
            receive_from(*now.receiving, now.received_bytes, batch);
        }
    }

    void receive_from(const SnapshotMeta& meta, uint64_t offset, Persist& batch) {
        const std::string part = coming_.substr(offset, 1 + random_.below(1500));
        if (!part.empty() || coming_.empty()) {
            batch.received = SnapshotChunk{meta, offset, part};
        }
        batch.install = offset + part.size() == coming_.size() && one_in(2);
    }

    base::Random& random_;
    uint64_t number_ = 0;
    Term term_ = 0;
    std::string coming_;
};

}  // namespace

TEST_CASE("an empty disk loads as one", "[raft][storage]") {
    const TempFolder folder;
    const Stored stored = load(folder / "raft");
    CHECK(difference(stored, Stored()).empty());
}

TEST_CASE("what was persisted is there after every batch, as a power cut would leave it",
          "[raft][storage]") {
    const uint64_t seed = test_support::test_seed() + GENERATE(0, 1);
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const TempFolder folder;
    const std::string path = folder / "raft";
    raft_test::Disk model;
    Batches batches(random);
    for (int start = 0; start < 3; ++start) {
        OpenStorage storage(path);
        REQUIRE(difference(storage->load().value(), model.stored()).empty());
        for (int step = 0; step < 10; ++step) {
            CAPTURE(start, step);
            std::vector<Persist> group;
            for (uint64_t count = 1 + random.below(4); count > 0; --count) {
                group.push_back(batches.next(model.stored()));
                model.write(group.back());
            }
            for (const Status& status : storage.persist(std::move(group))) {
                REQUIRE(status.has_value());
            }
            REQUIRE(difference(load_copy(path, folder), model.stored()).empty());
        }
    }
}

TEST_CASE("completions come in order, on the thread they are posted to, after persist returns",
          "[raft][storage]") {
    const TempFolder folder;
    OpenStorage storage(folder / "raft");
    REQUIRE(storage->load().has_value());
    std::vector<uint64_t> done;
    const auto here = std::this_thread::get_id();
    for (uint64_t number = 1; number <= 100; ++number) {
        Persist batch = number == 1 ? append({entry(1, 1)}, 1) : append({entry(number, 1)});
        batch.number = number;
        storage->persist(std::move(batch), [&, here](uint64_t which, const Status& status) {
            CHECK(status.has_value());
            CHECK(std::this_thread::get_id() == here);
            done.push_back(which);
        });
        CHECK(done.empty());
    }
    while (done.size() < 100) {
        storage.posts().run_one();
    }
    CHECK(std::ranges::is_sorted(done));
    CHECK(load_copy(folder / "raft", folder).entries.size() == 100);
}

TEST_CASE("what waits when the storage goes is written first", "[raft][storage]") {
    const TempFolder folder;
    {
        OpenStorage storage(folder / "raft");
        REQUIRE(storage->load().has_value());
        for (Index index = 1; index <= 20; ++index) {
            storage->persist(append({entry(index, 1)}, 1), [](uint64_t, const Status&) {});
        }
    }
    CHECK(load(folder / "raft").entries.size() == 20);
}

TEST_CASE("a large log is written in several groups", "[raft][storage]") {
    const TempFolder folder;
    OpenStorage storage(folder / "raft");
    REQUIRE(storage->load().has_value());
    std::vector<Persist> batches;
    const std::string command = pattern(kCommandBytesMax);
    for (Index index = 1; index <= 2 * kGroupBytesMax / kCommandBytesMax + 1; ++index) {
        batches.push_back(append({entry(index, 1, command)}, 1));
    }
    const size_t count = batches.size();
    for (const Status& status : storage.persist(std::move(batches))) {
        CHECK(status.has_value());
    }
    const Stored stored = load_copy(folder / "raft", folder);
    REQUIRE(stored.entries.size() == count);
    CHECK(*stored.entries.back().data == command);
}

TEST_CASE("bytes of the durable snapshot are read from anywhere, and of no other",
          "[raft][storage]") {
    const TempFolder folder;
    OpenStorage storage(folder / "raft");
    REQUIRE(storage->load().has_value());
    const std::string bytes = pattern(3 * kSnapshotPartBytes + 17);
    REQUIRE(storage.persist(founding(bytes)).has_value());
    const Stored stored = storage->load().value();
    const SnapshotMeta meta = *stored.snapshot;
    const auto check = [&](uint64_t offset, size_t count) {
        CAPTURE(offset, count);
        const auto part = storage->snapshot_bytes(meta, offset, count);
        REQUIRE(part.has_value());
        CHECK((part.value() == bytes.substr(offset, count)));
    };
    check(0, 10);
    check(kSnapshotPartBytes - 5, 10);
    check(kSnapshotPartBytes, kSnapshotPartBytes);
    check(5, bytes.size());
    check(bytes.size() - 1, 100);
    check(bytes.size(), 100);
    CHECK((storage->installed_snapshot(meta).value() == bytes));

    SnapshotMeta other = meta;
    other.crc ^= 1;
    CHECK(storage->snapshot_bytes(other, 0, 10).error().code() == Code::kNotFound);
    REQUIRE(storage.persist(append({entry(2, 1)})).has_value());
    REQUIRE(storage.persist(saved(2, 1, "next", 3)).has_value());
    CHECK(storage->snapshot_bytes(meta, 0, 10).error().code() == Code::kNotFound);
    CHECK(storage->snapshot_bytes(meta_of(2, 1, "next"), 1, 2).value() == "ex");
}

TEST_CASE("a snapshot without bytes is one", "[raft][storage]") {
    const TempFolder folder;
    {
        OpenStorage storage(folder / "raft");
        REQUIRE(storage->load().has_value());
        REQUIRE(storage.persist(founding("")).has_value());
        Persist empty = received(meta_of(9, 1, ""), 0, "");
        empty.install = true;
        REQUIRE(storage.persist(std::move(empty)).has_value());
        CHECK(storage->installed_snapshot(meta_of(9, 1, "")).value().empty());
    }
    const Stored stored = load(folder / "raft");
    CHECK(stored.snapshot == meta_of(9, 1, ""));
    CHECK(stored.log_begin == 10);
}

TEST_CASE("a received snapshot goes on after a restart, and is installed", "[raft][storage]") {
    const TempFolder folder;
    const std::string bytes = pattern(1000);
    const SnapshotMeta meta = meta_of(50, 1, bytes);
    {
        OpenStorage storage(folder / "raft");
        REQUIRE(storage->load().has_value());
        REQUIRE(storage.persist(founding()).has_value());
        REQUIRE(storage.persist(append({entry(2, 1), entry(3, 1)})).has_value());
        REQUIRE(storage.persist(received(meta, 0, bytes.substr(0, 400))).has_value());
    }
    OpenStorage storage(folder / "raft");
    const Stored before = storage->load().value();
    CHECK(before.receiving == meta);
    CHECK(before.received_bytes == 400);
    CHECK(before.entries.size() == 2);
    REQUIRE(storage.persist(received(meta, 400, bytes.substr(400))).has_value());
    CHECK(storage->installed_snapshot(meta).error().code() == Code::kNotFound);
    Persist install;
    install.install = true;
    REQUIRE(storage.persist(std::move(install)).has_value());
    CHECK(storage->installed_snapshot(meta).value() == bytes);
    CHECK(storage->snapshot_bytes(meta, 390, 20).value() == bytes.substr(390, 20));
    const Stored after = load_copy(folder / "raft", folder);
    CHECK(after.snapshot == meta);
    CHECK(after.log_begin == 51);
    CHECK(after.entries.empty());
    CHECK_FALSE(after.receiving.has_value());
}

TEST_CASE("parts of another snapshot, or from the start, replace those that were received",
          "[raft][storage]") {
    const TempFolder folder;
    OpenStorage storage(folder / "raft");
    REQUIRE(storage->load().has_value());
    REQUIRE(storage.persist(founding()).has_value());
    const SnapshotMeta first = meta_of(50, 1, pattern(100));
    const SnapshotMeta second = meta_of(60, 1, pattern(200));
    REQUIRE(storage.persist(received(first, 0, pattern(100).substr(0, 60))).has_value());
    REQUIRE(storage.persist(received(second, 0, pattern(200).substr(0, 150))).has_value());
    CHECK(load_copy(folder / "raft", folder).receiving == second);
    REQUIRE(storage.persist(received(second, 0, pattern(200).substr(0, 50))).has_value());
    const Stored stored = load_copy(folder / "raft", folder);
    CHECK(stored.receiving == second);
    CHECK(stored.received_bytes == 50);
}

TEST_CASE("a snapshot that was spoilt on its way is not installed, and asked for anew",
          "[raft][storage]") {
    const TempFolder folder;
    {
        OpenStorage storage(folder / "raft");
        REQUIRE(storage->load().has_value());
        REQUIRE(storage.persist(founding()).has_value());
        Persist spoilt = received(meta_of(50, 1, "good bytes"), 0, "bad  bytes");
        REQUIRE(storage.persist(std::move(spoilt)).has_value());
        std::vector<Persist> batches(2);
        batches[0].install = true;
        batches[1] = append({entry(2, 1)});
        const auto outcomes = storage.persist(std::move(batches));
        CHECK(outcomes[0].error().code() == Code::kCorrupt);
        CHECK(outcomes[1].error().code() == Code::kCorrupt);
        // Nothing more is written.
        CHECK(storage.persist(append({entry(2, 1)})).error().code() == Code::kCorrupt);
    }
    const Stored stored = load(folder / "raft");
    CHECK(stored.snapshot->index == 1);
    CHECK(stored.entries.empty());
    CHECK_FALSE(stored.receiving.has_value());
}

TEST_CASE("parts that belong to no snapshot are removed at the next start", "[raft][storage]") {
    const TempFolder folder;
    {
        OpenStorage storage(folder / "raft");
        REQUIRE(storage->load().has_value());
        REQUIRE(storage.persist(founding()).has_value());
        // A snapshot that was being written when the power went.
        const std::string key = part_key(7, 0);
        REQUIRE(storage.store().put(storage.parts(), key, base::kv_record(key, "x"), KvSync::kYes));
    }
    OpenStorage storage(folder / "raft");
    REQUIRE(storage->load().value().snapshot->index == 1);
    CHECK_FALSE(storage.store().get(storage.parts(), part_key(7, 0)).value().has_value());
}

TEST_CASE("a damaged disk is refused, with what is wrong and what to do", "[raft][storage]") {
    const TempFolder folder;
    const std::string path = folder / "raft";
    const std::string coming = pattern(100);
    {
        OpenStorage storage(path);
        REQUIRE(storage->load().has_value());
        REQUIRE(storage.persist(founding()).has_value());
        std::vector<Entry> entries;
        for (Index index = 2; index <= 9; ++index) {
            entries.push_back(entry(index, index < 6 ? 1 : 3));
        }
        REQUIRE(storage.persist(append(std::move(entries), 3)).has_value());
        REQUIRE(storage.persist(saved(5, 1, "snapshot", 4)).has_value());
        REQUIRE(storage.persist(received(meta_of(50, 3, coming), 0, "first")).has_value());
    }
    CHECK(load(path).log_begin == 4);

    using Spoil = std::function<void(OpenStorage&)>;
    const auto check = [&](const std::string& told,
                           const Spoil& spoil,
                           Code code = Code::kCorrupt) {
        CAPTURE(told);
        const std::string copy = folder / "spoilt";
        std::filesystem::remove_all(copy);
        std::filesystem::copy(path, copy, std::filesystem::copy_options::recursive);
        OpenStorage storage(copy);
        spoil(storage);
        const auto loaded = storage->load();
        REQUIRE_FALSE(loaded.has_value());
        CAPTURE(loaded.error().message());
        CHECK(loaded.error().code() == code);
        CHECK(loaded.error().message().find(told) != std::string::npos);
        if (code == Code::kCorrupt) {
            CHECK(loaded.error().message().find("let it join as a new one") != std::string::npos);
        }
    };
    const auto flip = [](auto family, std::string key) {
        return Spoil([=](OpenStorage& storage) {
            auto value = storage.store().get((storage.*family)(), key).value().value();
            value.back() = static_cast<char>(value.back() ^ 1);
            REQUIRE(storage.store().put((storage.*family)(), key, value, KvSync::kNo));
        });
    };
    const auto remove = [](auto family, std::string key) {
        return Spoil([=](OpenStorage& storage) {
            REQUIRE(storage.store().remove((storage.*family)(), key, KvSync::kNo));
        });
    };
    const auto put = [](auto family, const std::string& key, const std::string& payload) {
        return Spoil([=](OpenStorage& storage) {
            REQUIRE(storage.store().put(
                (storage.*family)(), key, base::kv_record(key, payload), KvSync::kNo));
        });
    };
    const auto log = &OpenStorage::log;
    const auto meta = &OpenStorage::meta;
    const auto parts = &OpenStorage::parts;
    const std::string format(kFormatKey);
    const std::string begin(kLogBeginKey);
    // The log.
    check("log: entry 7: a record whose checksum", flip(log, log_key(7)));
    check("log: entry 8 where 7 should be", remove(log, log_key(7)));
    check("log: entry 5 where 4 should be", remove(log, log_key(4)));
    check("log: entry 3 where 4 should be", put(log, log_key(3), encode_entry(entry(3, 1))));
    check("log: entry 8 has term 2 after 3", put(log, log_key(8), encode_entry(entry(8, 2))));
    check("has only seen 3", put(log, log_key(9), encode_entry(entry(9, 4))));
    check("differ in the term of the entry 5", put(log, log_key(5), encode_entry(entry(5, 2))));
    check("log: a key that is none", put(log, "key", ""));
    check("log: entry 9: no log entry", put(log, log_key(9), "short"));
    check("checksum", [](OpenStorage& storage) {  // a good record at another's place
        const auto value = storage.store().get(storage.log(), log_key(6)).value().value();
        REQUIRE(storage.store().put(storage.log(), log_key(7), value, KvSync::kNo));
    });
    check("the log ends before 4 and the snapshot at 5", [](OpenStorage& storage) {
        base::KvBatch batch;
        batch.remove_range(storage.log(), log_key(4), log_key(10));
        REQUIRE(storage.store().write(batch, KvSync::kNo));
    });
    // What was promised, and where the log begins.
    check("hard_state: a record whose checksum", flip(meta, std::string(kHardStateKey)));
    check("log_begin: a record whose checksum", flip(meta, begin));
    check("entry 4 where 1 should be", remove(meta, begin));
    check("begins at index 0", put(meta, begin, encode_number(0)));
    check("the log begins at 7 and the snapshot ends at 5", [](OpenStorage& storage) {
        base::KvBatch batch;
        batch.remove_range(storage.log(), log_key(4), log_key(7));
        batch.put(storage.meta(), kLogBeginKey, base::kv_record(kLogBeginKey, encode_number(7)));
        REQUIRE(storage.store().write(batch, KvSync::kNo));
    });
    check("the format is missing", remove(meta, format));
    check("written in format 2", put(meta, format, encode_number(2)), Code::kUnsupported);
    // Snapshots.
    check("snapshot: snapshot: a record whose checksum", flip(meta, std::string(kSnapshotKey)));
    check("snapshot: part at offset 0: a record", flip(parts, part_key(2, 0)));
    check("snapshot: at index 5 is not what was saved", remove(parts, part_key(2, 0)));
    check("received snapshot: receiving: a record", flip(meta, std::string(kReceivingKey)));
    check("received snapshot: part at offset 0", flip(parts, part_key(3, 0)));
    check("received snapshot: has 105 bytes of 100", put(parts, part_key(3, 5), coming));
    check("received snapshot: part at offset 5 is missing", put(parts, part_key(3, 6), "x"));
    check("among the parts", put(parts, "key", ""));
}

TEST_CASE("a member on a real disk has what was answered when it starts again", "[raft][storage]") {
    const TempFolder folder;
    raft_test::World world({1}, group_of({1}));  // its clock and its transport
    raft_test::ListMachine machine;
    DriverOptions options;
    options.compact_entries = 7;
    options.trailing_entries = 2;
    const auto run = [&](int commands) {
        OpenStorage storage(folder / "raft");
        if (!storage->load().value().snapshot) {
            REQUIRE(storage
                        .persist(Core::found(
                            group_of({1}),
                            std::make_shared<const std::string>(raft_test::encode_machine({}))))
                        .has_value());
        }
        machine.commands.clear();
        const auto driver =
            Driver::start(1,
                          options,
                          {*storage, world[1].transport, machine, world.clock, world[1].random, {}})
                .value();
        while (!driver->status().leads) {
            world.clock.advance(options.tick);
            driver->poll();
            if (driver->status().state == State::kCandidate ||
                driver->status().state == State::kLeader) {
                storage.posts().run_one();
            }
        }
        int answered = 0;
        for (int i = 0; i < commands; ++i) {
            driver->propose("x" + std::to_string(i), [&](const base::Result<std::string>& answer) {
                CHECK(answer.has_value());
                ++answered;
            });
        }
        while (answered < commands) {
            storage.posts().run_one();
        }
        CHECK(driver->status().applied == driver->status().last);
    };
    run(20);
    const auto commands = machine.commands;
    CHECK(commands.size() == 20);
    run(0);
    CHECK(machine.commands == commands);
    run(3);
    CHECK(machine.commands.size() == 23);
}
