// The search API: what fits, how well, and how it is told.
#include <catch2/catch.hpp>

#include "query/http_api.h"
#include "query/search_match.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"

namespace {

using base::http::Request;
using base::http::Response;
using query::SearchAlgorithm;
using query::SearchFor;
using query::SearchMatcher;

double score(const std::string& term, std::string_view text, query::SearchOptions options = {}) {
    return SearchMatcher({term}, options).score(text).value_or(0);
}

struct Api {
    Api() {
        const model::ChunkSample samples[] = {{3'600'000, 0, 1, nullptr}};
        for (const char* const name :
             {"go_threads", "http_requests_total", "http_size", "process_threads", "up"}) {
            storage.add(model::Labels{{"__name__", name}, {"job", name}}, samples);
        }
        sources.queryable = [this](const model::QueryScope&) {
            return std::shared_ptr<model::Queryable>(std::shared_ptr<void>(), &storage);
        };
        sources.clock = &clock;
        sources.search = true;
        sources.search_limit_max = 1000;
        sources.metadata = [] {
            std::map<std::string, std::set<model::Metadata>, std::less<>> known;
            known["http_requests"].insert({model::MetricType::kCounter, "Requests.", ""});
            known["up"].insert({model::MetricType::kGauge, "Up.", "x"});
            return known;
        };
    }

    std::string ask(std::string_view encoded, SearchFor kind = SearchFor::kMetricNames) {
        Request request;
        request.query = base::http::Params::parse(encoded).value();
        const Response response = handle_search(sources, request, {}, kind);
        if (response.status == 200) {
            CHECK(response.headers.get("Content-Type") == "application/x-ndjson; charset=utf-8");
        }
        return response.body;
    }

    query::testing::MemoryStorage storage;
    test_support::FakeClock clock{3'600'000};
    query::ApiSources sources;
};

const std::string kEnd = "{\"status\":\"success\",\"has_more\":false}\n";
const std::string kMore = "{\"status\":\"success\",\"has_more\":true}\n";

}  // namespace

TEST_CASE("a term fits as a subsequence, the better the less it is torn", "[query][search]") {
    CHECK(score("http", "http_requests") == 1);
    CHECK(score("up", "up") == 1);
    CHECK(score("x", "up") == 0);
    CHECK(score("upper", "up") == 0);
    CHECK(score("pu", "up") == 0);
    // One piece of three behind one other character: (9 - 1/4) / 9.
    CHECK(score("bcd", "abcd") == Approx(0.999 * 8.75 / 9));
    // Two pieces of one and a character between and behind: (1 + 1 - 1/4 - 0.5/4) / 4, in front.
    CHECK(score("ac", "abcd") == Approx(0.999 * 1.625 / 4));
    // The better of two places.
    CHECK(score("ab", "xaxab") == Approx(0.999 * (4 - 3.0 / 5) / 4));
    CHECK(score("é", "caféx") == Approx(0.999 * (1 - 3.0 / 5 - 0.5 / 5)));
    CHECK(score("ac", "abcd", {.threshold = 0.5}) == 0);
    CHECK(score("HTTP", "http_size") == 0);
    CHECK(score("HTTP", "http_size", {.case_sensitive = false}) == 1);
}

TEST_CASE("a term fits as it is, or is similar", "[query][search]") {
    const query::SearchOptions plain{.algorithm = SearchAlgorithm::kJaroWinkler};
    query::SearchOptions similar = plain;
    similar.threshold = 0.8;
    CHECK(score("go", "go_threads", plain) == 1);
    CHECK(score("threads", "go_threads", plain) == Approx(0.1));
    CHECK(score("b", "abcd", plain) == Approx(0.7));
    CHECK(score("ac", "abcd", plain) == 0);
    // Winkler's examples.
    CHECK(score("MARTHA", "MARHTA", similar) == Approx(0.9611).epsilon(0.0001));
    CHECK(score("DWAYNE", "DUANE", similar) == Approx(0.84).epsilon(0.0001));
    CHECK(score("DIXON", "DICKSONX", similar) == Approx(0.8133).epsilon(0.0001));
    CHECK(score("abc", "xyz", similar) == 0);
    CHECK(SearchMatcher({"", ""}, similar).score("anything") == 1);
    CHECK(SearchMatcher({"zzz", "go"}, plain).score("go_threads") == 1);
}

TEST_CASE("searches are told in batches of lines, and how they ended", "[query][search]") {
    Api api;
    CHECK(api.ask("search[]=threads") ==
          R"({"results":[{"name":"go_threads"},{"name":"process_threads"}]})"
          "\n" +
              kEnd);
    CHECK(api.ask("batch_size=2&limit=3&sort_by=alpha&sort_dir=dsc") ==
          R"({"results":[{"name":"up"},{"name":"process_threads"}]})"
          "\n"
          R"({"results":[{"name":"http_size"}]})"
          "\n" +
              kMore);
    CHECK(api.ask("search[]=nothing_like_it") == "{\"results\":[]}\n" + kEnd);
    CHECK(api.ask("search[]=th&sort_by=score&limit=1&include_score=1&match[]=up") ==
          "{\"results\":[]}\n" + kEnd);
    CHECK(api.ask("search[]=up&search[]=http_s&sort_by=score&include_score=true&limit=2") ==
          R"({"results":[{"name":"http_size","score":1},{"name":"up","score":1}]})"
          "\n" +
              kMore);
    CHECK(api.ask("search[]=jo", SearchFor::kLabelNames) == R"({"results":[{"name":"job"}]})"
                                                            "\n" +
                                                                kEnd);
    CHECK(api.ask("label=job&search[]=size", SearchFor::kLabelValues) ==
          R"({"results":[{"value":"http_size"}]})"
          "\n" +
              kEnd);
    CHECK(api.ask("include_metadata=1&search[]=up&search[]=http_requests") ==
          R"({"results":[{"name":"http_requests_total","type":"counter","help":"Requests.",)"
          R"("unit":""},{"name":"up","type":"gauge","help":"Up.","unit":"x"}]})"
          "\n" +
              kEnd);
}

TEST_CASE("searches that make no sense say why", "[query][search]") {
    Api api;
    const auto check = [&](const std::string& query, const std::string& want) {
        CAPTURE(query);
        CHECK_THAT(api.ask(query, SearchFor::kLabelValues),
                   Catch::Matchers::StartsWith(R"({"status":"error","errorType":"bad_data",)") &&
                       Catch::Matchers::Contains(want));
    };
    check("", "missing required parameter");
    check("label=a&start=5&end=4", "end timestamp must not be before start timestamp");
    check("label=a&fuzz_threshold=101", "must be 0-100");
    check("label=a&fuzz_alg=x", "must be one of [subsequence jarowinkler]");
    check("label=a&sort_by=x", "must be \\\"alpha\\\" or \\\"score\\\"");
    check("label=a&sort_by=alpha&sort_dir=up", "must be \\\"asc\\\" or \\\"dsc\\\"");
    check("label=a&sort_dir=asc", "only valid with sort_by=alpha");
    check("label=a&sort_by=score", "requires search[]");
    check("label=a&limit=0", "must be a positive integer");
    check("label=a&limit=1001", "--web.search.max-limit");
    check("label=a&batch_size=-1", "must be a positive integer");
    check("label=a&include_score=x", "include_score");
    std::string many = "label=a";
    for (int i = 0; i < 33; ++i) {
        many += "&search[]=x";
    }
    check(many, "maximum is 32");
    api.sources.search = false;
    CHECK_THAT(api.ask("label=a"), Catch::Matchers::Contains("--enable-feature=search-api"));
}
