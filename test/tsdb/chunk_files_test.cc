#include "tsdb/head/chunk_files.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/random.h"
#include "model/xor_chunk.h"
#include "test/support/command.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "tsdb/head/chunk_entry.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/writer.h"

namespace {

using model::Encoding;
using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using tsdb::ChunkFiles;
using tsdb::ChunkPlace;
using tsdb::FiledChunk;

constexpr uint64_t kSmallFile = 4096;

// A chunk with bytes of its own.
struct Chunk {
    uint64_t ref = 0;
    int64_t min_t = 0;
    int64_t max_t = 0;
    Encoding encoding = Encoding::kXor;
    bool out_of_order = false;
    std::string bytes;

    bool operator==(const Chunk&) const = default;
};

Chunk chunk_of(const FiledChunk& filed) {
    return {filed.series_ref,
            filed.min_t,
            filed.max_t,
            filed.encoding,
            filed.out_of_order,
            std::string(base::ByteView(filed.bytes).text())};
}

struct Opened {
    std::unique_ptr<ChunkFiles> store;
    std::vector<Chunk> found;
    std::vector<ChunkPlace> places;
};

Opened open(base::Files& files, uint64_t file_bytes = kSmallFile, const char* folder = "/head") {
    Opened out;
    auto store = ChunkFiles::open(
        files,
        folder,
        [&](const FiledChunk& filed) {
            out.found.push_back(chunk_of(filed));
            out.places.push_back(filed.place);
        },
        file_bytes);
    REQUIRE(store);
    out.store = std::move(store).value();
    return out;
}

base::Result<ChunkPlace> append(ChunkFiles& store, const Chunk& chunk) {
    return store.append(chunk.ref,
                        chunk.min_t,
                        chunk.max_t,
                        chunk.encoding,
                        chunk.out_of_order,
                        base::ByteView(chunk.bytes).span());
}

Chunk some_chunk(uint64_t ref, int64_t min_t = 0, size_t bytes = 100) {
    return {ref,
            min_t,
            min_t + 10,
            Encoding::kXor,
            false,
            std::string(bytes, static_cast<char>('a' + ref % 26))};
}

Chunk random_chunk(base::Random& random) {
    const auto min_t = static_cast<int64_t>(test_support::random_magnitude(random) >> 1);
    return {test_support::random_magnitude(random) | 1,
            min_t - 5,
            min_t,
            static_cast<Encoding>(1 + random.below(6)),
            random.below(4) == 0,
            test_support::random_bytes(random, random.below(random.below(8) == 0 ? 3000 : 150))};
}

void check_all(const ChunkFiles& store,
               const std::vector<Chunk>& chunks,
               const std::vector<ChunkPlace>& places) {
    REQUIRE(chunks.size() == places.size());
    std::vector<size_t> wrong;
    for (size_t i = 0; i < chunks.size(); ++i) {
        const auto read = store.read(chunks[i].ref, places[i]);
        const auto times = store.read_times(chunks[i].ref, places[i]);
        if (!read || chunk_of(read.value().chunk) != chunks[i] || !times ||
            times.value().min_t != chunks[i].min_t || times.value().max_t != chunks[i].max_t) {
            wrong.push_back(i);
        }
    }
    REQUIRE(wrong.empty());
}

std::vector<ChunkPlace> append_all(ChunkFiles& store, const std::vector<Chunk>& chunks) {
    std::vector<ChunkPlace> places;
    for (const Chunk& chunk : chunks) {
        const auto place = append(store, chunk);
        REQUIRE(place);
        places.push_back(place.value());
    }
    REQUIRE(store.flush());
    return places;
}

std::vector<std::string> names(base::Files& files) {
    const auto entries = files.list("/head");
    REQUIRE(entries);
    std::vector<std::string> out;
    for (const auto& entry : entries.value()) {
        out.push_back(entry.name);
    }
    return out;
}

size_t damages_of(base::Files& files) {
    const auto damages = tsdb::walk_chunk_files(files, "/head", [](const FiledChunk&) {});
    REQUIRE(damages);
    return damages.value().size();
}

std::string from_hex(std::string_view hex) {
    std::string out;
    for (size_t i = 0; i < hex.size(); i += 2) {
        out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    return out;
}

}  // namespace

TEST_CASE("chunk files have the layout of Prometheus", "[tsdb][chunk_files]") {
    MemoryFiles files;
    const auto opened = open(files);
    const auto first = append(*opened.store, {7, 1000, 2000, Encoding::kXor, false, "abc"});
    REQUIRE(first);
    REQUIRE(append(*opened.store, {0x0102030405060708, -5, 9, Encoding::kHistogram, true, "xyz"}));
    REQUIRE(opened.store->flush());
    const std::string want = from_hex(
        "0130bc9101000000"
        "000000000000000700000000000003e800000000000007d0010361626369723d83"
        "0102030405060708fffffffffffffffb0000000000000009820378797afc5dcac8");
    const std::string bytes = files.content("/head/000001");
    CHECK(bytes.substr(0, want.size()) == want);
    CHECK(bytes == want + std::string(kSmallFile - want.size(), '\0'));
    CHECK(first.value() == tsdb::chunk_place(1, 8));
    CHECK(opened.store->bytes() == want.size());
    REQUIRE(opened.store->close());
    // A reader of the format looks at 34 bytes from the start of an entry on.
    CHECK(files.content("/head/000001") == want + std::string(1, '\0'));
}

TEST_CASE("chunk files give back what was appended, over files and openings",
          "[tsdb][chunk_files][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    std::vector<Chunk> chunks;
    std::vector<ChunkPlace> places;
    for (int opening = 0; opening < 4; ++opening) {
        CAPTURE(opening);
        const Opened opened = open(files);
        CHECK((opened.found == chunks));
        CHECK(opened.places == places);
        CHECK(opened.store->damages().empty());
        check_all(*opened.store, chunks, places);
        for (int i = 0; i < 100; ++i) {
            chunks.push_back(random_chunk(random));
            const auto place = append(*opened.store, chunks.back());
            REQUIRE(place);
            places.push_back(place.value());
            if (random.below(5) == 0) {
                REQUIRE(opened.store->flush());
            }
        }
        REQUIRE(opened.store->flush());
        check_all(*opened.store, chunks, places);
        if (opening % 2 == 0) {
            REQUIRE(opened.store->close());  // else: killed
        }
    }
    CHECK(names(files).size() > 4);
    CHECK(damages_of(files) == 0);
}

TEST_CASE("chunk files find tiny chunks whatever the bytes around them",
          "[tsdb][chunk_files][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    const auto opened = open(files, 1 << 20);
    const std::array<uint64_t, 6> refs = {
        1, 2, 0x0101010101010101, 0x0100000000000000, 0x0001000100010001, 0x0202020202020202};
    std::vector<Chunk> chunks;
    for (int i = 0; i < 5000; ++i) {
        // Payloads and times that look like the refs.
        uint8_t pattern[8];
        base::store_be(pattern, refs[random.below(refs.size())]);
        std::string bytes;
        const size_t length = random.below(60);
        while (bytes.size() < length) {
            bytes.push_back(static_cast<char>(pattern[bytes.size() % 8]));
        }
        const uint64_t ref = refs[random.below(refs.size())];
        const int64_t t = random.below(2) == 0 ? static_cast<int64_t>(ref) : i;
        chunks.push_back({ref, t, t, Encoding::kXor, false, bytes});
    }
    check_all(*opened.store, chunks, append_all(*opened.store, chunks));
}

TEST_CASE("chunk files refuse a place that holds no such chunk", "[tsdb][chunk_files]") {
    MemoryFiles files;
    const auto opened = open(files);
    const auto place = append(*opened.store, some_chunk(5));
    REQUIRE(place);
    CHECK_FALSE(opened.store->read(5, place.value()));  // not flushed
    REQUIRE(opened.store->flush());
    CHECK(opened.store->read(5, place.value()));
    for (const ChunkPlace other : {place.value() + 1, tsdb::chunk_place(2, 8), ~ChunkPlace{0}}) {
        const auto read = opened.store->read(5, other);
        REQUIRE_FALSE(read);
        CHECK(read.error().code() == base::Code::kCorrupt);
    }
    CHECK_FALSE(opened.store->read(6, place.value()));
    CHECK_FALSE(opened.store->read_times(6, place.value()));
    const auto large = append(*opened.store, some_chunk(1, 0, kSmallFile));
    REQUIRE_FALSE(large);
    CHECK(large.error().code() == base::Code::kLimit);
}

TEST_CASE("chunk files notice a bit that flipped under an open mapping", "[tsdb][chunk_files]") {
    MemoryFiles files;
    const auto opened = open(files);
    const auto places = append_all(*opened.store, {some_chunk(5), some_chunk(6)});
    files.flip_bit("/head/000001", 8 + 60, 3);
    CHECK_FALSE(opened.store->read(5, places[0]));
    CHECK(opened.store->read(6, places[1]));
}

namespace {

// Appends from one thread and reads from two others.
void read_while_appending(base::Files& files, const std::string& folder) {
    constexpr size_t kChunks = 1500;
    auto opened = ChunkFiles::open(files, folder, [](const FiledChunk&) {}, 16 * kSmallFile);
    REQUIRE(opened);
    ChunkFiles& store = *opened.value();
    std::vector<ChunkPlace> places(kChunks);
    std::atomic<size_t> published = 0;
    std::atomic<size_t> wrong = 0;
    const auto reader = [&](uint64_t seed) {
        base::SeededRandom random(seed);
        for (size_t count = 0; count < kChunks;) {
            count = published.load(std::memory_order_acquire);
            if (count == 0) {
                continue;
            }
            const size_t i = random.below(count);
            const auto read = store.read(i + 1, places[i]);
            wrong += read && chunk_of(read.value().chunk) == some_chunk(i + 1) ? 0 : 1;
            wrong += store.read_times(i + 1, places[i]) ? 0 : 1;
        }
    };
    std::thread first(reader, 1);
    std::thread second(reader, 2);
    bool good = true;
    for (size_t i = 0; i < kChunks; ++i) {
        const auto place = append(store, some_chunk(i + 1));
        good = good && place.has_value();
        places[i] = place ? place.value() : 0;
        if (i % 7 == 0 || i + 1 == kChunks) {
            good = good && store.flush().has_value();
            published.store(i + 1, std::memory_order_release);
        }
    }
    first.join();
    second.join();
    CHECK(good);
    CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("chunk files are read while they are written", "[tsdb][chunk_files]") {
    SECTION("in memory") {
        MemoryFiles files;
        read_while_appending(files, "/head");
    }
    SECTION("on disk") {
        const test_support::TempFolder folder;
        const auto files = base::make_posix_files();
        read_while_appending(*files, folder / "head");
    }
}

TEST_CASE("chunk files survive damage at any byte, and trust nothing behind it",
          "[tsdb][chunk_files][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    constexpr uint64_t kFile = 512;
    std::vector<Chunk> chunks;
    for (uint64_t ref = 1; ref <= 9; ++ref) {
        chunks.push_back(some_chunk(ref, static_cast<int64_t>(ref) * 100, 90));
    }
    MemoryFiles whole;
    {
        const auto opened = open(whole, kFile);
        append_all(*opened.store, chunks);
    }
    const std::vector<std::string> all = names(whole);
    REQUIRE(all.size() == 3);
    for (const std::string& name : all) {
        const size_t size = whole.content("/head/" + name).size();
        for (size_t at = 0; at < size; ++at) {
            CAPTURE(name, at);
            MemoryFiles files;
            for (const std::string& copy : all) {
                files.put("/head/" + copy, whole.content("/head/" + copy));
            }
            files.flip_bit("/head/" + name, at, static_cast<unsigned>(random.below(8)));
            const bool unused = at >= 5 && at < 8;  // of the header
            CHECK(damages_of(files) == (unused ? 0 : 1));
            {
                const Opened opened = open(files, kFile);
                const auto behind = static_cast<size_t>(all.end() - std::ranges::find(all, name));
                REQUIRE(opened.store->damages().size() == (unused ? 0 : behind));
                REQUIRE(opened.found.size() <= chunks.size());
                REQUIRE(std::equal(opened.found.begin(), opened.found.end(), chunks.begin()));
                REQUIRE((!unused || opened.found.size() == chunks.size()));
                REQUIRE(opened.found.size() + 4 * behind >= chunks.size());
                check_all(*opened.store, opened.found, opened.places);
                append_all(*opened.store, {some_chunk(77)});
            }
            // What is left is in order for anyone who reads the format.
            CHECK(damages_of(files) == 0);
            CHECK(open(files, kFile).found.back() == some_chunk(77));
        }
    }
}

TEST_CASE("chunk files survive being cut short at any byte", "[tsdb][chunk_files]") {
    MemoryFiles whole;
    const std::vector<Chunk> chunks = {some_chunk(1), some_chunk(2), some_chunk(3)};
    {
        const auto opened = open(whole);
        append_all(*opened.store, chunks);
        REQUIRE(opened.store->close());
    }
    const std::string bytes = whole.content("/head/000001");
    for (size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        MemoryFiles files;
        files.put("/head/000001", base::ByteView(bytes).part(0, size));
        const Opened opened = open(files);
        const size_t entry = tsdb::chunk_entry_bytes(100);
        const size_t left = size < 8 ? 0 : (size - 8) / entry;
        CHECK((opened.found == std::vector<Chunk>(chunks.begin(), chunks.begin() + left)));
        // The zeros that a small ref begins with look like an end.
        const bool torn = size >= 8 && (size - 8) % entry > 7;
        CHECK(opened.store->damages().size() == (torn ? 1 : 0));
        CHECK(names(files).size() == (size < 8 ? 0 : 1));
    }
}

TEST_CASE("chunk files remove a last file that was never begun", "[tsdb][chunk_files]") {
    MemoryFiles files;
    {
        const auto opened = open(files);
        append_all(*opened.store, {some_chunk(1)});
    }
    files.put("/head/000002", GENERATE(as<std::string>(), "", "\x01\x30", std::string(64, '\0')));
    const Opened opened = open(files);
    CHECK(opened.found.size() == 1);
    CHECK(opened.store->damages().empty());
    CHECK(names(files) == std::vector<std::string>{"000001"});
}

TEST_CASE("chunk files give up what lies behind a gap in their numbers", "[tsdb][chunk_files]") {
    MemoryFiles files;
    std::vector<Chunk> chunks;
    for (uint64_t ref = 1; ref <= 12; ++ref) {
        chunks.push_back(some_chunk(ref, static_cast<int64_t>(ref), 900));
    }
    {
        const auto opened = open(files);
        append_all(*opened.store, chunks);
    }
    REQUIRE(names(files).size() == 3);
    REQUIRE(files.remove("/head/000002"));
    files.put("/head/other", "not ours");
    CHECK(damages_of(files) == 1);
    const Opened opened = open(files);
    CHECK(opened.found.size() == 4);
    CHECK(opened.store->damages().size() == 2);
    CHECK(names(files) == std::vector<std::string>{"000001", "other"});
    CHECK(damages_of(files) == 0);
    append_all(*opened.store, {some_chunk(50)});
    CHECK(names(files) == std::vector<std::string>{"000001", "000002", "other"});
}

TEST_CASE("chunk files set a file aside whose header is damaged, until it is old",
          "[tsdb][chunk_files]") {
    MemoryFiles files;
    {
        const auto opened = open(files, 512);
        append_all(*opened.store,
                   {some_chunk(1, 10), some_chunk(2, 10), some_chunk(3, 10), some_chunk(4, 900)});
    }
    REQUIRE(names(files).size() == 2);
    files.flip_bit("/head/000001", 1, 0);
    const Opened opened = open(files, 512);
    CHECK(opened.found.empty());
    CHECK(names(files) == std::vector<std::string>{"000001", "000001.damaged"});
    append_all(*opened.store, {some_chunk(5, 900)});
    REQUIRE(opened.store->truncate(500));
    CHECK(names(files) == std::vector<std::string>{"000002"});
}

TEST_CASE("chunk files begin anew when numbers are too far apart", "[tsdb][chunk_files]") {
    MemoryFiles files;
    files.put("/head/000001", tsdb::chunk_file_header());
    files.put("/head/000700", tsdb::chunk_file_header());
    const Opened opened = open(files);
    CHECK(opened.store->damages().size() == 2);
    CHECK(names(files) == std::vector<std::string>{"000001.damaged"});
    CHECK(append(*opened.store, some_chunk(1)));
}

TEST_CASE("chunk files stop at their number of files and go on after a truncation",
          "[tsdb][chunk_files]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    for (uint32_t number = 1; number < ChunkFiles::kFilesMax - 1; ++number) {
        std::ofstream(folder / tsdb::chunk_file_name(number)) << tsdb::chunk_file_header();
    }
    const auto opened = open(*files, 64, folder.path().c_str());
    CHECK(opened.store->damages().empty());
    REQUIRE(append(*opened.store, some_chunk(1, 0, 5)));
    REQUIRE(append(*opened.store, some_chunk(2, 0, 5)));
    REQUIRE(opened.store->flush());
    const auto over = append(*opened.store, some_chunk(1, 600, 5));
    REQUIRE_FALSE(over);
    CHECK(over.error().code() == base::Code::kLimit);
    REQUIRE(opened.store->truncate(0));  // the files without chunks
    const auto place = append(*opened.store, some_chunk(7, 600, 5));
    REQUIRE(place);
    REQUIRE(opened.store->flush());
    CHECK(opened.store->read(7, place.value()));
    CHECK(files->list(folder.path()).value().front().name == "000511");
}

TEST_CASE("chunk files tell only whole chunks after a power cut", "[tsdb][chunk_files][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    std::vector<Chunk> appended;
    for (int round = 0; round < 20; ++round) {
        CAPTURE(round);
        const Opened opened = open(files);
        std::vector<Chunk> rest = appended;
        for (const Chunk& chunk : opened.found) {
            CHECK((std::find(appended.begin(), appended.end(), chunk) != appended.end()));
        }
        check_all(*opened.store, opened.found, opened.places);
        appended = opened.found;
        for (uint64_t i = random.below(120); i > 0; --i) {
            appended.push_back(random_chunk(random));
            REQUIRE(append(*opened.store, appended.back()));
        }
        REQUIRE(opened.store->flush());
        if (random.below(4) == 0) {
            REQUIRE(opened.store->close());
        }
        if (random.below(2) == 0) {
            files.power_cut(random);
        } else {
            files.power_cut();
        }
    }
}

TEST_CASE("chunk files that were closed survive a power cut whole", "[tsdb][chunk_files]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("/head"));
    REQUIRE(files.sync_folder("/"));
    std::vector<Chunk> chunks;
    for (uint64_t ref = 1; ref <= 20; ++ref) {
        chunks.push_back(some_chunk(ref, 0, 700));
    }
    {
        const auto opened = open(files);
        append_all(*opened.store, chunks);
        REQUIRE(opened.store->close());
    }
    files.power_cut();
    CHECK((open(files).found == chunks));
}

TEST_CASE("a failed write takes back what was not flushed, and the chunks can be appended again",
          "[tsdb][chunk_files][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const auto call = GENERATE(FileCall::kWrite,
                               FileCall::kOpen,
                               FileCall::kSync,
                               FileCall::kTruncate,
                               FileCall::kSyncFolder);
    CAPTURE(static_cast<int>(call));
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        MemoryFiles below;
        FaultFiles files(below);
        std::vector<Chunk> flushed;
        std::vector<ChunkPlace> places;
        const bool stays = random.below(3) == 0;
        {
            const auto opened = open(files);
            std::vector<Chunk> held;
            std::vector<ChunkPlace> held_places;
            files.fail_at(call,
                          1 + random.below(6),
                          {.code = base::Code::kNoSpace,
                           .bytes_written = random.below(3000),
                           .forever = stays});
            for (int i = 0; i < 60; ++i) {
                held.push_back(
                    some_chunk(static_cast<uint64_t>(round * 100 + i + 1), i, random.below(600)));
                bool good = true;
                const auto place = append(*opened.store, held.back());
                if (place) {
                    held_places.push_back(place.value());
                    if (random.below(3) == 0) {
                        good = opened.store->flush().has_value();
                        if (good) {
                            flushed.insert(flushed.end(), held.begin(), held.end());
                            places.insert(places.end(), held_places.begin(), held_places.end());
                            held.clear();
                            held_places.clear();
                        }
                    }
                } else {
                    good = false;
                }
                if (!good) {
                    if (stays && random.below(2) == 0) {
                        files.heal();
                    }
                    held_places.clear();
                    std::vector<Chunk> again;
                    again.swap(held);
                    for (const Chunk& chunk : again) {
                        const auto second = append(*opened.store, chunk);
                        if (!second) {  // still broken: given up
                            held.clear();
                            held_places.clear();
                            break;
                        }
                        held.push_back(chunk);
                        held_places.push_back(second.value());
                    }
                }
                check_all(*opened.store, flushed, places);
            }
            files.heal();
            if (opened.store->flush()) {
                flushed.insert(flushed.end(), held.begin(), held.end());
                places.insert(places.end(), held_places.begin(), held_places.end());
            }
            check_all(*opened.store, flushed, places);
        }
        // A file that could not be cut ends in rubbish: what lies behind it is not trusted.
        const Opened again = open(below);
        REQUIRE(again.found.size() <= flushed.size());
        CHECK(std::equal(again.found.begin(), again.found.end(), flushed.begin()));
        CHECK(std::equal(again.places.begin(), again.places.end(), places.begin()));
        CHECK((again.found.size() == flushed.size() || call == FileCall::kTruncate));
    }
}

TEST_CASE("chunk files are truncated from the oldest on, and readers keep what they pin",
          "[tsdb][chunk_files]") {
    MemoryFiles files;
    const auto opened = open(files, 512);
    std::vector<Chunk> chunks;
    for (uint64_t ref = 1; ref <= 12; ++ref) {  // three to a file
        chunks.push_back(some_chunk(ref, static_cast<int64_t>(ref) * 100));
    }
    const auto places = append_all(*opened.store, chunks);
    REQUIRE(names(files).size() == 4);
    const auto pinned = opened.store->read(1, places[0]);
    REQUIRE(pinned);

    REQUIRE(opened.store->truncate(310));  // the last of the first file ends at 310
    CHECK(names(files).size() == 4);
    REQUIRE(opened.store->truncate(311));
    CHECK(names(files) == std::vector<std::string>{"000002", "000003", "000004"});
    CHECK_FALSE(opened.store->read(1, places[0]));
    CHECK((chunk_of(pinned.value().chunk) == chunks[0]));

    REQUIRE(opened.store->truncate(INT64_MAX));  // never the current one
    CHECK(names(files) == std::vector<std::string>{"000004"});
    CHECK(opened.store->read(12, places[11]));
    const auto next = append(*opened.store, some_chunk(13, 5000));
    REQUIRE(next);
    CHECK(names(files) == std::vector<std::string>{"000004", "000005"});
    REQUIRE(opened.store->truncate(2000));
    CHECK(names(files) == std::vector<std::string>{"000005"});
    CHECK(opened.store->read(13, next.value()));
    const uint64_t entry = tsdb::chunk_entry_bytes(100);
    CHECK(opened.store->bytes() == 8 + entry);
}

TEST_CASE("a truncation does not begin files without chunks", "[tsdb][chunk_files]") {
    MemoryFiles files;
    const auto opened = open(files);
    for (int64_t t = 0; t < 5; ++t) {
        REQUIRE(opened.store->truncate(t));
    }
    CHECK(names(files).empty());
    append_all(*opened.store, {some_chunk(1)});
    REQUIRE(opened.store->truncate(0));
    REQUIRE(opened.store->truncate(0));
    append_all(*opened.store, {some_chunk(2)});
    CHECK(names(files).size() == 2);
}

namespace {

// A folder with a log that knows one series and chunk files that hold its samples.
void write_series(base::Files& files, const std::string& folder) {
    const base::SystemClock clock;
    auto writer = tsdb::wal::Writer::open(files, clock, folder + "/wal", {});
    REQUIRE(writer);
    std::string record;
    {
        base::ByteWriter out(record);
        tsdb::wal::SeriesEncoder encoder(out);
        encoder.begin(1, 1);
        encoder.label("__name__", "up");
    }
    const std::vector<base::ByteView> records{record};
    REQUIRE(writer.value()->log(records));
    REQUIRE(writer.value()->close());
}

Chunk xor_chunk(uint64_t ref, int64_t start, int samples) {
    std::string bytes(2048, '\0');
    model::XorState state;
    for (int i = 0; i < samples; ++i) {
        REQUIRE(model::xor_append(state,
                                  reinterpret_cast<uint8_t*>(bytes.data()),
                                  0,
                                  bytes.size(),
                                  start + i * 1000,
                                  std::bit_cast<uint64_t>(static_cast<double>(i))));
    }
    model::xor_finish(reinterpret_cast<uint8_t*>(bytes.data()), state.count);
    bytes.resize(state.bytes());
    return {ref, start, start + (samples - 1) * 1000, Encoding::kXor, false, bytes};
}

size_t dumped(const std::string& folder) {
    const auto outcome = test::run_command("promtool tsdb dump '" + folder + "' 2>&1");
    CAPTURE(outcome.output);
    REQUIRE(outcome.exit_code == 0);
    const auto lines = test::lines_of(outcome.output);
    return static_cast<size_t>(std::count_if(lines.begin(), lines.end(), [](const auto& line) {
        return line.starts_with(R"({__name__="up"} )");
    }));
}

}  // namespace

TEST_CASE("promtool reads our chunk files, also after we mended them", "[tsdb][chunk_files]") {
    if (test::run_command("command -v promtool").exit_code != 0) {
        SKEIN_SKIP("promtool is absent: apt-get install prometheus");
    }
    constexpr uint64_t kFile = 1024;
    constexpr int64_t kStart = 1'700'000'000'000;
    const test_support::TempFolder temporary;
    const auto files = base::make_posix_files();
    const std::string& folder = temporary.path();
    const std::string head = folder + "/chunks_head";
    write_series(*files, folder);
    const auto found = [](const FiledChunk&) {};
    {
        auto store = ChunkFiles::open(*files, head, found, kFile);
        REQUIRE(store);
        for (int i = 0; i < 40; ++i) {
            REQUIRE(append(*store.value(), xor_chunk(1, kStart + i * 100'000, 100)));
        }
        REQUIRE(store.value()->flush());  // and left as a killed process leaves it
    }
    const auto listed = tsdb::list_chunk_files(*files, head);
    REQUIRE(listed);
    REQUIRE(listed.value().size() >= 4);
    CHECK(dumped(folder) == 4000);
    {
        auto store = ChunkFiles::open(*files, head, found, kFile);
        REQUIRE(store);
        REQUIRE(append(*store.value(), xor_chunk(1, kStart + 40 * 100'000, 1)));
        REQUIRE(store.value()->close());
    }
    CHECK(dumped(folder) == 4001);
    // A torn chunk would cost Prometheus the file and all later ones, or its start.
    REQUIRE(files->truncate(head + "/000003", 700));
    size_t left = 0;
    {
        std::map<base::Path, size_t> chunks;
        auto store = ChunkFiles::open(
            *files,
            head,
            [&](const FiledChunk& chunk) { left += model::xor_count(chunk.bytes); },
            kFile);
        REQUIRE(store);
        CHECK(store.value()->damages().size() >= 2);
        REQUIRE(store.value()->close());
    }
    CHECK(left > 0);
    CHECK(dumped(folder) == left);
}
