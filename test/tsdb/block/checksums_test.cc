#include "tsdb/block/checksums.h"

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "tsdb/block/block_file.h"
#include "tsdb/block/meta.h"
#include "tsdb/block/tombstones.h"

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using tsdb::block::BlockFile;
using tsdb::block::Checksums;
using tsdb::block::kChecksumPageBytes;

namespace {

constexpr const char* kBlock = "/b";

// A block's files, whatever is in them, and their sums.
void put_block(MemoryFiles& files) {
    base::SeededRandom random(7);
    files.put("/b/meta.json", "{}");
    files.put("/b/tombstones", tsdb::block::to_bytes(tsdb::block::Tombstones()));
    files.put("/b/index", test_support::random_bytes(random, 3 * kChecksumPageBytes));
    files.put("/b/chunks/000001", test_support::random_bytes(random, 2 * kChecksumPageBytes + 5));
    files.put("/b/chunks/000002", test_support::random_bytes(random, 9));
    REQUIRE(tsdb::block::write_checksums(
        files, kBlock, tsdb::block::compute_checksums(files, kBlock).value()));
}

auto verify(base::Files& files) {
    return tsdb::block::verify_checksums(files, kBlock, {}).value();
}

}  // namespace

TEST_CASE("a checksum file says what docs/formats/checksums.md says", "[tsdb][block]") {
    const Checksums checksums{
        {{"index", kChecksumPageBytes + 1, {0x01020304, 0x05060708}}, {"chunks/000001", 0, {}}}};
    const std::string bytes = tsdb::block::encode_checksums(checksums);
    CHECK(base::to_hex(bytes.substr(0, bytes.size() - 4)) ==
          "534b4353"
          "01"
          "808004"
          "02"
          "05696e646578"
          "818004"
          "0102030405060708"
          "0d6368756e6b732f303030303031"
          "00");
    MemoryFiles files;
    REQUIRE(files.make_folders(kBlock));
    REQUIRE(tsdb::block::write_checksums(files, kBlock, checksums));
    CHECK(files.content("/b/skein-checksums") == bytes);
    CHECK(tsdb::block::read_checksums(files, kBlock).value() == checksums);
}

TEST_CASE("sums are those of the bytes, page by page", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    const Checksums checksums = tsdb::block::read_checksums(files, kBlock).value();
    REQUIRE(checksums.files.size() == 5);
    for (const auto& file : checksums.files) {
        const std::string content = files.content("/b/" + file.name);
        CAPTURE(file.name);
        CHECK(file.bytes == content.size());
        REQUIRE(file.pages.size() ==
                (content.size() + kChecksumPageBytes - 1) / kChecksumPageBytes);
        for (size_t page = 0; page < file.pages.size(); ++page) {
            CHECK(file.pages[page] ==
                  base::crc32c(content.substr(page * kChecksumPageBytes, kChecksumPageBytes)));
        }
    }
    CHECK(verify(files).empty());
}

TEST_CASE("damage of any file is found with its page", "[tsdb][block]") {
    const auto check = [](const char* name, size_t offset, uint64_t page) {
        MemoryFiles files;
        put_block(files);
        files.flip_bit(std::string("/b/") + name, offset, 3);
        const auto found = verify(files);
        REQUIRE(found.size() == 1);
        CHECK(found[0].file == name);
        CHECK(found[0].offset == page);
    };
    check("meta.json", 0, 0);
    check("tombstones", 8, 0);
    check("index", 2 * kChecksumPageBytes - 1, kChecksumPageBytes);
    check("index", 2 * kChecksumPageBytes, 2 * kChecksumPageBytes);
    check("chunks/000001", 2 * kChecksumPageBytes + 4, 2 * kChecksumPageBytes);
    check("chunks/000002", 8, 0);
}

TEST_CASE("a file too short, too long or missing is found", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    files.tear_tail("/b/chunks/000001", 5);
    files.put("/b/index", files.content("/b/index") + "x");
    REQUIRE(files.remove("/b/chunks/000002"));
    const auto found = verify(files);
    REQUIRE(found.size() == 3);
    CHECK(found[0].file == "index");
    CHECK(found[0].offset == 3 * kChecksumPageBytes);
    CHECK(found[1].file == "chunks/000001");
    CHECK(found[1].offset == 2 * kChecksumPageBytes);
    CHECK(found[2].reason == "the file is missing");
}

TEST_CASE("no flipped bit of a checksum file goes unnoticed", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    const std::string bytes = files.content("/b/skein-checksums");
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
        files.put("/b/skein-checksums", flipped);
        CAPTURE(bit);
        CHECK_FALSE(tsdb::block::read_checksums(files, kBlock));
    }
}

TEST_CASE("a block without sums is told apart from a damaged one", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    REQUIRE(files.remove("/b/skein-checksums"));
    CHECK(tsdb::block::verify_checksums(files, kBlock, {}).error().code() == base::Code::kNotFound);
    CHECK(tsdb::block::replace_block_file(files, kBlock, "meta.json", "{1}"));
    CHECK(files.content("/b/meta.json") == "{1}");
    CHECK_FALSE(files.exists("/b/skein-checksums").value());
}

TEST_CASE("tombstones that another server wrote are no damage", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    files.put("/b/tombstones", tsdb::block::to_bytes({{1, {{5, 6}}}}));
    CHECK(verify(files).empty());
}

TEST_CASE("a meta.json that another server wrote is no damage, a flipped bit is", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    tsdb::block::BlockMeta meta;
    meta.ulid = tsdb::block::Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV").value();
    meta.max_t = 1000;
    const std::string first = tsdb::block::to_json(meta);
    REQUIRE(tsdb::block::replace_block_file(files, kBlock, "meta.json", first));
    meta.failed = true;
    const std::string second = tsdb::block::to_json(meta);
    REQUIRE(second.size() != first.size());
    files.put("/b/meta.json", second);
    CHECK(verify(files).empty());
    files.put("/b/meta.json", second.substr(0, second.size() / 2));
    CHECK(verify(files).size() == 1);
    std::string flipped = first;
    flipped[first.find("1000")] ^= 2;
    files.put("/b/meta.json", flipped);
    CHECK(verify(files).size() == 1);
}

TEST_CASE("verifying is paced page by page and ends when told", "[tsdb][block]") {
    MemoryFiles files;
    put_block(files);
    files.flip_bit("/b/chunks/000002", 0, 0);
    uint64_t bytes = 0;
    const auto all = tsdb::block::verify_checksums(files, kBlock, [&](size_t page) {
        CHECK(page <= kChecksumPageBytes);
        bytes += page;
        return true;
    });
    CHECK(all.value().size() == 1);
    CHECK(bytes == 2 + 9 + 5 * kChecksumPageBytes + 5 + 9);
    CHECK(
        tsdb::block::verify_checksums(files, kBlock, [](size_t) { return false; }).value().empty());
}

TEST_CASE("the sums fit wherever the power goes while a file is replaced", "[tsdb][block]") {
    for (const FileCall call : {FileCall::kOpen,
                                FileCall::kWrite,
                                FileCall::kSync,
                                FileCall::kRename,
                                FileCall::kSyncFolder}) {
        for (uint64_t nth = 1; nth <= 3; ++nth) {
            MemoryFiles files;
            put_block(files);
            FaultFiles faults(files);
            // Opening for reading the sums comes first.
            faults.fail_at(call, call == FileCall::kOpen ? nth + 1 : nth, {.forever = true});
            CAPTURE(static_cast<int>(call), nth);
            REQUIRE_FALSE(
                tsdb::block::replace_block_file(faults, kBlock, "meta.json", "{ \"new\": 1 }"));
            files.power_cut();
            CHECK(verify(files).empty());
            const std::string meta = files.content("/b/meta.json");
            CHECK((meta == "{}" || meta == "{ \"new\": 1 }"));
        }
    }
}

TEST_CASE("a patched checksum is that of the patched bytes", "[tsdb][block]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 100; ++round) {
        std::string bytes = test_support::random_bytes(random, 200 + random.below(200'000));
        const size_t size = random.below(100);
        const size_t at = random.below(bytes.size() - size);
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, '\0');
        const uint32_t before = base::crc32c(bytes);
        const std::string patch = test_support::random_bytes(random, size);
        bytes.replace(at, size, patch);
        CHECK(tsdb::block::crc32c_patched(before, patch, bytes.size() - at - size) ==
              base::crc32c(bytes));
    }
}

TEST_CASE("a block's file holds and sums up what was written in pieces", "[tsdb][block]") {
    const auto seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    REQUIRE(files.make_folders("/b/chunks"));
    for (int round = 0; round < 10; ++round) {
        auto file = BlockFile::create(files, kBlock, "chunks/000001").value();
        std::string want;
        std::vector<std::pair<uint64_t, size_t>> gaps;
        while (want.size() < 4 * BlockFile::kBufferBytes) {
            const std::string piece =
                test_support::random_bytes(random, random.u64() >> (44 + random.below(20)));
            REQUIRE(file.append(piece));
            want += piece;
            gaps.emplace_back(want.size(), random.below(100));
            REQUIRE(file.zeros(gaps.back().second));
            want.append(gaps.back().second, '\0');
            REQUIRE(file.align(16));
            want.resize((want.size() + 15) / 16 * 16);
            CHECK(file.position() == want.size());
        }
        for (const auto& [at, size] : gaps) {
            const std::string piece = test_support::random_bytes(random, size);
            REQUIRE(file.patch(at, piece));
            want.replace(at, size, piece);
        }
        const auto sums = file.finish().value();
        CHECK(files.content("/b/chunks/000001") == want);
        CHECK(sums == tsdb::block::checksums_of("chunks/000001", want));
    }
}
