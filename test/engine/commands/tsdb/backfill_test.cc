#include "engine/commands/tsdb/backfill.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "engine/commands/tsdb/data_folder.h"
#include "engine/commands/tsdb/data_view.h"
#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"

namespace {

using engine::BackfillOptions;
using engine::BackfillReport;
using test_support::MemoryFiles;

constexpr int64_t kBlock = BackfillOptions::kBlockMs;

const base::SystemClock kClock;

struct Filled {
    base::Result<BackfillReport> report;
    std::vector<base::Path> made;
};

Filled fill(base::Files& files, const std::string& page, const BackfillOptions& options = {}) {
    base::SeededRandom random(7);
    std::vector<base::Path> made;
    auto report = engine::backfill(files,
                                   page,
                                   "/data",
                                   options,
                                   kClock,
                                   random,
                                   [&](const base::Path& folder) -> base::Status {
                                       made.push_back(folder);
                                       return base::success();
                                   });
    return {std::move(report), std::move(made)};
}

using Series = std::map<std::string, std::map<int64_t, double>>;

Series read_all(base::Files& files) {
    Series out;
    auto view = engine::DataView::open(files, "/data", INT64_MIN, INT64_MAX);
    REQUIRE(view);
    REQUIRE(view.value()->problems().empty());
    auto set = view.value()->select({});
    REQUIRE(set);
    model::SeriesBatch batch;
    std::vector<model::TypedSample> samples;
    while (set.value()->next(batch).value()) {
        for (const auto& series : batch.series) {
            std::vector<model::LabelView> labels;
            for (const auto& label : series.labels) {
                labels.push_back({batch.text(label.name), batch.text(label.value)});
            }
            REQUIRE(view.value()->samples(series, samples));
            auto& points = out[model::Labels::from_sorted(labels).to_string()];
            for (const auto& sample : samples) {
                points[sample.t] = sample.v;
            }
        }
    }
    return out;
}

std::string line(const std::string& series, double value, int64_t t) {
    char text[64];
    std::snprintf(text,
                  sizeof text,
                  " %.17g %lld.%03lld\n",
                  value,
                  static_cast<long long>(t / 1000),
                  static_cast<long long>(t % 1000));
    return series + text;
}

engine::BlockListing listing(base::Files& files) {
    auto list = engine::list_blocks(files, "/data");
    REQUIRE(list);
    REQUIRE(list.value().broken.empty());
    return std::move(list).value();
}

}  // namespace

TEST_CASE("backfill makes one block per window, from first sample to last", "[engine][backfill]") {
    MemoryFiles files;
    const Filled filled = fill(
        files,
        "# TYPE a gauge\n" + line("a{x=\"1\"}", 1, kBlock - 1) + line("a{x=\"1\"}", 2, kBlock) +
            line("a{x=\"2\"}", 3, kBlock + 5) + line("a{x=\"1\"}", 4, 5 * kBlock) + "# EOF\n");
    REQUIRE(filled.report);
    CHECK(filled.report.value().samples == 4);
    CHECK(filled.report.value().passes == 1);
    const auto list = listing(files);
    REQUIRE(list.blocks.size() == 3);
    CHECK(list.blocks[0].meta.min_t == kBlock - 1);
    CHECK(list.blocks[0].meta.max_t == kBlock);
    CHECK(list.blocks[1].meta.min_t == kBlock);
    CHECK(list.blocks[1].meta.max_t == kBlock + 6);
    CHECK(list.blocks[1].meta.stats.series == 2);
    CHECK(list.blocks[1].meta.level == 1);
    CHECK(list.blocks[1].folder == filled.made[1]);
    CHECK((read_all(files) ==
           Series{{R"({__name__="a", x="1"})", {{kBlock - 1, 1}, {kBlock, 2}, {5 * kBlock, 4}}},
                  {R"({__name__="a", x="2"})", {{kBlock + 5, 3}}}}));
}

TEST_CASE("backfill keeps samples in any order, the first of two at one time",
          "[engine][backfill][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    MemoryFiles files;
    Series want;
    std::string page;
    uint64_t conflicts = 0;
    for (int i = 0; i < 6000; ++i) {
        const std::string x = std::to_string(random.below(7));
        // Mostly forward, sometimes back, sometimes again.
        const int64_t t = static_cast<int64_t>(i) * 5000 -
                          static_cast<int64_t>(random.below(4)) * 7000 + 20000 -
                          static_cast<int64_t>(random.below(30) == 0 ? random.below(20000) : 0);
        const auto value = static_cast<double>(random.below(3));
        page += line("a{x=\"" + x + "\"}", value, t);
        const auto [at, added] = want["{__name__=\"a\", x=\"" + x + "\"}"].emplace(t, value);
        conflicts += !added && at->second != value ? 1 : 0;
    }
    const Filled filled = fill(files, page + "# EOF\n");
    REQUIRE(filled.report);
    CHECK(filled.report.value().losses.conflicts == conflicts);
    CHECK((read_all(files) == want));
}

TEST_CASE("backfill holds little memory by reading the page more than once", "[engine][backfill]") {
    std::string page;
    for (int64_t i = 0; i < 300; ++i) {
        for (int64_t block = 0; block < 8; ++block) {
            page += line("a{x=\"" + std::to_string(i) + "\"}", 1, block * kBlock + i);
        }
    }
    page += "# EOF\n";
    MemoryFiles once;
    MemoryFiles often;
    const Filled large = fill(once, page);
    BackfillOptions options;
    options.memory_max = 100'000;
    const Filled small = fill(often, page, options);
    REQUIRE(large.report);
    REQUIRE(small.report);
    CHECK(large.report.value().passes == 1);
    CHECK(small.report.value().passes >= 3);
    CHECK(large.made.size() == 8);
    CHECK(small.made.size() == 8);
    CHECK((read_all(once) == read_all(often)));
    const auto list = listing(often);
    CHECK(std::is_sorted(small.made.begin(), small.made.end()));  // by time
}

TEST_CASE("backfill puts labels on every series", "[engine][backfill]") {
    MemoryFiles files;
    BackfillOptions options;
    options.labels = {{"cluster", "east"}, {"x", "9"}};
    REQUIRE(fill(files, "a{x=\"1\"} 5 1\nb 6 1\n# EOF\n", options).report);
    CHECK((read_all(files) == Series{{R"({__name__="a", cluster="east", x="9"})", {{1000, 5}}},
                                     {R"({__name__="b", cluster="east", x="9"})", {{1000, 6}}}}));
}

TEST_CASE("backfill takes times before 1970", "[engine][backfill]") {
    MemoryFiles files;
    REQUIRE(fill(files, "a 5 -1\na 6 0\n# EOF\n").report);
    CHECK(listing(files).blocks.size() == 2);
    CHECK((read_all(files) == Series{{R"({__name__="a"})", {{-1000, 5}, {0, 6}}}}));
}

TEST_CASE("backfill refuses a page as a whole and names the line", "[engine][backfill]") {
    const auto check = [](const std::string& page, const std::string& part) {
        CAPTURE(page);
        MemoryFiles files;
        const Filled filled = fill(files, page);
        REQUIRE_FALSE(filled.report);
        CHECK(filled.report.error().code() == base::Code::kInvalid);
        CHECK_THAT(filled.report.error().message(), Catch::Contains(part));
        CHECK(filled.made.empty());
        CHECK_FALSE(files.exists("/data").value());
    };
    check("a 1 1\nb 2\n# EOF\n", "line 2 has no timestamp: b 2");
    check("a 1 1\n", "# EOF");
    check("a 1 1\na x 2\n# EOF\n", "line 2");
    check("a{x=\"1\",x=\"2\"} 1 1\n# EOF\n", "line 1");
}

TEST_CASE("backfill of an empty page makes nothing", "[engine][backfill]") {
    MemoryFiles files;
    const Filled filled = fill(files, "# EOF\n");
    REQUIRE(filled.report);
    CHECK(filled.report.value().passes == 0);
    CHECK(filled.made.empty());
}

TEST_CASE("backfill leaves no half block when the disk is full", "[engine][backfill]") {
    MemoryFiles below;
    test_support::FaultFiles files(below);
    files.fail_at(test_support::FileCall::kWrite, 3, {.code = base::Code::kNoSpace});
    const Filled filled = fill(files, "a 5 1\na 6 20000\n# EOF\n");
    REQUIRE_FALSE(filled.report);
    CHECK(filled.report.error().code() == base::Code::kNoSpace);
    CHECK(below.list("/data").value().empty());
}

TEST_CASE("blocks are as long as Prometheus' ranges allow", "[engine][backfill]") {
    constexpr int64_t kHour = 60 * 60 * 1000;
    CHECK(engine::block_duration_within(0) == 2 * kHour);
    CHECK(engine::block_duration_within(6 * kHour - 1) == 2 * kHour);
    CHECK(engine::block_duration_within(6 * kHour) == 6 * kHour);
    CHECK(engine::block_duration_within(31 * 24 * kHour) == 486 * kHour);
    CHECK(engine::block_duration_within(INT64_MAX / 4) == 2 * 19683 * kHour);
}
