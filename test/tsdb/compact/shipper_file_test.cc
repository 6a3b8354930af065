#include "tsdb/compact/shipper_file.h"

#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "test/support/memory_files.h"
#include "test/tsdb/compact/planned_blocks.h"

using namespace test_support;  // NOLINT(google-build-using-namespace)
using Catch::Matchers::Contains;
using tsdb::awaiting_upload;
using tsdb::PlannedBlock;

namespace {

constexpr const char* kPath = "/data/thanos.shipper.json";

std::vector<PlannedBlock> blocks() {
    std::vector<PlannedBlock> out{planned(1, 0, 20), planned(2, 20, 40), planned(3, 0, 60)};
    out[2].meta.level = 2;
    return out;
}

tsdb::AwaitingUpload with_file(const std::string& text) {
    MemoryFiles files;
    files.put(kPath, base::ByteView(text));
    return awaiting_upload(files, kPath, blocks());
}

}  // namespace

TEST_CASE("blocks of level 1 that are not uploaded wait, wider ones never", "[tsdb][compact]") {
    const auto check = [](const std::string& text, const std::vector<unsigned>& want) {
        CAPTURE(text);
        const auto awaiting = with_file(text);
        CHECK(numbers(awaiting.blocks) == want);
        CHECK(awaiting.warning.empty());
    };
    const std::string first = "\"" + ulid(1).text() + "\"";
    const std::string second = "\"" + ulid(2).text() + "\"";
    check(R"({"version":1,"uploaded":[)" + first + "," + second + "]}", {});
    check(R"({"uploaded":[)" + second + R"(,"01ARZ3NDEKTSV4RRFFQ69G5FAV","no block"]})", {1});
    check(R"({"uploaded":[]})", {1, 2});
    check(R"({"uploaded":null})", {1, 2});
    check("{}", {1, 2});
}

TEST_CASE("a list of uploads that cannot be read holds nothing back", "[tsdb][compact]") {
    for (const char* const text : {"",
                                   "[]",
                                   "{",
                                   R"({"uploaded":"01ARZ3NDEKTSV4RRFFQ69G5FAV"})",
                                   R"({"uploaded":[1]})",
                                   R"({"uploaded":[]} x)"}) {
        CAPTURE(text);
        const auto awaiting = with_file(text);
        CHECK(awaiting.blocks.empty());
        CHECK_THAT(awaiting.warning, Contains(kPath));
    }
    MemoryFiles files;
    const auto awaiting = awaiting_upload(files, kPath, blocks());
    CHECK(awaiting.blocks.empty());
    CHECK_THAT(awaiting.warning, Contains(kPath));
}
