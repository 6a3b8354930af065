// Prometheus' own tools read what compaction writes.
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/command.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/compact/planned_blocks.h"
#include "test/tsdb/compact/test_blocks.h"
#include "tsdb/compact/block_folders.h"
#include "tsdb/compact/compactor.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)

TEST_CASE("promtool reads a compacted block", "[tsdb][compact][interop]") {
    if (test::run_command("command -v promtool").exit_code != 0) {
        SKEIN_SKIP("promtool is not on PATH: install the package prometheus");
    }
    const TempFolder folder;
    const auto files = base::make_posix_files();
    std::vector<BlockPointer> blocks;
    for (const unsigned n : {1U, 2U, 3U}) {
        TestBlock block;
        block.name = n;
        block.min_t = 1000 * n;
        block.max_t = 1000 * n + 1500;
        for (int i = 0; i < 50; ++i) {
            block.series[{{"__name__", "m"}, {"i", std::to_string(i)}}] = {
                floats(1000 * n + i % 3, 100)};
        }
        block.deleted[{{"__name__", "m"}, {"i", "7"}}] = {{0, 100'000}};
        blocks.push_back(write_block(*files, folder.path(), block));
    }
    const Content want = content_of(blocks);
    REQUIRE(want.size() == 49);
    const auto done = tsdb::compact_blocks(*files, folder.path(), blocks, ulid(900), {}, {});
    REQUIRE(done.has_value());
    for (const unsigned n : {1U, 2U, 3U}) {
        REQUIRE(tsdb::delete_block(*files, folder.path(), ulid(n).text()).has_value());
    }
    REQUIRE(files->make_folders(folder / "wal").has_value());  // which promtool asks for
    const auto dump = test::run_command("promtool tsdb dump " + folder.path() + " 2>&1");
    INFO(dump.output.substr(0, 2000));
    REQUIRE(dump.exit_code == 0);
    size_t samples = 0;
    for (const auto& [series, found] : want) {
        samples += found.size();
    }
    const auto lines = test::lines_of(dump.output);
    CHECK(lines.size() == samples);
    CHECK(samples == done.value()->stats.samples);
    const auto list = test::run_command("promtool tsdb list " + folder.path() + " 2>&1");
    INFO(list.output);
    CHECK(list.exit_code == 0);
    CHECK(list.output.find(ulid(900).text()) != std::string::npos);
}
