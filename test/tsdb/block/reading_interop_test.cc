// Blocks of promtool's read by us.
#include <catch2/catch.hpp>

#include "base/random.h"
#include "model/merge.h"
#include "test/support/command.h"
#include "test/support/seed.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/block/block_reading.h"
#include "tsdb/block/block.h"

namespace {

using block_test::Content;
using tsdb::block::Block;

constexpr int64_t kStart = 1'700'000'000'000;

// Three hours of some series, with gaps: they end up in two or more blocks.
Content random_content(base::Random& random) {
    Content content;
    for (int i = 0; i < 120; ++i) {
        const std::string name = "metric_" + std::to_string(i % 7);
        const std::string n = std::to_string(i);
        const model::Labels labels = model::Labels::from_unsorted(
            {{"__name__", name}, {"job", i % 3 == 0 ? "api" : "d\u00e9pot \"7\""}, {"n", n}});
        auto& samples = content[labels];
        for (int64_t k = 0; k < 3 * 240; ++k) {
            if (random.below(10) != 0) {
                samples.emplace_back(kStart + k * 15000,
                                     static_cast<double>(random.below(1000)) / 8);
            }
        }
    }
    return content;
}

std::string open_metrics(const Content& content) {
    std::string text;
    std::string metric;
    for (const auto& [labels, samples] : content) {
        if (labels.get("__name__") != metric) {
            metric = labels.get("__name__");
            text += "# TYPE " + metric + " gauge\n";
        }
        std::string series = labels.to_series_string();
        for (size_t at = 0; (at = series.find(", ", at)) != std::string::npos;) {
            series.erase(at + 1, 1);  // OpenMetrics has no blank there
        }
        for (const auto& [t, v] : samples) {
            text += series + " " + std::to_string(v) + " " + std::to_string(t / 1000) + "." +
                    std::to_string(1000 + t % 1000).substr(1) + "\n";
        }
    }
    return text + "# EOF\n";
}

}  // namespace

TEST_CASE("blocks that promtool made are read as they were meant", "[tsdb][block][interop]") {
    if (test::run_command("command -v promtool").exit_code != 0) {
        SKEIN_SKIP("promtool is absent: apt-get install prometheus");
    }
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    const Content want = random_content(random);
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    REQUIRE(base::replace_file(*files, folder / "input", open_metrics(want)).has_value());
    REQUIRE(files->make_folders(folder / "data").has_value());
    const auto made = test::run_command("promtool tsdb create-blocks-from openmetrics '" +
                                        folder / "input" + "' '" + folder / "data" + "' 2>&1");
    INFO(made.output);
    REQUIRE(made.exit_code == 0);

    std::vector<std::unique_ptr<model::Querier>> queriers;
    const auto entries = files->list(folder / "data");
    REQUIRE(entries.has_value());
    for (const auto& entry : entries.value()) {
        if (!tsdb::block::Ulid::parse(entry.name).has_value()) {
            continue;
        }
        const auto block = Block::open(*files, folder / "data" + "/" + entry.name);
        REQUIRE(block.has_value());
        CHECK(block.value()->meta().stats.series == 120);
        queriers.push_back(make_querier(block.value(),
                                        model::kMinTime,
                                        model::kMaxTime,
                                        static_cast<uint32_t>(queriers.size())));
    }
    REQUIRE(queriers.size() >= 2);
    const auto merged = model::merge_queriers(std::move(queriers));
    CHECK(block_test::read_all(*merged->select({}, {}, {}).value()) == want);
    using Texts = std::vector<std::string>;
    CHECK(merged->label_names({}, {}, {}).value() == Texts{"__name__", "job", "n"});
    CHECK(merged->label_values("job", {}, {}, {}).value() == Texts{"api", "d\u00e9pot \"7\""});

    const std::vector<model::Matcher> matchers = {
        model::Matcher::equal("job", "api"),
        model::Matcher::create(model::MatchType::kRegex, "n", "1.*").value(),
        model::Matcher::create(model::MatchType::kNotEqual, "__name__", "metric_0").value()};
    Content some;
    for (const auto& [labels, samples] : want) {
        if (std::ranges::all_of(matchers, [&](const model::Matcher& matcher) {
                return matcher.matches(labels.get(matcher.name()));
            })) {
            some.emplace(labels, samples);
        }
    }
    REQUIRE(some.size() > 5);
    CHECK(block_test::read_all(*merged->select({}, matchers, {}).value()) == some);
}
