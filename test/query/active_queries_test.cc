// Queries that run: listed, cancelled, noted on disk, logged when they end.
#include "query/active_queries.h"

#include <future>
#include <thread>

#include <catch2/catch.hpp>

#include "base/json_read.h"
#include "query/engine.h"
#include "query/http_api.h"
#include "query/query_log.h"
#include "query/testing/memory_storage.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"
#include "test/support/memory_files.h"

namespace {

using base::Code;
using query::ActiveFile;
using query::ActiveQuery;

constexpr size_t kSlots = 3;
constexpr const char* kPath = "/data/queries.active";

// Every selection waits until its query is cancelled.
class Stuck final : public model::Querier {
  public:
    explicit Stuck(std::promise<void>& begun) : begun_(begun) {}

    base::Result<std::unique_ptr<model::SeriesSet>> select(
        const model::SelectHints&,
        std::span<const model::Matcher>,
        const model::QueryContext& context) override {
        begun_.set_value();
        while (!context.stop.stop_requested()) {
            std::this_thread::yield();
        }
        return base::fail(Code::kCanceled, "query was canceled in expression evaluation");
    }

    base::Result<std::vector<std::string>> label_names(const model::LabelHints&,
                                                       std::span<const model::Matcher>,
                                                       const model::QueryContext&) override {
        return std::vector<std::string>();
    }

    base::Result<std::vector<std::string>> label_values(std::string_view,
                                                        const model::LabelHints&,
                                                        std::span<const model::Matcher>,
                                                        const model::QueryContext&) override {
        return std::vector<std::string>();
    }

  private:
    std::promise<void>& begun_;
};

class StuckStorage final : public model::Queryable {
  public:
    base::Result<std::unique_ptr<model::Querier>> querier(int64_t, int64_t) override {
        return std::unique_ptr<model::Querier>(std::make_unique<Stuck>(begun));
    }

    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return std::nullopt;
    }

    std::promise<void> begun;
};

query::QueryOrigin asked_by(const std::string& user) {
    return {.client_ip = "10.0.0.1", .method = "GET", .path = "/api/v1/query", .user = user};
}

// A query that hangs until it is cancelled.
struct Running {
    Running() {
        files.put("/data/here", "");
        auto file = ActiveFile::open(files, kPath, kSlots);
        REQUIRE(file);
        engine.active_queries().keep_in(std::move(file).value());
        engine.watch_with(metrics, log);
        sources.engine = [this]() -> query::Engine& { return engine; };
        thread = std::thread([this] {
            query::QueryParams params;
            params.origin = asked_by("ann");
            result.set_value(engine.range("sum(up)", 1000, 61'000, 60'000, params));
        });
        storage.begun.get_future().wait();
    }

    ~Running() {
        for (const ActiveQuery& query : engine.active_queries().list()) {
            base::ignore(engine.cancel(query.id, [](const auto&) { return base::success(); }),
                         "it may have ended");
        }
        thread.join();
    }

    base::http::Response cancel(const std::string& id, const std::string& user) {
        base::http::Request request;
        request.user = user;
        request.path_params.add("id", id);
        return handle_cancel_query(sources, request);
    }

    test_support::MemoryFiles files;
    test_support::CaptureSink sink;
    test_support::FakeClock clock{100'000};
    base::LogBackend backend{sink, clock, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    base::Logger log{backend};
    base::Registry registry;
    query::Metrics metrics{registry};
    base::Budget budget{"test"};
    StuckStorage storage;
    query::Engine engine{query::Options(), storage, clock, budget};
    query::ApiSources sources;
    std::promise<base::Result<query::QueryResult>> result;
    std::thread thread;
};

}  // namespace

TEST_CASE("a query that runs is listed with what it is and holds", "[query][active]") {
    Running running;
    const auto queries = running.engine.active_queries().list();
    REQUIRE(queries.size() == 1);
    CHECK(queries[0].query == "sum(up)");
    CHECK(queries[0].running);
    CHECK_FALSE(queries[0].instant);
    CHECK(queries[0].origin.user == "ann");
    CHECK(queries[0].started_ms == 100'000);
    CHECK(queries[0].memory_bytes > 0);
    const std::string id = std::to_string(queries[0].id);
    CHECK(handle_queries(running.sources, {}).body ==
          R"({"status":"success","data":{"queries":[{"id":")" + id +
              R"j(","query":"sum(up)","state":"running","kind":"range","params":)j"
              R"({"start":1,"end":61,"step":60},"started":"1970-01-01T00:01:40Z",)"
              R"("elapsedSeconds":0,"samples":{"held":0,"read":0},"memoryBytes":)" +
              std::to_string(queries[0].memory_bytes) +
              R"(,"httpRequest":{"clientIP":"10.0.0.1","method":"GET",)"
              R"("path":"/api/v1/query","user":"ann"}}]}})");
}

TEST_CASE("a query is cancelled by its id", "[query][active]") {
    Running running;
    const std::string id = std::to_string(running.engine.active_queries().list()[0].id);
    auto ended = running.result.get_future();

    const auto refused = running.cancel(id, "bob");
    CHECK(refused.status == 500);
    CHECK(refused.body.find("--web.enable-admin-api") != std::string::npos);
    CHECK(running.cancel(id, "").status == 500);
    CHECK(running.cancel("x", "ann").status == 400);
    CHECK(running.cancel("1", "ann").status == 404);

    SECTION("by whoever asked it") {
        CHECK(running.cancel(id, "ann").status == 204);
    }
    SECTION("by an administrator") {
        running.sources.admin = true;
        CHECK(running.cancel(id, "").status == 204);
    }
    const auto result = ended.get();
    REQUIRE(result.has_error());
    CHECK(result.error().code() == Code::kCanceled);
    CHECK(running.metrics.cancelled.value() == 1);
    CHECK(running.engine.active_queries().count() == 0);
    CHECK(running.cancel(id, "ann").status == 404);
}

TEST_CASE("what ran when the process died is known to the next one", "[query][active]") {
    Running running;
    CHECK(ActiveFile::unfinished(running.files, kPath) ==
          R"j([{"query":"sum(up)","timestamp_sec":100}])j");
}

TEST_CASE("queries that ended leave nothing in the file", "[query][active]") {
    test_support::MemoryFiles files;
    files.put("/data/here", "");
    const auto file = ActiveFile::open(files, kPath, kSlots);
    REQUIRE(file);
    CHECK(files.content(kPath).size() == 1 + kSlots * ActiveFile::kSlotBytes);
    const auto first = file.value()->add("a<b", 1);
    const auto second = file.value()->add(std::string(5000, '"'), 2);
    const auto third = file.value()->add("c", 3);
    REQUIRE((first && second && third));
    CHECK_FALSE(file.value()->add("one too many", 4));
    const std::string left = ActiveFile::unfinished(files, kPath);
    const auto read = base::parse_json(left);
    CHECK(read);
    CHECK(left.starts_with(R"([{"query":"a\u003cb","timestamp_sec":1},{"query":"\"\")"));
    CHECK(left.size() > ActiveFile::kSlotBytes - 10);
    for (const auto& slot : {first, second, third}) {
        file.value()->erase(*slot);
    }
    CHECK(ActiveFile::unfinished(files, kPath).empty());
    CHECK(files.content(kPath) == "[" + std::string(kSlots * ActiveFile::kSlotBytes, '\0'));
    CHECK(file.value()->add("again", 5));
}

TEST_CASE("a file that nobody wrote is passed over", "[query][active]") {
    test_support::MemoryFiles files;
    CHECK(ActiveFile::unfinished(files, kPath).empty());
    files.put(kPath, "");
    CHECK(ActiveFile::unfinished(files, kPath).empty());
    files.put(kPath, "something else");
    CHECK(ActiveFile::unfinished(files, kPath).empty());
}

TEST_CASE("queries that end are written to the query log", "[query][active]") {
    test_support::MemoryFiles files;
    files.put("/data/here", "");
    query::testing::MemoryStorage storage;
    test_support::FakeClock clock{100'000};
    base::Budget budget{"test"};
    query::Engine engine(query::Options(), storage, clock, budget);
    auto log = query::QueryLog::open(files, "/data/q.log");
    REQUIRE(log);
    engine.set_query_log(log.value());
    query::QueryParams params;
    params.origin = asked_by("");
    CHECK(engine.range("1 + 1", 1000, 2500, 1500, params));
    CHECK_FALSE(engine.instant("topk(NaN, up)", 5000));
    engine.set_query_log(nullptr);
    CHECK(engine.instant("3", 5000));
    const std::string text = files.content("/data/q.log");
    const size_t end = text.find('\n');
    const std::string times = R"("stats":{"timings":{"evalTotalTime":0,"resultSortTime":0,)"
                              R"("queryPreparationTime":0,"innerEvalTime":0,"execQueueTime":0,)"
                              R"("execTotalTime":0},)";
    CHECK(text.substr(0, end) ==
          R"({"httpRequest":{"clientIP":"10.0.0.1","method":"GET","path":"/api/v1/query"},)"
          R"("params":{"end":"1970-01-01T00:00:02.500Z","query":"1 + 1",)"
          R"("start":"1970-01-01T00:00:01.000Z","step":1},)" +
              times + R"("samples":{"totalQueryableSamples":0,"samplesRead":0,"peakSamples":)" +
              text.substr(text.find("peakSamples") + 13, 1) +
              R"(}},"ts":"1970-01-01T00:01:40.000Z"})");
    const std::string second = text.substr(end + 1);
    CHECK(second.starts_with(R"({"error":"Parameter value is NaN","params":{"end":)"));
    CHECK(std::count(text.begin(), text.end(), '\n') == 2);
}

TEST_CASE("a query log that cannot be written is counted and told once", "[query][active]") {
    Running running;
    running.files.put("/data/q.log", "");
    auto log = query::QueryLog::open(running.files, "/data/q.log");
    REQUIRE(log);
    running.engine.set_query_log(log.value());
    CHECK(running.metrics.log_enabled.value() == 1);
    running.files.set_capacity(1);
    CHECK(running.engine.instant("1", 1000));
    CHECK(running.engine.instant("1", 1000));
    CHECK(running.metrics.log_failures.value() == 2);
    CHECK(running.sink.lines().size() == 1);
    CHECK(running.sink.contains("query_log_file"));
}
