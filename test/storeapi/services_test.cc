#include <catch2/catch.hpp>

#include "query/parser.h"
#include "query/selectors.h"
#include "storeapi/proto/exemplars.pb.h"
#include "storeapi/proto/info.pb.h"
#include "storeapi/proto/metadata.pb.h"
#include "storeapi/proto/rules.pb.h"
#include "storeapi/proto/status.pb.h"
#include "storeapi/proto/targets.pb.h"
#include "test/storeapi/fixture.h"

using namespace storeapi_test;
using base::Code;

namespace {

constexpr int64_t kNow = 1'700'000'000'000;

model::Labels labels_of(const thanos::ZLabelSet& set) {
    std::vector<model::LabelView> labels;
    for (const thanos::Label& label : set.labels()) {
        labels.push_back({.name = label.name(), .value = label.value()});
    }
    return model::Labels::from_sorted(labels);
}

class FakeExemplars final : public model::ExemplarQueryable {
  public:
    base::Result<std::vector<model::SeriesExemplars>> exemplars(
        std::span<const std::vector<model::Matcher>> groups,
        int64_t,
        int64_t,
        const model::QueryContext&) const override {
        const model::Labels series{{"__name__", "m"}, {"job", "j"}};
        for (const std::vector<model::Matcher>& group : groups) {
            const bool matches = std::ranges::all_of(group, [&](const model::Matcher& matcher) {
                return matcher.matches(series.get(matcher.name()));
            });
            if (matches) {
                return std::vector<model::SeriesExemplars>{
                    {series, {{.t = kNow, .v = 2.5, .labels = {{"trace_id", "x"}}}}}};
            }
        }
        return std::vector<model::SeriesExemplars>();
    }
};

base::Result<std::vector<std::vector<model::Matcher>>> parse_selectors(std::string_view text) {
    TRY(const auto expr, query::parse_query(text));
    return query::selectors_of(*expr);
}

struct Fixture {
    std::unique_ptr<Storage> storage = memory_storage();
    FakeExemplars exemplars;
    StoreNode node{
        storage->queryable(),
        {{"region", "eu-west"}, {"replica", "a"}},
        {},
        [this](storeapi::Sources& sources) {
            sources.exemplars = [this]() -> const model::ExemplarQueryable& { return exemplars; };
            sources.parse_selectors = parse_selectors;
            sources.active_targets = [] {
                auto target = std::make_shared<model::Target>();
                target->job = "pool";
                target->labels = {{"instance", "i"}, {"job", "j"}};
                target->discovered = {{"__address__", "i"}};
                target->url = "http://i/metrics";
                storeapi::TargetReport up{.target = target,
                                          .global_url = "http://g/metrics",
                                          .health = storeapi::TargetHealth::kUp,
                                          .last_scrape_ns = 1'500'000'000,
                                          .last_duration_seconds = 0.5};
                storeapi::TargetReport never{.target = target};
                return std::vector<storeapi::TargetReport>{up, never};
            };
            sources.dropped_targets = [] {
                return std::vector<model::Labels>{{{"__address__", "dropped"}}};
            };
            sources.metadata = [] {
                using enum model::MetricType;
                return std::vector<model::MetricMetadata>{{"a", {kCounter, "help a", ""}},
                                                          {"b", {kGauge, "help b", "bytes"}},
                                                          {"b", {kCounter, "other", ""}}};
            };
            sources.figures = [](size_t limit) {
                storeapi::StorageFigures figures;
                figures.series = 7;
                figures.min_time = 1;
                figures.max_time = 2;
                figures.series_by_metric_name = {{"m", limit}};
                return figures;
            };
        }};
};

}  // namespace

TEST_CASE("info tells labels, times and the services that work", "[storeapi]") {
    Fixture fixture;
    const auto ask = [&](StoreNode& node) {
        return node
            .call<thanos::info::InfoResponse>("/thanos.info.Info/Info", thanos::info::InfoRequest())
            .value();
    };
    auto info = ask(fixture.node);
    CHECK(info.componenttype() == "sidecar");
    CHECK(info.store().min_time() == INT64_MIN);
    CHECK(info.store().max_time() == INT64_MAX);
    CHECK(info.store().supports_sharding());
    CHECK(info.store().supports_without_replica_labels());
    REQUIRE(info.label_sets_size() == 1);
    CHECK(labels_of(info.label_sets(0)).to_string() == R"({region="eu-west", replica="a"})");
    REQUIRE(info.store().tsdb_infos_size() == 1);
    CHECK(labels_of(info.store().tsdb_infos(0).labels()) == labels_of(info.label_sets(0)));
    CHECK(info.has_exemplars());
    CHECK(info.has_targets());
    CHECK(info.has_metric_metadata());
    CHECK(info.has_status());
    CHECK_FALSE(info.has_rules());
    CHECK_FALSE(info.has_query());
    fixture.storage->add({{"a", "1"}}, {{kNow, 1}});
    info = ask(fixture.node);
    CHECK(info.store().min_time() == kNow);
    CHECK(info.store().tsdb_infos(0).min_time() == kNow);

    StoreNode bare(fixture.storage->queryable(), {});
    info = ask(bare);
    CHECK(info.label_sets_size() == 0);
    CHECK(info.has_store());
    CHECK_FALSE(info.has_exemplars());
    CHECK_FALSE(info.has_targets());
    CHECK_FALSE(info.has_metric_metadata());
    CHECK_FALSE(info.has_status());
    bare.set_ready(false);
    CHECK(
        bare.call<thanos::info::InfoResponse>("/thanos.info.Info/Info", thanos::info::InfoRequest())
            .error()
            .code() == Code::kUnavailable);
}

TEST_CASE("targets come with the node's labels", "[storeapi]") {
    Fixture fixture;
    thanos::TargetsRequest request;
    const auto ask = [&] {
        return fixture.node.list<thanos::TargetsResponse>("/thanos.Targets/Targets", request)
            .value()
            .front()
            .targets();
    };
    auto targets = ask();
    REQUIRE(targets.activetargets_size() == 2);
    const thanos::ActiveTarget& up = targets.activetargets(0);
    CHECK(labels_of(up.labels()).to_string() ==
          R"({instance="i", job="j", region="eu-west", replica="a"})");
    CHECK(labels_of(up.discoveredlabels()).to_string() == R"({__address__="i"})");
    CHECK(up.scrapepool() == "pool");
    CHECK(up.scrapeurl() == "http://i/metrics");
    CHECK(up.globalurl() == "http://g/metrics");
    CHECK(up.health() == thanos::HEALTH_UP);
    CHECK(up.lastscrape().seconds() == 1);
    CHECK(up.lastscrape().nanos() == 500'000'000);
    CHECK(up.lastscrapeduration() == 0.5);
    CHECK(targets.activetargets(1).health() == thanos::HEALTH_UNKNOWN);
    CHECK(targets.activetargets(1).lastscrape().seconds() == -62'135'596'800);
    REQUIRE(targets.droppedtargets_size() == 1);
    CHECK(labels_of(targets.droppedtargets(0).discoveredlabels()).to_string() ==
          R"({__address__="dropped"})");
    request.set_state(thanos::TargetsRequest::STATE_ACTIVE);
    CHECK(ask().droppedtargets_size() == 0);
    request.set_state(thanos::TargetsRequest::STATE_DROPPED);
    CHECK(ask().activetargets_size() == 0);
}

TEST_CASE("metadata comes for all metrics, for one, and for some", "[storeapi]") {
    Fixture fixture;
    thanos::MetricMetadataRequest request;
    request.set_limit(-1);
    const auto ask = [&] {
        const auto responses =
            fixture.node
                .list<thanos::MetricMetadataResponse>("/thanos.Metadata/MetricMetadata", request)
                .value();
        return responses.front().metadata().metadata();
    };
    auto all = ask();
    REQUIRE(all.size() == 2);
    CHECK(all["a"].metas(0).type() == "counter");
    CHECK(all["a"].metas(0).help() == "help a");
    CHECK(all["b"].metas_size() == 2);
    CHECK(all["b"].metas(0).unit() == "bytes");
    request.set_limit(1);
    CHECK(ask().size() == 1);
    request.set_limit(0);
    CHECK(ask().empty());
    request.set_limit(-1);
    request.set_metric("b");
    all = ask();
    CHECK(all.size() == 1);
    CHECK(all.contains("b"));
}

TEST_CASE("exemplars come for the series that an expression reads", "[storeapi]") {
    Fixture fixture;
    thanos::ExemplarsRequest request;
    request.set_start(0);
    request.set_end(INT64_MAX);
    const auto ask = [&](const char* query) {
        request.set_query(query);
        return fixture.node.list<thanos::ExemplarsResponse>("/thanos.Exemplars/Exemplars", request);
    };
    const auto found = ask(R"({__name__="m"}+{__name__="n"})").value();
    REQUIRE(found.size() == 1);
    CHECK(labels_of(found[0].data().serieslabels()).to_string() ==
          R"({__name__="m", job="j", region="eu-west", replica="a"})");
    REQUIRE(found[0].data().exemplars_size() == 1);
    CHECK(found[0].data().exemplars(0).ts() == kNow);
    CHECK(found[0].data().exemplars(0).value() == 2.5);
    CHECK(labels_of(found[0].data().exemplars(0).labels()).to_string() == R"({trace_id="x"})");
    CHECK(ask(R"({__name__="n"})").value().empty());
    CHECK(ask("{}").value().size() == 1);
    CHECK(ask(R"({__name__="n"}+{})").value().size() == 1);
    CHECK(ask(R"(m{region="eu-west"})").value().size() == 1);
    CHECK(ask(R"(m{region="eu-east"})").value().empty());
    CHECK(ask(R"({__name__="a{}"})").value().empty());
    CHECK(ask("sum(").error().code() == Code::kInvalid);
}

TEST_CASE("status tells what the head holds", "[storeapi]") {
    Fixture fixture;
    thanos::TSDBStatisticsRequest request;
    request.set_limit(3);
    const auto ask = [&] {
        return fixture.node
            .list<thanos::TSDBStatisticsResponse>("/thanos.Status/TSDBStatistics", request)
            .value();
    };
    const auto found = ask();
    REQUIRE(found.size() == 1);
    const auto& entry = found[0].statistics().statistics().at("");
    CHECK(entry.head_statistics().num_series() == 7);
    CHECK(entry.series_count_by_metric_name(0).value() == 3);
    auto& matcher = *request.add_matchers();
    matcher.set_name("region");
    matcher.set_value("eu-east");
    CHECK(ask().empty());
}

TEST_CASE("services that are not built say so", "[storeapi]") {
    Fixture fixture;
    const auto rules =
        fixture.node.list<thanos::RulesResponse>("/thanos.Rules/Rules", thanos::RulesRequest());
    REQUIRE_FALSE(rules);
    CHECK(rules.error().code() == Code::kUnsupported);
    CHECK_THAT(rules.error().message(), Catch::Contains("not evaluated"));
    StoreNode bare(fixture.storage->queryable(), {});
    CHECK(bare.list<thanos::TargetsResponse>("/thanos.Targets/Targets", thanos::TargetsRequest())
              .error()
              .code() == Code::kUnsupported);
    CHECK(bare.list<thanos::MetricMetadataResponse>("/thanos.Metadata/MetricMetadata",
                                                    thanos::MetricMetadataRequest())
              .error()
              .code() == Code::kUnsupported);
    CHECK(bare.list<thanos::ExemplarsResponse>("/thanos.Exemplars/Exemplars",
                                               thanos::ExemplarsRequest())
              .error()
              .code() == Code::kUnsupported);
    CHECK(bare.list<thanos::TSDBStatisticsResponse>("/thanos.Status/TSDBStatistics",
                                                    thanos::TSDBStatisticsRequest())
              .error()
              .code() == Code::kUnsupported);
}
