// Whom requests want to be asked, and that it is they who are asked.
#include "query/http_scope.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "model/labels.h"
#include "query/http_api.h"
#include "query/testing/memory_storage.h"
#include "test/support/fake_clock.h"

namespace {

using base::http::Params;
using base::http::Request;
using base::http::Response;
using model::QueryScope;

QueryScope scope_of(std::string_view encoded, int64_t step_ms = 0) {
    auto scope = query::scope_params(Params::parse(encoded).value(), step_ms);
    REQUIRE(scope);
    return std::move(scope).value();
}

std::string error_of(std::string_view encoded) {
    const auto scope = query::scope_params(Params::parse(encoded).value());
    REQUIRE(scope.has_error());
    CHECK(scope.error().code() == base::Code::kInvalid);
    return scope.error().message();
}

// As text, to compare.
std::string text_of(const QueryScope& scope) {
    std::string out = std::string(scope.local ? "local " : "") + (scope.dedup ? "dedup " : "") +
                      (scope.partial_response ? "partial " : "") +
                      std::to_string(scope.max_source_resolution_ms);
    for (const std::string& label : scope.replica_labels) {
        out += " -" + label;
    }
    for (const auto& matchers : scope.stores) {
        out += " {";
        for (const model::Matcher& matcher : matchers) {
            out += matcher.to_string() + ";";
        }
        out += "}";
    }
    return out;
}

// A storage that has something to say beside its answers.
class Warning final : public model::Queryable {
  public:
    explicit Warning(model::Queryable& storage) : storage_(storage) {}

    base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t, int64_t max_t) override {
        TRY(auto querier, storage_.querier(min_t, max_t));
        return std::unique_ptr<model::Querier>(std::make_unique<Asked>(std::move(querier)));
    }

    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override {
        return storage_.time_range();
    }

  private:
    class Set final : public model::SeriesSet {
      public:
        explicit Set(std::unique_ptr<model::SeriesSet> set) : set_(std::move(set)) {}

        base::Result<bool> next(model::SeriesBatch& batch) override { return set_->next(batch); }

        [[nodiscard]] std::vector<std::string> warnings() const override {
            return {"10.0.0.2:10901 did not answer"};
        }

      private:
        std::unique_ptr<model::SeriesSet> set_;
    };

    class Asked final : public model::Querier {
      public:
        explicit Asked(std::unique_ptr<model::Querier> querier) : querier_(std::move(querier)) {}

        base::Result<std::unique_ptr<model::SeriesSet>> select(
            const model::SelectHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            TRY(auto set, querier_->select(hints, matchers, context));
            return std::unique_ptr<model::SeriesSet>(std::make_unique<Set>(std::move(set)));
        }

        base::Result<std::vector<std::string>> label_names(
            const model::LabelHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            return querier_->label_names(hints, matchers, context);
        }

        base::Result<std::vector<std::string>> label_values(
            std::string_view name,
            const model::LabelHints& hints,
            std::span<const model::Matcher> matchers,
            const model::QueryContext& context) override {
            return querier_->label_values(name, hints, matchers, context);
        }

        [[nodiscard]] std::vector<std::string> warnings() const override {
            return {"10.0.0.2:10901 did not answer"};
        }

      private:
        std::unique_ptr<model::Querier> querier_;
    };

    model::Queryable& storage_;
};

// An API over a cluster, whose engine has the node's own storage, which is another one.
struct Cluster {
    Cluster() : engine({}, own, clock, budget) {
        const model::ChunkSample samples[] = {{1000, 0, 7, nullptr}};
        everybodys.add(model::Labels{{"__name__", "up"}, {"job", "a"}}, samples);
        sources.engine = [this]() -> query::Engine& { return engine; };
        sources.queryable = [this](const QueryScope& scope) {
            asked.push_back(text_of(scope));
            return std::make_shared<Warning>(everybodys);
        };
        sources.local_queryable = [this]() -> model::Queryable& { return own; };
        sources.clock = &clock;
    }

    static Request request(std::string_view encoded) {
        Request request;
        request.query = Params::parse(encoded).value();
        request.path_params.add("name", "job");
        return request;
    }

    query::testing::MemoryStorage own;
    query::testing::MemoryStorage everybodys;
    test_support::FakeClock clock{62'000};
    base::Budget budget{"test"};
    query::Engine engine;
    query::ApiSources sources;
    std::vector<std::string> asked;
};

using Handler = std::function<Response(const query::ApiSources&, const Request&)>;

// What answers about series, with parameters that it needs.
struct Endpoint {
    const char* name;
    Handler handle;
    std::string params;
};

std::vector<Endpoint> endpoints() {
    const auto as = [](auto handler) {
        return [handler](const query::ApiSources& sources, const Request& request) {
            return handler(sources, request, query::Caller());
        };
    };
    return {{"query", as(query::handle_query), "query=up&time=1"},
            {"query_range", as(query::handle_query_range), "query=up&start=1&end=2&step=1"},
            {"series", as(query::handle_series), "match[]=up"},
            {"labels", as(query::handle_labels), ""},
            {"label values", as(query::handle_label_values), ""}};
}

}  // namespace

TEST_CASE("a scope is the whole cluster unless parameters say otherwise", "[query][http]") {
    CHECK(text_of(scope_of("")) == text_of(QueryScope()));
    CHECK(text_of(scope_of("local=&dedup=&replicaLabels[]=&partial_response=&storeMatch[]="
                           "&max_source_resolution=")) == text_of(QueryScope()));
    CHECK(text_of(QueryScope()) == "dedup partial 0");
}

TEST_CASE("a scope takes every parameter", "[query][http]") {
    CHECK(text_of(scope_of("local=1")) == "local dedup partial 0");
    CHECK(text_of(scope_of("local=true&dedup=false&partial_response=0")) == "local 0");
    CHECK(text_of(scope_of("dedup=F&partial_response=True")) == "partial 0");
    CHECK(text_of(scope_of("replicaLabels[]=replica&replicaLabels[]=rule_replica")) ==
          "dedup partial 0 -replica -rule_replica");
    CHECK(text_of(scope_of("storeMatch[]={__address__=%22a:1%22}"
                           "&storeMatch[]={__address__=~%22b.*%22,__address__!=%22b:2%22}")) ==
          "dedup partial 0 {__address__=\"a:1\";}"
          " {__address__=~\"b.*\";__address__!=\"b:2\";}");
}

TEST_CASE("a scope's resolution is a duration, or a fifth of the step", "[query][http]") {
    const auto resolution = [](std::string_view text, int64_t step_ms = 0) {
        return scope_of("max_source_resolution=" + std::string(text), step_ms)
            .max_source_resolution_ms;
    };
    CHECK(resolution("0s") == 0);
    CHECK(resolution("5m") == 300'000);
    CHECK(resolution("1h", 60'000) == 3'600'000);
    CHECK(resolution("300") == 300'000);
    CHECK(resolution("auto") == 0);
    CHECK(resolution("auto", 60'000) == 12'000);
}

TEST_CASE("a scope's bad parameters are named", "[query][http]") {
    CHECK(error_of("dedup=yes") ==
          R"(invalid parameter "dedup": strconv.ParseBool: parsing "yes": invalid syntax)");
    CHECK(error_of("local=2") ==
          R"(invalid parameter "local": strconv.ParseBool: parsing "2": invalid syntax)");
    CHECK(
        error_of("partial_response=x") ==
        R"(invalid parameter "partial_response": strconv.ParseBool: parsing "x": invalid syntax)");
    CHECK(error_of("replicaLabels[]=%ff") ==
          R"(invalid parameter "replicaLabels[]": invalid label name: "\xff")");
    CHECK(error_of("storeMatch[]={__address__=%22a%22") ==
          R"(invalid parameter "storeMatch[]": 1:17: parse error: )"
          "unexpected end of input inside braces");
    CHECK(error_of("storeMatch[]=up") ==
          R"(invalid parameter "storeMatch[]": stores are known by their __address__ only, )"
          R"(not by __name__="up". Try {__address__="host:port"})");
    CHECK(error_of("max_source_resolution=5q") == R"(invalid parameter "max_source_resolution": )"
                                                  R"(cannot parse "5q" to a valid duration)");
    CHECK(error_of("max_source_resolution=-5") ==
          R"(invalid parameter "max_source_resolution": negative resolutions are not accepted. )"
          "Try a positive duration, 0s or auto");
}

TEST_CASE("requests are answered in the scope that they name", "[query][http]") {
    for (const Endpoint& endpoint : endpoints()) {
        CAPTURE(endpoint.name);
        Cluster cluster;
        const Response response = endpoint.handle(
            cluster.sources,
            Cluster::request(endpoint.params +
                             "&dedup=false&replicaLabels[]=r&max_source_resolution=auto"));
        CHECK(response.status == 200);
        const bool range = std::string_view(endpoint.name) == "query_range";
        CHECK(cluster.asked == std::vector<std::string>{range ? "partial 200 -r" : "partial 0 -r"});
        // Not from the engine's own storage, and with what the storage says beside it.
        CHECK(response.body.find(std::string_view(endpoint.name) == "labels"
                                     ? R"("job")"
                                     : R"("a")") != std::string::npos);
        CHECK(response.body.ends_with(R"("warnings":["10.0.0.2:10901 did not answer"]})"));
    }
}

TEST_CASE("requests with a bad scope ask nobody", "[query][http]") {
    for (const Endpoint& endpoint : endpoints()) {
        CAPTURE(endpoint.name);
        Cluster cluster;
        const Response response =
            endpoint.handle(cluster.sources, Cluster::request(endpoint.params + "&dedup=x"));
        CHECK(response.status == 400);
        CHECK(response.body.starts_with(
            R"({"status":"error","errorType":"bad_data","error":"invalid parameter \"dedup\":)"));
        CHECK(cluster.asked.empty());
    }
}

TEST_CASE("a warning of several selectors is told once", "[query][http]") {
    Cluster cluster;
    const Response response = query::handle_series(
        cluster.sources, Cluster::request("match[]=up&match[]={job=%22a%22}&limit=5"), {});
    CHECK(response.body.ends_with(R"("warnings":["10.0.0.2:10901 did not answer"]})"));
}

TEST_CASE("federation is about this node only", "[query][http]") {
    Cluster cluster;
    const Response response =
        query::handle_federate(cluster.sources, Cluster::request("match[]=up"), {});
    CHECK(response.status == 200);
    CHECK(response.body.empty());
    CHECK(cluster.asked.empty());
}
