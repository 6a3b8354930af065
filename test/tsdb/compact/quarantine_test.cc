#include "tsdb/quarantine.h"

#include <string>

#include <catch2/catch.hpp>

#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/temp_folder.h"

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;
using tsdb::list_quarantine;
using tsdb::quarantine;
using tsdb::Quarantined;

namespace {

void put_block(MemoryFiles& files) {
    files.put("/data/block/index", base::ByteView("index"));
    files.put("/data/block/chunks/000001", base::ByteView("chunk"));
    files.put("/data/wal/00000000", base::ByteView("wal"));
}

bool is_whole(MemoryFiles& files, const std::string& folder) {
    return files.exists(folder + "/index").value() &&
           files.exists(folder + "/chunks/000001").value() &&
           files.content(folder + "/index") == "index" &&
           files.content(folder + "/chunks/000001") == "chunk";
}

}  // namespace

TEST_CASE("quarantine moves a folder away under its name and the reason", "[tsdb][quarantine]") {
    MemoryFiles files;
    put_block(files);
    const auto path = quarantine(files, "/data", "block", "Bad CRC-32C in index: 0x1F!");
    REQUIRE(path.has_value());
    CHECK(path.value() == "/data/quarantine/block.bad-crc-32c-in-index-0x1f");
    CHECK(is_whole(files, path.value()));
    CHECK_FALSE(files.exists("/data/block").value());
    files.power_cut();
    CHECK(is_whole(files, path.value()));
    CHECK_FALSE(files.exists("/data/block").value());
}

TEST_CASE("quarantine leaves the folder out of a reason that names files", "[tsdb][quarantine]") {
    MemoryFiles files;
    put_block(files);
    const auto path = quarantine(
        files, "/data", "block", "/data/block/index: no index, but /data/block/meta.json");
    REQUIRE(path.has_value());
    CHECK(path.value() == "/data/quarantine/block.index-no-index-but-meta-json");
}

TEST_CASE("quarantine takes a file out of a folder below", "[tsdb][quarantine]") {
    MemoryFiles files;
    put_block(files);
    const auto path = quarantine(files, "/data", "wal/00000000", "torn");
    REQUIRE(path.has_value());
    CHECK(path.value() == "/data/quarantine/00000000.torn");
    files.power_cut();
    CHECK(files.content(path.value()) == "wal");
    CHECK_FALSE(files.exists("/data/wal/00000000").value());
}

TEST_CASE("quarantine never replaces what it holds", "[tsdb][quarantine]") {
    MemoryFiles files;
    for (const char* const want : {"x.bad", "x.bad-2", "x.bad-3"}) {
        files.put("/data/x", base::ByteView(want));
        const auto path = quarantine(files, "/data", "x", "bad");
        REQUIRE(path.has_value());
        CHECK(path.value() == std::string("/data/quarantine/") + want);
    }
    CHECK(files.content("/data/quarantine/x.bad") == "x.bad");
    CHECK(files.content("/data/quarantine/x.bad-3") == "x.bad-3");
}

TEST_CASE("quarantine makes a file's name of any reason", "[tsdb][quarantine]") {
    const auto check = [](const std::string& reason, const std::string& want) {
        CAPTURE(reason);
        MemoryFiles files;
        files.put("/data/x", base::ByteView("x"));
        const auto path = quarantine(files, "/data", "x", reason);
        REQUIRE(path.has_value());
        CHECK(path.value() == "/data/quarantine/x." + want);
    };
    check("", "unknown");
    check("../../etc/passwd", "etc-passwd");
    check(std::string("a\0b\xff\xfe\n", 6), "a-b");
    check("...", "unknown");
    check(std::string(1000, 'x'), std::string(tsdb::kQuarantineReasonMax, 'x'));
}

TEST_CASE("quarantine shortens a name that would be too long for the file system",
          "[tsdb][quarantine]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    const std::string name(255, 'n');
    REQUIRE(files->make_folders(folder / name).has_value());
    const auto path = quarantine(*files, folder.path(), name, std::string(300, 'r'));
    REQUIRE(path.has_value());
    CHECK(files->exists(path.value()).value());
    CHECK(base::file_name(path.value()).size() <= 255);
}

TEST_CASE("quarantine lists what it holds", "[tsdb][quarantine]") {
    MemoryFiles files;
    CHECK(list_quarantine(files, "/data").value().empty());
    files.put("/data/checkpoint.00000003", base::ByteView("x"));
    REQUIRE(quarantine(files, "/data", "checkpoint.00000003", "bad record").has_value());
    files.put("/data/quarantine/by-hand", base::ByteView("x"));
    const auto found = list_quarantine(files, "/data");
    REQUIRE(found.has_value());
    CHECK(found.value() ==
          std::vector<Quarantined>{{"by-hand", "", "/data/quarantine/by-hand"},
                                   {"checkpoint.00000003",
                                    "bad-record",
                                    "/data/quarantine/checkpoint.00000003.bad-record"}});
}

TEST_CASE("quarantine of what is not there says so", "[tsdb][quarantine]") {
    MemoryFiles files;
    put_block(files);
    const auto path = quarantine(files, "/data", "nothing", "bad");
    REQUIRE(path.has_error());
    CHECK(path.error().code() == base::Code::kNotFound);
}

TEST_CASE("a failure or a power cut at any step of a quarantine loses nothing",
          "[tsdb][quarantine]") {
    const auto call =
        GENERATE(FileCall::kMakeFolders, FileCall::kSyncFolder, FileCall::kList, FileCall::kRename);
    const auto nth = GENERATE(1U, 2U, 3U);
    const bool power_cut = GENERATE(false, true);
    CAPTURE(static_cast<int>(call), nth, power_cut);
    MemoryFiles below;
    put_block(below);
    FaultFiles files(below);
    files.fail_at(call, nth);
    const bool moved = quarantine(files, "/data", "block", "bad").has_value();
    if (power_cut) {
        below.power_cut();
    }
    const bool before = below.exists("/data/block").value();
    const bool after = below.exists("/data/quarantine/block.bad").value();
    CHECK((before || after));
    CHECK((!before || is_whole(below, "/data/block")));
    CHECK((!after || is_whole(below, "/data/quarantine/block.bad")));
    CHECK((!moved || (after && !before)));
    // Once more, the disk being well again.
    files.heal();
    if (before) {
        REQUIRE(quarantine(files, "/data", "block", "bad").has_value());
        CHECK_FALSE(below.exists("/data/block").value());
    }
}
