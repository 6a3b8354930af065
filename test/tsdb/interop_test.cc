// The write-ahead log between us and Prometheus' own tools.
#include <algorithm>

#include "base/random.h"
#include "test/support/command.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/db_fixture.h"

namespace {

using tsdb_test::Node;

constexpr int64_t kNow = 1'700'000'000'000;

bool have(const std::string& program) {
    return test::run_command("command -v " + program).exit_code == 0;
}

// As `promtool tsdb dump` prints samples: labels, value, time.
std::vector<std::string> dump_of(Node& node) {
    std::vector<std::string> lines;
    auto querier = node.db().querier(model::kMinTime, model::kMaxTime);
    auto set = querier.value()->select({}, {}, {});
    model::SeriesBatch batch;
    while (set.value()->next(batch).value()) {
        for (const auto& series : batch.series) {
            std::vector<model::LabelView> views;
            for (const auto& label : series.labels) {
                views.push_back({.name = batch.text(label.name), .value = batch.text(label.value)});
            }
            const std::string labels = model::Labels::from_sorted(views).to_string();
            for (const auto& [t, bits] : Node::decode(series)) {
                char value[32];
                const double v = std::bit_cast<double>(bits);
                std::snprintf(value, sizeof value, "%.17g", v);
                lines.push_back(labels + " " + std::to_string(std::stod(value)) + " " +
                                std::to_string(t));
            }
        }
    }
    std::ranges::sort(lines);
    return lines;
}

// The lines of a dump, values rewritten the way dump_of() writes them.
std::vector<std::string> promtool_dump(const std::string& folder) {
    const auto outcome =
        test::run_command("promtool tsdb dump '" + folder + "' 2>'" + folder + "/errors'");
    REQUIRE(outcome.exit_code == 0);
    std::vector<std::string> lines;
    for (const std::string& line : test::lines_of(outcome.output)) {
        const size_t t = line.rfind(' ');
        const size_t value = line.rfind(' ', t - 1);
        const double v = std::stod(line.substr(value + 1, t - value - 1));
        lines.push_back(line.substr(0, value) + " " + std::to_string(v) + line.substr(t));
    }
    std::ranges::sort(lines);
    return lines;
}

}  // namespace

TEST_CASE("promtool reads our write-ahead log", "[tsdb][interop]") {
    if (!have("promtool")) {
        SKEIN_SKIP("promtool is absent: apt-get install prometheus");
    }
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    tsdb::TsdbOptions options;
    options.path = folder.path();
    std::vector<std::string> want;
    base::SeededRandom random(11);
    for (int life = 0; life < 2; ++life) {
        Node node(*files, options);
        for (int64_t i = 0; i < 400; ++i) {
            std::vector<std::pair<int64_t, double>> points;
            for (int64_t k = 0; k < 20; ++k) {
                points.emplace_back(kNow + (life * 20 + k) * 15000 + i,
                                    static_cast<double>(random.below(4000)) / 4);
            }
            REQUIRE(node.append(tsdb_test::labels_of("m", "quote\" back\\ " + std::to_string(i)),
                                points));
        }
        want = dump_of(node);
    }
    CHECK(want.size() == 16000);
    CHECK((promtool_dump(folder.path()) == want));
}

TEST_CASE("we read the write-ahead log of a killed Prometheus", "[tsdb][interop]") {
    if (!have("promtool") || !have("prometheus")) {
        SKEIN_SKIP("prometheus is absent: apt-get install prometheus");
    }
    const test_support::TempFolder folder;
    const std::string data = folder / "data";
    // Port 0: it scrapes nothing but what its own rules make.
    const std::string script =
        "cd '" + folder.path() +
        "' && printf 'groups:\\n- name: g\\n  interval: 200ms\\n  rules:\\n"
        "  - record: r1\\n    expr: vector(time())\\n"
        "  - record: r2\\n    expr: label_replace(vector(3), \"l\", \"x\", \"\", \"\")\\n' > r.yml "
        "&& printf 'rule_files: [r.yml]\\n' > c.yml && "
        "{ prometheus --config.file=c.yml --storage.tsdb.path=data "
        "--web.listen-address=127.0.0.1:0 >log 2>&1 & pid=$!; "
        "n=0; while [ $n -lt 100 ]; do sleep 0.1; n=$((n+1)); "
        "[ \"$(stat -c %s data/wal/00000000 2>/dev/null || echo 0)\" -gt 400 ] && break; done; "
        "sleep 1; kill -9 $pid; wait $pid 2>/dev/null; true; }";
    REQUIRE(test::run_command(script).exit_code == 0);
    const auto theirs = promtool_dump(data);
    if (theirs.empty()) {
        SKEIN_SKIP("this Prometheus wrote no samples in time");
    }
    const auto files = base::make_posix_files();
    tsdb::TsdbOptions options;
    options.path = data;
    Node node(*files, options);
    CHECK(node.db().replay_report().unknown_refs == 0);
    CHECK((dump_of(node) == theirs));
}
