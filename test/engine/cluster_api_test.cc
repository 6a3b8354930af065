// Routes of /api/v1/cluster over nodes that are made up.
#include "engine/cluster/cluster_api.h"

#include <catch2/catch.hpp>

#include "engine/cluster/dropped_targets.h"
#include "engine/commands/cluster/tables.h"
#include "test/support/fake_clock.h"

namespace {

using base::Code;
using base::http::Method;
using base::http::Request;
using base::http::Response;
using engine::ClusterWhere;
using shard::Answer;
using shard::Question;

// A node, and the leader that it may ask.
struct Api {
    explicit Api(bool changes = true) {
        engine::register_cluster_routes(
            router,
            {.changes = changes,
             .pool = nullptr,
             .clock = clock,
             .here = [this](const Question& question, base::Deadline) -> base::Result<Answer> {
                 here.push_back(question);
                 return answer_here;
             },
             .where = [this]() -> base::Result<ClusterWhere> { return where; },
             .ask = [this](const std::string& address,
                           const Question& question,
                           base::Deadline,
                           std::stop_token) -> base::Result<Answer> {
                 asked.emplace_back(address, question);
                 return answer_leader;
             }});
    }

    Response ask(Method method, const std::string& what, std::string_view params = {}) {
        Request request;
        request.method = method;
        if (method == Method::kGet) {
            request.query = base::http::Params::parse(params).value();
        } else {
            request.headers.set("Content-Type", "application/x-www-form-urlencoded");
            request.body = params;
        }
        for (const auto& route : router.routes()) {
            if (route->pattern == "/api/v1/cluster/" + what && route->methods.has(method)) {
                return std::get<base::http::Handler>(route->handler)(request, {});
            }
        }
        FAIL("no such route " << what);
        return {};
    }

    Response get(const std::string& what, std::string_view params = {}) {
        return ask(Method::kGet, what, params);
    }

    Response post(const std::string& what, std::string_view params = {}) {
        return ask(Method::kPost, what, params);
    }

    test_support::FakeClock clock;
    base::http::Router router;
    ClusterWhere where{.leads = false, .leader_address = "leader:1"};
    base::Result<Answer> answer_here = Answer{.json = "\"here\""};
    base::Result<Answer> answer_leader = Answer{.json = "\"leader\"", .warnings = {"w"}};
    std::vector<Question> here;
    std::vector<std::pair<std::string, Question>> asked;
};

}  // namespace

TEST_CASE("the leader answers itself", "[engine][cluster]") {
    Api api;
    api.where = {.leads = true};
    CHECK(api.get("status").body == R"({"status":"success","data":"here"})");
    CHECK(api.post("drain", "node=a").status == 200);
    REQUIRE(api.here.size() == 2);
    CHECK(api.here[0].what == "status");
    CHECK(!api.here[0].change);
    CHECK(api.here[1].change);
    CHECK(api.here[1].parameters.at("node") == "a");
    CHECK(api.asked.empty());
}

TEST_CASE("another node passes the question to the leader and hands its answer on",
          "[engine][cluster]") {
    Api api;
    CHECK(api.get("targets", "job=x&limit=3").body ==
          R"({"status":"success","data":"leader","warnings":["w"]})");
    REQUIRE(api.asked.size() == 1);
    CHECK(api.asked[0].first == "leader:1");
    CHECK(api.asked[0].second.what == "leader/targets");
    CHECK(api.asked[0].second.parameters.at("limit") == "3");
    CHECK(api.post("plan/apply", "full=1").status == 200);
    CHECK(api.asked[1].second.what == "leader/plan/apply");
    CHECK(api.asked[1].second.change);
    CHECK(api.here.empty());
}

TEST_CASE("what is wrong with a question is not asked again elsewhere", "[engine][cluster]") {
    Api api;
    api.answer_leader = base::fail(Code::kNotFound, "there is no node x");
    CHECK(api.get("targets", "node=x").status == 404);
    CHECK(api.post("drain", "node=x").status == 404);
    CHECK(api.here.empty());
}

TEST_CASE("without a leader looks are answered with a warning, and the rest is refused",
          "[engine][cluster]") {
    Api api;
    const auto check = [&](const char* why) {
        CAPTURE(why);
        const Response status = api.get("status");
        CHECK(status.status == 200);
        CHECK(status.body.find(why) != std::string::npos);
        CHECK(status.body.find("\"here\"") != std::string::npos);
        for (const char* const what : {"plan", "history", "simulate"}) {
            CAPTURE(what);
            CHECK(api.get(what).status == 503);
        }
        CHECK(api.post("pause").status == 503);
    };
    api.where.leader_address.clear();
    check("no leader now");
    api.where.leader_address = "leader:1";
    api.answer_leader = base::fail(Code::kUnavailable, "cannot connect");
    check("does not answer: cannot connect");
}

TEST_CASE("changes need the admin API", "[engine][cluster]") {
    Api api(false);
    for (const char* const what :
         {"pause", "resume", "drain", "undrain", "move", "transfer", "remove", "plan/apply"}) {
        CAPTURE(what);
        const Response response = api.post(what);
        CHECK(response.status == 500);
        CHECK(response.body.find("--web.enable-admin-api") != std::string::npos);
    }
    CHECK(api.asked.empty());
    CHECK(api.here.empty());
    CHECK(api.get("status").status == 200);
}

TEST_CASE("a parameter that is given twice is refused", "[engine][cluster]") {
    Api api;
    CHECK(api.get("simulate", "drain=a&drain=b").status == 400);
    CHECK(api.asked.empty());
}

TEST_CASE("dropped targets are kept by job and handed on", "[engine][cluster]") {
    struct Next final : model::TargetListener {
        void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override {
            heard.push_back(job->job);
        }

        std::vector<std::string> heard;
    } next;

    engine::DroppedTargets dropped(next);
    const auto tell = [&](const char* name, uint64_t count) {
        auto job = std::make_shared<model::ResolvedJob>();
        job->job = name;
        job->dropped_count = count;
        if (count > 0) {
            job->dropped.push_back({model::Labels::from_unsorted({{"__address__", name}})});
        }
        dropped.targets_changed(job);
    };
    tell("a", 2);
    tell("b", 1);
    CHECK(next.heard == std::vector<std::string>{"a", "b"});
    CHECK(dropped.json("a") ==
          R"({"droppedTargets":[{"discoveredLabels":{"__address__":"a"},"scrapePool":"a"}],)"
          R"("droppedTargetCounts":{"a":2,"b":1}})");
    tell("a", 0);
    CHECK(dropped.json("") ==
          R"({"droppedTargets":[{"discoveredLabels":{"__address__":"b"},"scrapePool":"b"}],)"
          R"("droppedTargetCounts":{"b":1}})");
}

TEST_CASE("tables are as wide as they must be, numbers to the right", "[engine][cluster]") {
    CHECK(engine::table_text({"NODE", "#SERIES", "STATE"},
                             {{"a", "5", "live"}, {"größer", "12345678", ""}}) ==
          "NODE      SERIES  STATE\n"
          "a              5  live\n"
          "größer  12345678\n");
}

TEST_CASE("an answer becomes text for people", "[engine][cluster]") {
    const auto text = [](const char* path, const char* json) {
        return engine::cluster_text(path, base::parse_json(json).value());
    };
    CHECK(text("pause", R"({"done":"moves are paused"})") == "moves are paused\n");
    CHECK(text("history", R"([{"time":"T","kind":"leads","text":"a leads"}])") ==
          "TIME  KIND   WHAT\n"
          "T     leads  a leads\n");
    CHECK(text("nodes",
               R"([{"id":"a","state":"live","role":"leader","zone":"","targets":2,)"
               R"("active_series":10,"series_budget":40,"share":0.25,"memory_bytes":1048576,)"
               R"("address":"h:1","problem":"its clock is off"}])") ==
          "NODE  STATE  ROLE    ZONE  TARGETS  SERIES  BUDGET    LOAD  MEMORY  ADDRESS\n"
          "a     live   leader  -           2      10      40  25.0 %   1 MiB  h:1\n"
          "node a: its clock is off\n");
}
