// The query API: parameters, texts, JSON.
#include "query/http_api.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "query/http_params.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"

namespace {

using base::http::Method;
using base::http::Params;
using base::http::Request;
using base::http::Response;

// Answers every question with the same, and remembers it.
class Exemplars final : public model::ExemplarQueryable {
  public:
    base::Result<std::vector<model::SeriesExemplars>> exemplars(
        std::span<const std::vector<model::Matcher>> groups,
        int64_t min_t,
        int64_t max_t,
        const model::QueryContext&) const override {
        asked = std::to_string(min_t) + ".." + std::to_string(max_t);
        for (const auto& group : groups) {
            asked += " {";
            for (const model::Matcher& matcher : group) {
                asked += matcher.name() + "~" + matcher.value() + ";";
            }
            asked += "}";
        }
        return found;
    }

    std::vector<model::SeriesExemplars> found;
    mutable std::string asked;
};

struct Api {
    explicit Api(const query::Options& with = {})
        : options(with), engine(options, storage, clock, budget) {
        const model::ChunkSample samples[] = {{1000, 0, 1, nullptr}, {61'500, 0, 2.5, nullptr}};
        storage.add(model::Labels{{"__name__", "up"}, {"job", "a<b"}}, samples);
        storage.add(model::Labels{{"__name__", "up"}, {"job", "c"}, {"instance", "i"}}, samples);
        auto histogram = std::make_shared<model::FloatHistogram>();
        histogram->count = 3;
        histogram->sum = 4;
        histogram->positive_spans = {{0, 2}};
        histogram->positive_buckets = {1, 2};
        const model::ChunkSample native[] = {{1000, 0, 0, histogram}};
        storage.add(model::Labels{{"__name__", "sizes"}}, native);
        sources.engine = [this]() -> query::Engine& { return engine; };
        sources.queryable = [this](const model::QueryScope&) {
            return std::shared_ptr<model::Queryable>(std::shared_ptr<void>(), &storage);
        };
        sources.local_queryable = [this]() -> model::Queryable& { return storage; };
        sources.external_labels = [] { return model::Labels{{"region", "eu"}}; };
        sources.exemplars = [this]() -> const model::ExemplarQueryable& { return exemplars; };
        sources.clock = &clock;
    }

    static Request request(std::string_view encoded) {
        Request request;
        request.query = Params::parse(encoded).value();
        return request;
    }

    std::string query(std::string_view encoded) {
        return whole(handle_query(sources, request(encoded), {}));
    }

    std::string range(std::string_view encoded) {
        return whole(handle_query_range(sources, request(encoded), {}));
    }

    static std::string whole(Response response) {
        std::string out = std::move(response.body);
        while (response.stream) {
            std::string frame;
            const bool more = response.stream(frame, {}).value();
            out += frame;
            if (!more) {
                break;
            }
        }
        return out;
    }

    query::Options options;
    query::testing::MemoryStorage storage;
    test_support::FakeClock clock{62'000};
    base::Budget budget{"test"};
    query::Engine engine;
    query::ApiSources sources;
    Exemplars exemplars;
};

std::string error(std::string_view type, std::string_view text) {
    return R"({"status":"error","errorType":")" + std::string(type) + R"(","error":")" +
           std::string(text) + R"("})";
}

}  // namespace

TEST_CASE("an instant query answers with a vector", "[query][http]") {
    Api api;
    CHECK(api.query("query=up&time=61.5") ==
          R"({"status":"success","data":{"resultType":"vector","result":[)"
          R"({"metric":{"__name__":"up","instance":"i","job":"c"},"value":[61.500,"2.5"]},)"
          R"({"metric":{"__name__":"up","job":"a\u003cb"},"value":[61.500,"2.5"]}]}})");
    CHECK(api.query("query=1%2B1&time=1970-01-01T00:00:05Z") ==
          R"({"status":"success","data":{"resultType":"scalar","result":[5,"2"]}})");
    CHECK(api.query("query=%22x%22&time=1") ==
          R"({"status":"success","data":{"resultType":"string","result":[1,"x"]}})");
    CHECK(
        api.query("query=vector(1)") ==
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[62,"1"]}]}})");
}

TEST_CASE("a histogram answers with its buckets", "[query][http]") {
    Api api;
    CHECK(
        api.query("query=sizes&time=1") ==
        R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"sizes"},)"
        R"("histogram":[1,{"count":"3","sum":"4","buckets":[[0,"0.5","1","1"],[0,"1","2","2"]]}]}]}})");
}

TEST_CASE("a range query answers with a matrix", "[query][http]") {
    Api api;
    CHECK(
        api.range("query=up{job%3D%22c%22}&start=1&end=121&step=60") ==
        R"({"status":"success","data":{"resultType":"matrix","result":[{"metric":)"
        R"({"__name__":"up","instance":"i","job":"c"},"values":[[1,"1"],[61,"1"],[121,"2.5"]]}]}})");
    CHECK(api.range("query=nothing&start=1&end=2&step=1s") ==
          R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
}

TEST_CASE("bad parameters are named", "[query][http]") {
    Api api;
    CHECK(api.query("query=up%20up") ==
          error("bad_data",
                R"(invalid parameter \"query\": 1:4: parse error: unexpected identifier \"up\")"));
    CHECK(
        api.query("query=up&time=x") ==
        error(
            "bad_data",
            R"(invalid parameter \"time\": invalid time value for 'time': cannot parse \"x\" to a valid timestamp)"));
    CHECK(api.query("query=up&timeout=x") ==
          error("bad_data",
                R"(invalid parameter \"timeout\": cannot parse \"x\" to a valid duration)"));
    CHECK(api.query("query=up&limit=-1") ==
          error("bad_data", R"(invalid parameter \"limit\": limit must be non-negative)"));
    CHECK(api.range("query=up&end=1&step=1") ==
          error("bad_data",
                R"(invalid parameter \"start\": cannot parse \"\" to a valid timestamp)"));
    CHECK(api.range("query=up&start=2&end=1&step=1") ==
          error("bad_data",
                R"(invalid parameter \"end\": end timestamp must not be before start time)"));
    CHECK(
        api.range("query=up&start=1&end=2&step=0") ==
        error(
            "bad_data",
            R"(invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer)"));
    CHECK(api.range("query=up&start=0&end=11001&step=1") ==
          error("bad_data",
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the "
                "query resolution (?step=XX)"));
}

TEST_CASE("a limit cuts and says so", "[query][http]") {
    Api api;
    CHECK(api.query("query=up&time=1&limit=1") ==
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":)"
          R"({"__name__":"up","instance":"i","job":"c"},"value":[1,"1"]}]},)"
          R"("warnings":["results truncated due to limit"]})");
}

TEST_CASE("annotations and stats come with the answer", "[query][http]") {
    Api api;
    const std::string info = api.query("query=rate(up[5m])&time=62");
    CHECK(info.find(R"("infos":["PromQL info: metric might not be a counter)") !=
          std::string::npos);
    const std::string stats = api.query("query=up&time=62&stats=true");
    CHECK(stats.find(R"("stats":{"timings":{"evalTotalTime":)") != std::string::npos);
    CHECK(stats.find(R"("totalQueryableSamples":2)") != std::string::npos);
}

TEST_CASE("samples are counted by step when that is asked for and switched on", "[query][http]") {
    query::Options options;
    options.per_step_stats = true;
    Api api(options);
    const auto per_step = [&](const std::string& parameters) {
        const std::string answer = api.range(parameters + "&start=1&end=121&step=60");
        const size_t begin = answer.find("\"samples\":");
        return answer.substr(begin, answer.find(",\"samplesRead\"", begin) - begin);
    };
    CHECK(per_step("query=up&stats=all") ==
          R"("samples":{"totalQueryableSamplesPerStep":[[1,2],[61,2],[121,2]],)"
          R"("samplesReadPerStep":[[1,2],[61,2],[121,2]],"totalQueryableSamples":6)");
    CHECK(per_step("query=up&stats=true") == R"("samples":{"totalQueryableSamples":6)");
    // Windows of each step; what is the same at every step counts for each. Read is a sample at the
    // first step whose window has it.
    CHECK(per_step("query=count_over_time(up[2m])&stats=all") ==
          R"("samples":{"totalQueryableSamplesPerStep":[[1,2],[61,2],[121,2]],)"
          R"("samplesReadPerStep":[[1,2],[61,0],[121,2]],"totalQueryableSamples":6)");
    CHECK(per_step("query=up%2Bup%2Bup@61.5&stats=all") ==
          R"("samples":{"totalQueryableSamplesPerStep":[[1,6],[61,6],[121,6]],)"
          R"("samplesReadPerStep":[[1,6],[61,4],[121,4]],"totalQueryableSamples":18)");
    // Within a subquery its windows count.
    CHECK(per_step("query=count_over_time(up[60s:30s])&stats=all") ==
          R"("samples":{"totalQueryableSamplesPerStep":[[1,0],[61,4],[121,4]],)"
          R"("samplesReadPerStep":[[1,0],[61,4],[121,4]],"totalQueryableSamples":8)");
}

TEST_CASE("a query explains what its operators did", "[query][http]") {
    Api api;
    std::string answer = api.query("query=sum(rate(up[2m]))%2Bsum(rate(up[2m]))&time=62&explain=1");
    const size_t begin = answer.find(R"(,"explain":)");
    REQUIRE(begin != std::string::npos);
    answer = answer.substr(begin);
    const auto has = [&](const std::string& part) {
        CHECK_THAT(answer, Catch::Matchers::Contains(part));
    };
    has(R"j("explain":{"operation":"+","expression":"sum(rate(up[2m])) + sum(rate(up[2m]))",)j"
        R"("steps":1,"series":1,"points":1,"samplesRead":0,)");
    has(R"j({"operation":"sum","expression":"sum(rate(up[2m]))","steps":1,"series":1,"points":1,)j");
    has(R"("uses":2)");
    has(R"j({"operation":"rate","expression":"rate(up[2m])","steps":1,"series":2,"points":2,)j");
    has(R"({"operation":"select range","expression":"up[2m]","steps":1,"series":2,"points":4,)"
        R"("samplesRead":4,)");
    CHECK(api.query("query=up&time=1&explain=0").find("explain") == std::string::npos);
    CHECK(api.query("query=up&time=1&explain=x") ==
          error("bad_data",
                R"(invalid parameter \"explain\": strconv.ParseBool: parsing \"x\": )"
                "invalid syntax"));
}

TEST_CASE("an execution error is a 422", "[query][http]") {
    Api api;
    const Response response =
        handle_query(api.sources, Api::request("query=topk(NaN,up)&time=1"), {});
    CHECK(response.status == 422);
    CHECK(response.body == error("execution", "Parameter value is NaN"));
}

TEST_CASE("a form body counts like the URL", "[query][http]") {
    Api api;
    Request request;
    request.method = Method::kPost;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.body = "query=1&time=3";
    CHECK(handle_query(api.sources, request, {}).body ==
          R"({"status":"success","data":{"resultType":"scalar","result":[3,"1"]}})");
}

TEST_CASE("series, label names and label values are listed", "[query][http]") {
    Api api;
    CHECK(handle_series(api.sources, Api::request("match[]=up&match[]={job=%22c%22}"), {}).body ==
          R"({"status":"success","data":[{"__name__":"up","instance":"i","job":"c"},)"
          R"({"__name__":"up","job":"a\u003cb"}]})");
    CHECK(handle_series(api.sources, Api::request(""), {}).body ==
          error("bad_data", "no match[] parameter provided"));
    CHECK(handle_series(api.sources, Api::request("match[]={job=~%22.*%22}"), {}).body ==
          error("bad_data", "match[] must contain at least one non-empty matcher"));
    CHECK(handle_labels(api.sources, Api::request(""), {}).body ==
          R"({"status":"success","data":["__name__","instance","job"]})");
    CHECK(
        handle_labels(api.sources, Api::request("limit=1"), {}).body ==
        R"({"status":"success","data":["__name__"],"warnings":["results truncated due to limit"]})");
    Request values = Api::request("");
    values.path_params.add("name", "job");
    CHECK(handle_label_values(api.sources, values, {}).body ==
          R"({"status":"success","data":["a\u003cb","c"]})");
}

TEST_CASE("a label's name may be escaped in the URL", "[query][http]") {
    Api api;
    const model::ChunkSample samples[] = {{1000, 0, 1, nullptr}};
    api.storage.add(model::Labels{{"__name__", "odd"}, {"naïve.na_me", "yes"}}, samples);
    const auto values = [&](const std::string& name) {
        Request request;
        request.path_params.add("name", name);
        return Api::whole(handle_label_values(api.sources, request, {}));
    };
    const std::string found = R"({"status":"success","data":["yes"]})";
    CHECK(values("naïve.na_me") == found);
    CHECK(values("U__na_ef_ve_2e_na__me") == found);
    // Not an escape: the name as it is.
    for (const char* name : {"U__a_110000_", "U__a_g_", "U__a_2e"}) {
        CHECK(values(name) == R"({"status":"success","data":[]})");
    }
}

TEST_CASE("queries are formatted and parsed", "[query][http]") {
    CHECK(query::handle_format_query(Api::request("query=sum(up)by(job)")).body ==
          R"j({"status":"success","data":"sum by (job) (up)"})j");
    CHECK(query::handle_parse_query(Api::request("query=1")).body ==
          R"({"status":"success","data":{"type":"numberLiteral","val":"1"}})");
}

TEST_CASE("federation pages the latest samples", "[query][http]") {
    Api api;
    CHECK(handle_federate(api.sources, Api::request("match[]=up"), {}).body ==
          "# TYPE up untyped\n"
          "up{instance=\"i\",job=\"c\",region=\"eu\"} 2.5 61500\n"
          "up{job=\"a<b\",instance=\"\",region=\"eu\"} 2.5 61500\n");
    CHECK(handle_federate(api.sources, Api::request("match[]=up["), {}).status == 400);

    CHECK(handle_federate(api.sources, Api::request("match[]=sizes"), {}).body.empty());
    Request protobuf = Api::request("match[]=sizes");
    protobuf.headers.set("Accept",
                         "application/vnd.google.protobuf; "
                         "proto=io.prometheus.client.MetricFamily; encoding=delimited");
    const Response page = handle_federate(api.sources, protobuf, {});
    CHECK(page.headers.get("Content-Type").starts_with("application/vnd.google.protobuf; "));
    CHECK(page.body.substr(1, 9) == "\n\x05sizes\x18\x04");  // name, histogram
}

TEST_CASE("times are seconds or RFC 3339", "[query][http]") {
    CHECK(query::parse_time("1.5").value() == 1500);
    CHECK(query::parse_time("-0.001").value() == -1);
    CHECK(query::parse_time("1700000000.123").value() == 1'700'000'000'123);
    CHECK(query::parse_time("1970-01-01T00:00:01.25Z").value() == 1250);
    CHECK(query::parse_time("").has_error());
    CHECK(query::parse_duration("1h").value() == 3'600'000);
    CHECK(query::parse_duration("0.25").value() == 250);
    CHECK(query::parse_duration("1e300").has_error());
}

TEST_CASE("a large answer goes out in frames", "[query][http]") {
    Api api;
    const model::ChunkSample sample[] = {{1000, 0, 1, nullptr}};
    for (int i = 0; i < 10'000; ++i) {
        const std::string id = std::to_string(i);
        api.storage.add(model::Labels{{"__name__", "many"}, {"id", id}}, sample);
    }
    Response response = handle_query(api.sources, Api::request("query=many&time=1"), {});
    CHECK(response.stream != nullptr);
    const std::string text = Api::whole(std::move(response));
    CHECK(text.starts_with(R"({"status":"success","data":{"resultType":"vector")"));
    CHECK(text.ends_with("}]}}"));
    CHECK(static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) == 0);
}

TEST_CASE("exemplars are asked for by every selector of an expression", "[query][http]") {
    Api api;
    const auto ask = [&](std::string_view encoded) {
        return Api::whole(handle_query_exemplars(api.sources, Api::request(encoded), {}));
    };
    CHECK(ask("query=rate(up{a=\"b\"}[5m])%2Bsum(max_over_time(c[5m:1m]))&start=1&end=2.5") ==
          R"({"status":"success","data":[]})");
    CHECK(api.exemplars.asked == "1000..2500 {a~b;__name__~up;} {__name__~c;}");
    api.exemplars.found = {{.series = {{"__name__", "up"}},
                            .exemplars = {{.t = 1500, .v = 0.25, .labels = {{"trace_id", "x"}}},
                                          {.t = 2000, .v = 3}}}};
    CHECK(ask("query=up") ==
          R"({"status":"success","data":[{"seriesLabels":{"__name__":"up"},"exemplars":[)"
          R"({"labels":{"trace_id":"x"},"value":"0.25","timestamp":1.500},)"
          R"({"labels":{},"value":"3","timestamp":2}]}]})");
    CHECK(ask("query=1") == R"({"status":"success"})");
    CHECK(ask("query=up&start=3&end=2") ==
          error("bad_data", "end timestamp must not be before start timestamp"));
    CHECK(ask("query=up%20up") ==
          error("bad_data", R"(1:4: parse error: unexpected identifier \"up\")"));
}
