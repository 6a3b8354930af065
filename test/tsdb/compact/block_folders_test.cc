#include "tsdb/compact/block_folders.h"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"
#include "tsdb/compact/compactor.h"
#include "tsdb/quarantine.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::Contains;
using Fate = tsdb::FolderFinding::Fate;
using tsdb::delete_block;
using tsdb::open_blocks;
using tsdb::remove_temporary_folders;
using tsdb::block::Block;

namespace {

constexpr const char* kFolder = "/data";

std::string folder_of(unsigned n) {
    return base::join_path(kFolder, ulid(n).text());
}

TestBlock small_block(unsigned n) {
    TestBlock block;
    block.name = n;
    block.min_t = 100 * n;
    block.max_t = 100 * n + 100;
    block.series[{{"__name__", "a"}}] = {floats(100 * n, 10)};
    return block;
}

std::vector<unsigned> names_of(const tsdb::OpenedBlocks& opened) {
    std::vector<unsigned> out;
    for (const BlockPointer& block : opened.blocks) {
        out.push_back(number(block->meta().ulid));
    }
    return out;
}

// Whether every file of a small block is there as it was written.
bool is_whole(base::Files& files, const std::string& folder) {
    const auto block = Block::open(files, folder);
    return block.has_value() && content_of({{block.value()}}).size() == 1;
}

}  // namespace

TEST_CASE("all blocks of a data folder are opened, by time", "[tsdb][compact]") {
    MemoryFiles files;
    REQUIRE(files.make_folders(kFolder).has_value());
    CHECK(open_blocks(files, kFolder).value().blocks.empty());
    for (const unsigned n : {3U, 1U, 2U}) {
        write_block(files, kFolder, small_block(n));
    }
    files.put("/data/wal/00000000", base::ByteView("x"));
    files.put("/data/chunks_head/000001", base::ByteView("x"));
    files.put("/data/lock", base::ByteView(""));
    files.put("/data/\xff\xfe\x01/index", base::ByteView("x"));
    files.put("/data/" + ulid(1).text() + ".tmp-for-creation/index", base::ByteView("x"));
    const auto opened = open_blocks(files, kFolder);
    REQUIRE(opened.has_value());
    CHECK(names_of(opened.value()) == std::vector<unsigned>{1, 2, 3});
    CHECK(opened.value().findings.empty());
    CHECK(files.exists("/data/\xff\xfe\x01/index").value());
}

TEST_CASE("a data folder that cannot be listed is the only error", "[tsdb][compact]") {
    MemoryFiles files;
    CHECK(open_blocks(files, "/nothing").has_error());
    CHECK(remove_temporary_folders(files, "/nothing").has_error());
}

TEST_CASE("blocks that are open are not opened again", "[tsdb][compact]") {
    MemoryFiles files;
    write_block(files, kFolder, small_block(1));
    write_block(files, kFolder, small_block(2));
    const auto first = open_blocks(files, kFolder).value();
    write_block(files, kFolder, small_block(3));
    REQUIRE(delete_block(files, kFolder, ulid(1).text()).has_value());
    const auto second = open_blocks(files, kFolder, first.blocks).value();
    CHECK(names_of(second) == std::vector<unsigned>{2, 3});
    CHECK(second.blocks[0] == first.blocks[1]);
}

TEST_CASE("half-written and half-deleted folders are removed, and nothing else",
          "[tsdb][compact]") {
    MemoryFiles files;
    write_block(files, kFolder, small_block(1));
    const std::string name = ulid(1).text();
    for (const std::string& folder : {name + ".tmp-for-creation",
                                      name + ".tmp-for-deletion",
                                      name + ".tmp",
                                      std::string("other.tmp"),
                                      std::string("wal")}) {
        files.put("/data/" + folder + "/chunks/000001", base::ByteView("x"));
    }
    files.put("/data/" + ulid(2).text() + ".tmp", base::ByteView("a file"));
    const auto found = remove_temporary_folders(files, kFolder);
    REQUIRE(found.has_value());
    CHECK(found.value().size() == 3);
    for (const auto& finding : found.value()) {
        CHECK(finding.fate == Fate::kRemoved);
        CHECK(finding.path.empty());
    }
    std::vector<std::string> left;
    const auto entries = files.list(kFolder);
    for (const auto& entry : entries.value()) {
        left.push_back(entry.name);
    }
    CHECK(left == std::vector<std::string>{name, ulid(2).text() + ".tmp", "other.tmp", "wal"});
}

TEST_CASE("a block that cannot be opened goes to quarantine, and the others are served",
          "[tsdb][compact]") {
    struct Case {
        const char* name;
        std::function<void(MemoryFiles&, const std::string&)> damage;
    };

    const std::string other = ulid(77).text();
    const std::vector<Case> cases{
        {"no meta.json",
         [](auto& files, auto& folder) { (void)files.remove(folder + "/meta.json"); }},
        {"no index", [](auto& files, auto& folder) { (void)files.remove(folder + "/index"); }},
        {"empty folder",
         [](auto& files, auto& folder) {
             (void)files.remove_tree(folder);
             (void)files.make_folders(folder);
         }},
        {"torn index", [](auto& files, auto& folder) { files.tear_tail(folder + "/index", 30); }},
        {"torn meta.json",
         [](auto& files, auto& folder) { files.tear_tail(folder + "/meta.json", 10); }},
        {"meta.json of zeros",
         [](auto& files, auto& folder) {
             files.put(folder + "/meta.json", base::ByteView(std::string(300, '\0')));
         }},
        {"foreign version of meta.json",
         [](auto& files, auto& folder) {
             std::string text = files.content(folder + "/meta.json");
             const size_t at = text.rfind("\"version\": 1");
             REQUIRE(at != std::string::npos);
             text[at + 11] = '9';
             files.put(folder + "/meta.json", base::ByteView(text));
         }},
        {"foreign version of the index",
         [](auto& files, auto& folder) { files.flip_bit(folder + "/index", 4, 5); }},
        {"another block's meta.json",
         [other](auto& files, auto& folder) {
             std::string text = files.content(folder + "/meta.json");
             text.replace(text.find(ulid(2).text()), other.size(), other);
             files.put(folder + "/meta.json", base::ByteView(text));
         }},
        {"bad magic number of a chunk file",
         [](auto& files, auto& folder) { files.flip_bit(folder + "/chunks/000001", 0, 0); }},
        {"damaged tombstones",
         [](auto& files, auto& folder) {
             files.put(folder + "/tombstones", base::ByteView("nonsense"));
         }},
        {"a file instead of a folder",
         [](auto& files, auto& folder) {
             (void)files.remove_tree(folder);
             files.put(folder, base::ByteView("file"));
         }},
    };
    for (const Case& damage : cases) {
        CAPTURE(damage.name);
        MemoryFiles files;
        for (const unsigned n : {1U, 2U, 3U}) {
            write_block(files, kFolder, small_block(n));
        }
        damage.damage(files, folder_of(2));
        const auto opened = open_blocks(files, kFolder);
        REQUIRE(opened.has_value());
        CHECK(names_of(opened.value()) == std::vector<unsigned>{1, 3});
        REQUIRE(opened.value().findings.size() == 1);
        const auto& finding = opened.value().findings[0];
        CAPTURE(finding.reason, finding.path);
        CHECK(finding.name == ulid(2).text());
        CHECK(finding.fate == Fate::kQuarantined);
        CHECK_FALSE(finding.reason.empty());
        CHECK_THAT(finding.path, Catch::Matchers::StartsWith("/data/quarantine/" + finding.name));
        CHECK(files.exists(finding.path).value());
        CHECK_FALSE(files.exists(folder_of(2)).value());
        CHECK(tsdb::list_quarantine(files, kFolder).value().size() == 1);
        // Once is enough.
        CHECK(open_blocks(files, kFolder).value().findings.empty());
    }
}

TEST_CASE("a block with a chunk file of another block goes to quarantine", "[tsdb][compact]") {
    MemoryFiles files;
    for (const unsigned n : {1U, 2U}) {
        write_block(files, kFolder, small_block(n));
    }
    const std::string own = files.content(folder_of(1) + "/chunks/000001");
    const std::string other = files.content(folder_of(2) + "/chunks/000001");
    REQUIRE(own.size() == other.size());
    files.put(folder_of(1) + "/chunks/000001", other);
    auto opened = open_blocks(files, kFolder);
    REQUIRE(opened.has_value());
    CHECK(names_of(opened.value()) == std::vector<unsigned>{2});
    REQUIRE(opened.value().findings.size() == 1);
    CHECK(opened.value().findings[0].fate == Fate::kQuarantined);
    CHECK_THAT(opened.value().findings[0].reason, Contains("chunks/000001"));
}

TEST_CASE("two folders of one block: the one that has its name is served", "[tsdb][compact]") {
    MemoryFiles files;
    write_block(files, kFolder, small_block(1));
    write_block(files, kFolder, small_block(2));
    files.put(folder_of(2) + "/meta.json",
              base::ByteView(files.content(folder_of(1) + "/meta.json")));
    const auto opened = open_blocks(files, kFolder).value();
    CHECK(names_of(opened) == std::vector<unsigned>{1});
    REQUIRE(opened.findings.size() == 1);
    CHECK(opened.findings[0].fate == Fate::kQuarantined);
    CHECK_THAT(opened.findings[0].reason, Contains(ulid(1).text()));
}

TEST_CASE("loops of links in a real folder end in quarantine", "[tsdb][compact]") {
    const TempFolder folder;
    const auto files = base::make_posix_files();
    for (const unsigned n : {1U, 2U, 3U}) {
        write_block(*files, folder.path(), small_block(n));
    }
    const std::string index = folder / (ulid(2).text() + "/index");
    std::filesystem::remove(index);
    std::filesystem::create_symlink("index", index);
    std::filesystem::create_symlink(ulid(4).text(), folder / ulid(4).text());
    std::filesystem::create_directories(folder / ("01\xff"
                                                  "bad\xfe/chunks"));
    const auto opened = open_blocks(*files, folder.path());
    REQUIRE(opened.has_value());
    CHECK(names_of(opened.value()) == std::vector<unsigned>{1, 3});
    REQUIRE(opened.value().findings.size() == 2);
    for (const auto& finding : opened.value().findings) {
        CAPTURE(finding.name, finding.reason);
        CHECK(finding.fate == Fate::kQuarantined);
    }
}

TEST_CASE("a block that cannot be opened is removed when another was made of it",
          "[tsdb][compact]") {
    MemoryFiles files;
    std::vector<BlockPointer> blocks{write_block(files, kFolder, small_block(1)),
                                     write_block(files, kFolder, small_block(2))};
    REQUIRE(tsdb::compact_blocks(files, kFolder, blocks, ulid(9), {}, {}).value().has_value());
    REQUIRE(files.remove(folder_of(1) + "/index").has_value());
    const bool child_is_well = GENERATE(true, false);
    if (!child_is_well) {
        REQUIRE(files.remove(folder_of(9) + "/index").has_value());
    }
    const auto opened = open_blocks(files, kFolder).value();
    CHECK(names_of(opened) ==
          (child_is_well ? std::vector<unsigned>{9, 2} : std::vector<unsigned>{2}));
    REQUIRE(opened.findings.size() == (child_is_well ? 1 : 2));
    CHECK(opened.findings[0].name == ulid(1).text());
    CHECK(opened.findings[0].fate == (child_is_well ? Fate::kRemoved : Fate::kQuarantined));
    CHECK_FALSE(files.exists(folder_of(1)).value());
}

TEST_CASE("a block that cannot be opened at the moment stays where it is", "[tsdb][compact]") {
    MemoryFiles below;
    write_block(below, kFolder, small_block(1));
    FaultFiles files(below);
    files.fail_at(FileCall::kOpen, 1, {.code = base::Code::kUnavailable});
    const auto opened = open_blocks(files, kFolder).value();
    CHECK(opened.blocks.empty());
    REQUIRE(opened.findings.size() == 1);
    CHECK(opened.findings[0].fate == Fate::kLeft);
    CHECK(opened.findings[0].path == folder_of(1));
    CHECK(open_blocks(files, kFolder).value().blocks.size() == 1);
}

TEST_CASE("a block that cannot even be moved stays, is named, and keeps nobody from the others",
          "[tsdb][compact]") {
    MemoryFiles below;
    write_block(below, kFolder, small_block(1));
    write_block(below, kFolder, small_block(2));
    REQUIRE(below.remove(folder_of(1) + "/index").has_value());
    FaultFiles files(below);
    files.fail_at(FileCall::kRename, 1, {.code = base::Code::kPermission});
    const auto opened = open_blocks(files, kFolder).value();
    CHECK(names_of(opened) == std::vector<unsigned>{2});
    REQUIRE(opened.findings.size() == 1);
    CHECK(opened.findings[0].fate == Fate::kLeft);
    CHECK_THAT(opened.findings[0].reason, Contains("quarantine"));
}

TEST_CASE("a deleted block is gone, and its readers go on", "[tsdb][compact]") {
    MemoryFiles files;
    const BlockPointer block = write_block(files, kFolder, small_block(1));
    REQUIRE(delete_block(files, kFolder, ulid(1).text()).has_value());
    CHECK(files.list(kFolder).value().empty());
    CHECK(content_of({{block}}).size() == 1);
    CHECK(delete_block(files, kFolder, ulid(1).text()).has_value());
    files.power_cut();
    CHECK_FALSE(files.exists(folder_of(1)).value());
}

namespace {

// What a removal leaves that was interrupted: some of the files are gone for good.
void remove_some(MemoryFiles& files, const std::string& folder) {
    for (const char* const name : {"index", "chunks/000001"}) {
        REQUIRE(files.remove(base::join_path(folder, name)).has_value());
    }
    REQUIRE(files.sync_folder(folder).has_value());
    REQUIRE(files.sync_folder(folder + "/chunks").has_value());
}

}  // namespace

TEST_CASE("a failure or a power cut at any step of a deletion leaves a whole block or none",
          "[tsdb][compact]") {
    const auto call =
        GENERATE(FileCall::kList, FileCall::kRemove, FileCall::kRename, FileCall::kSyncFolder);
    const auto nth = GENERATE(1U, 2U);
    const bool power_cut = GENERATE(false, true);
    CAPTURE(static_cast<int>(call), nth, power_cut);
    MemoryFiles below;
    write_block(below, kFolder, small_block(1));
    write_block(below, kFolder, small_block(2));
    FaultFiles files(below);
    files.fail_at(call, nth);
    const bool done = delete_block(files, kFolder, ulid(1).text()).has_value();
    if (call == FileCall::kRemove && nth == 2) {
        remove_some(below, folder_of(1) + ".tmp-for-deletion");
    }
    if (power_cut) {
        below.power_cut();
    }
    files.heal();
    REQUIRE(remove_temporary_folders(files, kFolder).has_value());
    const auto opened = open_blocks(files, kFolder).value();
    CHECK(opened.findings.empty());
    CHECK(is_whole(below, folder_of(2)));
    const bool there = below.exists(folder_of(1)).value();
    CHECK((!there || is_whole(below, folder_of(1))));
    CHECK((!done || !there));
    const auto entries = below.list(kFolder);
    for (const auto& entry : entries.value()) {
        CHECK(entry.name.size() == tsdb::block::Ulid::kCharacters);
    }
}
