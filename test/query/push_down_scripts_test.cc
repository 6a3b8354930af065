// The test scripts of the language, over series that lie apart on several holders: whatever one
// storage answers, they answer.
#include <algorithm>
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "query/testing/runner.h"
#include "query/testing/script_engine.h"
#include "test/query/fake_cluster.h"

namespace {

namespace fs = std::filesystem;

using query::testing::ScriptResult;
using test_query::FakeCluster;

constexpr size_t kScriptBytesMax = 1024 * 1024;

class ClusterEngine final : public query::testing::ScriptEngine {
  public:
    explicit ClusterEngine(const query::Options& options)
        : engine_(options, cluster_, clock_, budget_) {}

    base::Status clear() override {
        cluster_.clear();
        return base::success();
    }

    base::Status load(std::span<const query::testing::ScriptSeries> series) override {
        for (const auto& one : series) {
            std::vector<model::ChunkSample> samples;
            for (const auto& sample : one.samples) {
                samples.push_back({sample.t_ms, sample.start_ms, sample.value, sample.histogram});
            }
            const uint64_t hash = one.labels.stable_hash();
            cluster_.add(hash % cluster_.holders(), one.labels, samples);
            if (hash / 16 % 5 == 0) {
                cluster_.add((hash + 1) % cluster_.holders(), one.labels, samples);
            }
        }
        return base::success();
    }

    base::Result<ScriptResult> instant(std::string_view query, int64_t t_ms) override {
        return counted([&] { return engine_.instant(query, t_ms); });
    }

    base::Result<ScriptResult> range(std::string_view query,
                                     int64_t start_ms,
                                     int64_t end_ms,
                                     int64_t step_ms) override {
        return counted([&] { return engine_.range(query, start_ms, end_ms, step_ms); });
    }

    [[nodiscard]] int pushed() const { return pushed_; }

  private:
    template <class Query>
    base::Result<ScriptResult> counted(Query&& query) {
        cluster_.forget();
        auto answer = query();
        pushed_ += cluster_.seen().asked > 0 && cluster_.seen().selects == 0 ? 1 : 0;
        return query::testing::to_script_result(std::move(answer));
    }

    base::SystemClock clock_;
    base::Budget budget_{"test"};
    FakeCluster cluster_{3};
    query::Engine engine_;
    int pushed_ = 0;
};

query::testing::ScriptReport run(const std::string& file, query::testing::ScriptEngine& engine) {
    const auto files = base::make_posix_files();
    const auto text = base::read_file(*files, file, kScriptBytesMax);
    REQUIRE(text.has_value());
    return query::testing::run_script(file, text.value(), engine);
}

}  // namespace

TEST_CASE("scripts are answered over holders as by one storage", "[query][push][scripts]") {
    query::Options options = query::testing::script_options();
    // With either of them nothing is pushed.
    options.delayed_name_removal = false;
    options.use_start_timestamps = false;
    ClusterEngine cluster(options);
    const auto alone = query::testing::make_script_engine(options);
    int scripts = 0;
    for (const char* folder : {"test/query/scripts", "../shared/conformance/promql"}) {
        if (!fs::exists(folder)) {
            continue;
        }
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string file = entry.path().string();
            if (entry.path().extension() != ".test") {
                continue;
            }
            CAPTURE(file);
            CHECK(query::testing::to_text(run(file, cluster)) ==
                  query::testing::to_text(run(file, *alone)));
            ++scripts;
        }
    }
    CHECK(scripts > 5);
    CHECK(cluster.pushed() > 50);
}
