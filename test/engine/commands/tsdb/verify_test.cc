#include "engine/commands/tsdb/verify.h"

#include <memory>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "engine/commands/tsdb/backfill.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "tsdb/block/checksums.h"
#include "tsdb/head/chunk_files.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/writer.h"

namespace {

using test_support::MemoryFiles;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

// What a part prints, and how many damages it found.
struct Verified {
    uint64_t damages = 0;
    std::string text;
};

template <class Part>
Verified verify(const Part& part) {
    const std::unique_ptr<std::FILE, CloseFile> out(std::tmpfile());
    REQUIRE(out != nullptr);
    engine::Findings findings(out.get());
    part(findings);
    Verified verified{findings.damages(), std::string(64 * 1024, '\0')};
    std::rewind(out.get());
    verified.text.resize(std::fread(verified.text.data(), 1, verified.text.size(), out.get()));
    return verified;
}

Verified verify_block(base::Files& files, const base::Path& folder) {
    return verify(
        [&](engine::Findings& findings) { engine::verify_block(files, folder, findings); });
}

Verified verify_log(base::Files& files) {
    return verify([&](engine::Findings& findings) {
        engine::verify_log(files, "/data/wal", "write-ahead log", findings);
    });
}

base::Path make_block(MemoryFiles& files) {
    std::string page;
    for (int i = 0; i < 6; ++i) {
        for (int t = 0; t < 40; ++t) {
            page += "a{x=\"" + std::to_string(i) + "\"} " + std::to_string(t) + " " +
                    std::to_string(t * 15) + "\n";
        }
    }
    const base::SystemClock clock;
    base::SeededRandom random(3);
    base::Path folder;
    REQUIRE(engine::backfill(files,
                             page + "# EOF\n",
                             "/data",
                             {},
                             clock,
                             random,
                             [&](const base::Path& made) -> base::Status {
                                 folder = made;
                                 return base::success();
                             }));
    return folder;
}

}  // namespace

TEST_CASE("a whole block is found whole", "[engine][verify]") {
    MemoryFiles files;
    const base::Path folder = make_block(files);
    const Verified verified = verify_block(files, folder);
    CHECK(verified.damages == 0);
    CHECK_THAT(verified.text, Catch::Contains("OK block 0"));
    CHECK_THAT(verified.text, Catch::Contains("6 series, 6 chunks, 240 samples"));
}

TEST_CASE("a flipped bit anywhere in a block is found by its checksums", "[engine][verify]") {
    MemoryFiles whole;
    const base::Path folder = make_block(whole);
    base::SeededRandom random(test_support::test_seed());
    for (const char* name : {"index", "chunks/000001", "meta.json", "tombstones"}) {
        const std::string bytes = whole.content(folder + "/" + name);
        for (size_t at = 0; at < bytes.size(); at += 1 + random.below(12)) {
            CAPTURE(name, at);
            MemoryFiles files;
            const base::Path other = make_block(files);
            files.flip_bit(other + "/" + name, at, static_cast<unsigned>(random.below(8)));
            const Verified verified = verify_block(files, other);
            CHECK(verified.damages > 0);
            CHECK_THAT(verified.text, Catch::Contains(name));
        }
    }
}

TEST_CASE("damage in a block without page checksums is found by reading it all",
          "[engine][verify]") {
    MemoryFiles whole;
    const base::Path folder = make_block(whole);
    REQUIRE(whole.remove(folder + "/" + std::string(tsdb::block::kChecksumsFile)));
    const Verified untouched = verify_block(whole, folder);
    CHECK(untouched.damages == 0);
    CHECK_THAT(untouched.text, Catch::Contains("another server made it"));
    const std::string chunks = folder + "/chunks/000001";
    const size_t size = whole.content(chunks).size();
    for (size_t at = 8; at < size; ++at) {
        CAPTURE(at);
        whole.flip_bit(chunks, at, 5);
        CHECK(verify_block(whole, folder).damages > 0);
        whole.flip_bit(chunks, at, 5);
    }
    const std::string index = folder + "/index";
    const std::string bytes = whole.content(index);
    for (size_t at = 0; at < bytes.size(); ++at) {
        CAPTURE(at);
        whole.flip_bit(index, at, 2);
        // Zeros may be padding between entries, which nobody reads.
        CHECK((verify_block(whole, folder).damages > 0 || bytes[at] == 0));
        whole.flip_bit(index, at, 2);
    }
    whole.tear_tail(index, 1);
    CHECK(verify_block(whole, folder).damages > 0);
}

TEST_CASE("a log is checked record by record", "[engine][verify]") {
    MemoryFiles files;
    const base::SystemClock clock;
    auto writer = tsdb::wal::Writer::open(files, clock, "/data/wal", {});
    REQUIRE(writer);
    for (uint64_t ref = 1; ref <= 50; ++ref) {
        std::string record;
        {
            base::ByteWriter out(record);
            tsdb::wal::SeriesEncoder encoder(out);
            encoder.begin(ref, 1);
            encoder.label("__name__", "a" + std::to_string(ref));
        }
        const std::vector<base::ByteView> records{record};
        REQUIRE(writer.value()->log(records));
    }
    const std::string malformed = "\x01garbage";
    const bool damaged = GENERATE(false, true);
    if (damaged) {
        const std::vector<base::ByteView> records{malformed};
        REQUIRE(writer.value()->log(records));
    }
    REQUIRE(writer.value()->close());
    const Verified verified = verify_log(files);
    CHECK(verified.damages == (damaged ? 1 : 0));
    CHECK_THAT(verified.text,
               Catch::Contains(damaged ? "1 segment, 51 records" : "1 segment, 50 records"));
    files.flip_bit("/data/wal/00000000", 100, 1);
    CHECK(verify_log(files).damages > 0);
}

TEST_CASE("a log that is not there is no damage", "[engine][verify]") {
    MemoryFiles files;
    const Verified verified = verify_log(files);
    CHECK(verified.damages == 0);
    CHECK(verified.text.empty());
}

TEST_CASE("head chunks are checked and left as they are", "[engine][verify]") {
    MemoryFiles files;
    auto store =
        tsdb::ChunkFiles::open(files, "/data/chunks_head", [](const tsdb::FiledChunk&) {}, 4096);
    REQUIRE(store);
    const std::string bytes(100, 'x');
    REQUIRE(
        store.value()->append(1, 1, 2, model::Encoding::kXor, false, base::ByteView(bytes).span()));
    REQUIRE(store.value()->close());
    const auto check = [&] {
        return verify([&](engine::Findings& findings) {
            engine::verify_head_chunks(files, "/data/chunks_head", findings);
        });
    };
    CHECK(check().damages == 0);
    files.flip_bit("/data/chunks_head/000001", 50, 1);
    const std::string before = files.content("/data/chunks_head/000001");
    CHECK(check().damages == 1);
    CHECK(files.content("/data/chunks_head/000001") == before);
}
