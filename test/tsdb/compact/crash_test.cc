// Compaction that fails, or is killed with its machine, at every call to the disk.
#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/check.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"
#include "tsdb/compact/block_folders.h"
#include "tsdb/compact/compactor.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using tsdb::block::Block;

namespace {

constexpr unsigned kResult = 900;
constexpr const char* kFolder = "/data";

const std::vector kCalls{FileCall::kOpen,
                         FileCall::kWrite,
                         FileCall::kSync,
                         FileCall::kSyncFolder,
                         FileCall::kRename,
                         FileCall::kMakeFolders};

std::string folder_of(unsigned n) {
    return base::join_path(kFolder, ulid(n).text());
}

void write_two_blocks(base::Files& files) {
    TestBlock block;
    block.name = 1;
    block.max_t = 1000;
    block.series[{{"a", "1"}}] = {floats(0, 50), floats(500, 50)};
    block.series[{{"a", "2"}}] = {floats(0, 100)};
    write_block(files, kFolder, block);
    block.name = 2;
    block.series[{{"a", "1"}}] = {floats(5, 95)};
    write_block(files, kFolder, block);
}

std::vector<BlockPointer> open_two_blocks(base::Files& files) {
    return {Block::open(files, folder_of(1)).value(), Block::open(files, folder_of(2)).value()};
}

base::Status compact(base::Files& files, const std::vector<BlockPointer>& blocks) {
    TRY(const auto meta, tsdb::compact_blocks(files, kFolder, blocks, ulid(kResult), {}, {}));
    SKEIN_CHECK(meta.has_value(), "an empty result");
    return base::success();
}

// The blocks' names, when nothing else is in the data folder.
std::vector<unsigned> names_in(base::Files& files) {
    std::vector<unsigned> names;
    const auto entries = files.list(kFolder);
    for (const auto& entry : entries.value()) {
        const auto name = tsdb::block::Ulid::parse(entry.name);
        CAPTURE(entry.name);
        REQUIRE(name.has_value());
        names.push_back(number(*name));
    }
    return names;
}

}  // namespace

TEST_CASE("compaction that fails anywhere leaves nothing behind, and its blocks as they were",
          "[tsdb][compact]") {
    MemoryFiles below;
    write_two_blocks(below);
    FaultFiles files(below);
    const std::vector<BlockPointer> blocks = open_two_blocks(below);
    const Content want = content_of(blocks);
    for (const FileCall call : kCalls) {
        bool done = false;
        for (uint64_t nth = 1; !done; ++nth) {
            CAPTURE(static_cast<int>(call), nth);
            files.fail_at(call, nth, {.code = base::Code::kNoSpace});
            const base::Status outcome = compact(files, blocks);
            files.heal();
            done = outcome.has_value();
            REQUIRE((!done || nth > 1));
            CHECK((done || outcome.error().code() == base::Code::kNoSpace));
            // The whole result is there when only the last sync failed.
            std::vector<unsigned> names = names_in(below);
            if (std::erase(names, kResult) == 1) {
                CHECK(content_of({{Block::open(below, folder_of(kResult)).value()}}) == want);
            }
            CHECK(names == std::vector<unsigned>{1, 2});
            REQUIRE(below.remove_tree(folder_of(kResult)).has_value());
            CHECK(content_of(open_two_blocks(below)) == want);
        }
    }
}

TEST_CASE("compaction that is killed anywhere leaves a whole result or none", "[tsdb][compact]") {
    const uint64_t seed = test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (const FileCall call : kCalls) {
        bool done = false;
        for (uint64_t nth = 1; !done; ++nth) {
            CAPTURE(static_cast<int>(call), nth);
            MemoryFiles below;
            write_two_blocks(below);
            FaultFiles files(below);
            const std::vector<BlockPointer> blocks = open_two_blocks(below);
            const Content want = content_of(blocks);
            // The first removal makes room for the new folder; later ones never come.
            files.fail_at(FileCall::kRemove, 2, {.forever = true});
            files.fail_at(
                call,
                nth,
                {.bytes_written = static_cast<size_t>(random.below(100)), .forever = true});
            done = compact(files, blocks).has_value();
            below.power_cut(random);
            REQUIRE(tsdb::remove_temporary_folders(below, kFolder).has_value());
            const auto opened = tsdb::open_blocks(below, kFolder).value();
            CHECK(opened.findings.empty());
            std::vector<unsigned> names = names_in(below);
            const bool has_result = std::erase(names, kResult) == 1;
            CHECK(names == std::vector<unsigned>{1, 2});
            CHECK((!done || has_result));
            CHECK(opened.blocks.size() == (has_result ? 3 : 2));
            if (has_result) {
                CHECK(content_of({{Block::open(below, folder_of(kResult)).value()}}) == want);
            }
            CHECK(content_of(open_two_blocks(below)) == want);
        }
    }
}
