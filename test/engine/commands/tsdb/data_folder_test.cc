#include "engine/commands/tsdb/data_folder.h"

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"

namespace {

engine::StoredBlock some_block() {
    engine::StoredBlock block;
    block.meta.ulid = *tsdb::block::Ulid::parse("01M80Z8MCZQ6G0NVQV2B12VRY1");
    block.meta.min_t = 1'700'000'000'000;
    block.meta.max_t = 1'700'006'360'107;
    block.meta.stats.samples = 428;
    block.meta.stats.chunks = 5;
    block.meta.stats.series = 4;
    block.bytes = 3829;
    return block;
}

}  // namespace

TEST_CASE("blocks are printed in promtool's table", "[engine][tsdb]") {
    const auto block = some_block();
    CHECK(engine::block_table({&block, 1}, true, false) ==
          "BLOCK ULID                  MIN TIME       MAX TIME       DURATION     NUM SAMPLES  NUM "
          "CHUNKS   NUM SERIES   SIZE\n"
          "01M80Z8MCZQ6G0NVQV2B12VRY1  1700000000000  1700006360107  1h46m0.107s  428          5   "
          "         4            3829\n");
    CHECK(engine::block_table({&block, 1}, false, true) ==
          "01M80Z8MCZQ6G0NVQV2B12VRY1  2023-11-14 22:13:20 +0000 UTC  2023-11-14 23:59:20 +0000 "
          "UTC  1h46m0.107s  428          5            4            3KiB757B\n");
    CHECK(
        engine::block_table({}, true, false) ==
        "BLOCK ULID   MIN TIME     MAX TIME     DURATION     NUM SAMPLES  NUM CHUNKS   NUM SERIES "
        "  SIZE\n");
}

TEST_CASE("a block that cannot be read is told beside those that can", "[engine][tsdb]") {
    test_support::MemoryFiles files;
    files.put("/data/01M80Z8MCZQ6G0NVQV2B12VRY1/meta.json", "{");
    files.put("/data/wal/00000000", "");
    files.put("/data/other/meta.json", "{");
    const auto listing = engine::list_blocks(files, "/data");
    REQUIRE(listing);
    CHECK(listing.value().blocks.empty());
    REQUIRE(listing.value().broken.size() == 1);
    CHECK_THAT(listing.value().broken[0], Catch::Contains("01M80Z8MCZQ6G0NVQV2B12VRY1"));
    const auto nothing = engine::list_blocks(files, "/nowhere");
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code() == base::Code::kNotFound);
}
