// Blocks of ours read by promtool.
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/command.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/block/block_data.h"

using block_test::Series;
using tsdb::block::BlockWriter;
using tsdb::block::Ulid;

namespace {

constexpr const char* kNoPromtool =
    "promtool is not on PATH: install the package prometheus to read our blocks with it";

bool has_promtool() {
    return test::run_command("command -v promtool").exit_code == 0;
}

struct DumpLine {
    std::string labels;
    double v = 0;
    int64_t t = 0;

    bool operator==(const DumpLine&) const = default;
};

std::ostream& operator<<(std::ostream& out, const DumpLine& line) {
    return out << line.labels << ' ' << line.v << ' ' << line.t;
}

// Quoted as Go does it for the texts of these tests.
std::string printed(const block_test::Labels& labels) {
    std::string out = "{";
    for (const auto& [name, value] : labels) {
        out += (out.size() > 1 ? ", " : "") + name + "=\"";
        for (const char byte : value) {
            out += byte == '"' ? "\\\"" : std::string(1, byte);
        }
        out += '"';
    }
    return out + "}";
}

std::vector<DumpLine> dumped(const std::string& folder) {
    const auto outcome = test::run_command("promtool tsdb dump '" + folder + "'");
    REQUIRE(outcome.exit_code == 0);
    std::vector<DumpLine> lines;
    for (const std::string& line : test::lines_of(outcome.output)) {
        const size_t value = line.rfind("} ") + 2;
        const size_t time = line.rfind(' ') + 1;
        lines.push_back({line.substr(0, value - 1),
                         std::strtod(line.c_str() + value, nullptr),
                         std::strtoll(line.c_str() + time, nullptr, 10)});
    }
    return lines;
}

}  // namespace

TEST_CASE("promtool reads our blocks sample for sample", "[tsdb][block][interop]") {
    if (!has_promtool()) {
        SKEIN_SKIP(kNoPromtool);
    }
    const auto files = base::make_posix_files();
    const test_support::TempFolder folder;
    base::SeededRandom random(1);
    const Ulid ulid = Ulid::make(block_test::kStart, random);
    const std::vector<Series> series = block_test::varied_series();
    BlockWriter::Options options;
    SECTION("in one chunk file, gathered in one pass") {}
    SECTION("in many chunk files, gathered in many passes") {
        options = {.segment_bytes = 700, .postings_bytes = 64};
    }
    REQUIRE(block_test::write_block(*files, folder.path(), ulid, series, options));

    REQUIRE(files->make_folders(folder / "wal"));  // promtool asks for one

    std::vector<DumpLine> want;
    for (const Series& one : series) {
        for (const auto& chunk : one.chunks) {
            for (const auto& sample : chunk) {
                want.push_back({printed(one.labels) + " ", sample.v, sample.t});
            }
        }
    }
    for (DumpLine& line : want) {
        line.labels.pop_back();
    }
    CHECK(dumped(folder.path()) == want);

    const auto list = test::run_command("promtool tsdb list '" + folder.path() + "'");
    CHECK(list.exit_code == 0);
    CHECK_THAT(list.output, Catch::Contains(ulid.text()));
    CHECK_THAT(list.output, Catch::Contains(std::to_string(want.size())));

    const auto analyze = test::run_command("promtool tsdb analyze '" + folder.path() + "' 2>&1");
    CHECK(analyze.exit_code == 0);
    CHECK_THAT(analyze.output, Catch::Contains("Series: " + std::to_string(series.size())));
    CHECK_THAT(analyze.output,
               Catch::Contains("Total Series: " + std::to_string(series.size())) ||
                   Catch::Contains("Label pairs most involved in churning"));
}
