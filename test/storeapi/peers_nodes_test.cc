// This node and others as one storage: who is asked, and how what they hold is joined.
#include <algorithm>
#include <thread>

#include <catch2/catch.hpp>

#include "model/push_down.h"
#include "storeapi/peers/choice.h"
#include "test/storeapi/local_nodes.h"

using namespace storeapi_test;
using storeapi::PeerKind;

namespace {

const std::vector<Matched> kUp = {equal("__name__", "up")};

model::Labels up(std::string_view instance) {
    return {{"__name__", "up"}, {"instance", instance}};
}

std::string up_text(const std::string& instance, const std::string& replica = "") {
    return R"({__name__="up", instance=")" + instance + '"' +
           (replica.empty() ? std::string() : ", replica=\"" + replica + '"') + "}";
}

model::QueryScope of_stores(const std::string& address) {
    return {.stores = {{model::Matcher::equal("__address__", address)}}};
}

}  // namespace

TEST_CASE("series of this node and of others come once, and chunks tell whose they are",
          "[storeapi]") {
    Cluster cluster({"b", "c"});
    cluster.own->add(up("1"), {{1, 1}, {2, 2}});
    cluster.storages["b"]->add(up("1"), {{2, 20}, {3, 30}});
    cluster.storages["b"]->add(up("2"), {{1, 1}});
    cluster.storages["c"]->add(up("2"), {{1, 1}});
    cluster.storages["c"]->add(up("3"), {{5, 5}});
    const auto answer = cluster.bed->select(kUp).value();
    CHECK(answer.texts() == Texts{up_text("1"), up_text("2"), up_text("3")});
    CHECK(answer.series[0].points(0) == Points{{1, 1}, {2, 2}});
    CHECK(answer.series[0].points(1) == Points{{2, 20}, {3, 30}});
    CHECK(answer.series[1].chunk_texts() == Texts{"1..1@1"});  // equal chunks: the first holder's
    CHECK(answer.series[2].chunk_texts() == Texts{"5..5@2"});
    CHECK(answer.warnings.empty());
    CHECK(cluster.bed->select(kUp, {}, {.limit = 2}).value().texts() ==
          Texts{up_text("1"), up_text("2")});
    CHECK(cluster.bed->names(kUp).value() == Texts{"__name__", "instance"});
    CHECK(cluster.bed->names(kUp, {}, INT64_MAX, 1).value() == Texts{"__name__"});
    CHECK(cluster.bed->values("instance", kUp).value() == Texts{"1", "2", "3"});
}

TEST_CASE("without others this node answers alone, and without itself others do", "[storeapi]") {
    Cluster alone({});
    alone.own->add(up("1"), {{1, 1}});
    CHECK(alone.bed->select(kUp).value().texts() == Texts{up_text("1")});
    CHECK(alone.bed->peers().queryable({})->time_range() == std::pair<int64_t, int64_t>(1, 1));
    Cluster others({"b"}, false);
    others.storages["b"]->add(up("2"), {{1, 1}});
    CHECK(others.bed->select(kUp).value().texts() == Texts{up_text("2")});
    CHECK(others.bed->values("instance").value() == Texts{"2"});
    Cluster nobody({}, false);
    CHECK(nobody.bed->select(kUp).value().series.empty());
    CHECK(nobody.bed->names().value().empty());
    CHECK_FALSE(nobody.bed->peers().queryable({})->time_range());
}

TEST_CASE("a local scope, and one of some stores, ask nobody else", "[storeapi]") {
    Cluster cluster({"b", "c"});
    cluster.own->add(up("1"), {{1, 1}});
    cluster.storages["b"]->add(up("2"), {{1, 1}});
    cluster.storages["c"]->add(up("3"), {{1, 1}});
    const auto texts = [&](const model::QueryScope& scope) {
        return cluster.bed->select(kUp, scope).value().texts();
    };
    CHECK(texts({.local = true}) == Texts{up_text("1")});
    CHECK(texts(of_stores("b")) == Texts{up_text("2")});
    CHECK(texts(of_stores("own:1")) == Texts{up_text("1")});
    CHECK(texts(of_stores("nobody")).empty());
}

TEST_CASE("this node is not asked as a peer", "[storeapi]") {
    Cluster cluster({"b", "own:1"});
    cluster.own->add(up("1"), {{1, 1}});
    cluster.storages["own:1"]->add(up("9"), {{1, 1}});
    cluster.storages["b"]->add(up("8"), {{1, 1}});
    {
        NodeState& state = cluster.states["b"];
        const base::MutexLock lock(state.mutex);
        state.facts.node_id = "me";
    }
    cluster.bed->ask_nodes({"own:1"});
    cluster.bed->ask_nodes({"b", "own:1"});
    CHECK(cluster.bed->select(kUp).value().texts() == Texts{up_text("1")});
    CHECK(cluster.bed->peers().others().empty());
}

TEST_CASE("without dedup each holder's series come with its labels, in order", "[storeapi]") {
    Cluster cluster({"b", "c"});
    // The label lies between others, and one of the series has it already.
    const model::Labels a1{{"__name__", "up"}, {"a", "1"}, {"z", "1"}};
    const model::Labels a1_only{{"__name__", "up"}, {"a", "1"}};
    const model::Labels own_label{{"__name__", "up"}, {"a", "1"}, {"replica", "x"}, {"z", "2"}};
    cluster.own->add(a1, {{1, 1}});
    cluster.own->add(a1_only, {{1, 1}});
    cluster.storages["b"]->add(a1, {{1, 1}});
    cluster.storages["c"]->add(own_label, {{1, 1}});
    const model::QueryScope apart{.dedup = false};
    const auto answer = cluster.bed->select(kUp, apart).value();
    CHECK(answer.texts() == Texts{R"({__name__="up", a="1", replica="b", z="1"})",
                                  R"({__name__="up", a="1", replica="c", z="2"})",
                                  R"({__name__="up", a="1", replica="me"})",
                                  R"({__name__="up", a="1", replica="me", z="1"})"});
    const auto of = [&](const std::string& replica) {
        return cluster.bed->select({kUp[0], equal("replica", replica)}, apart)
            .value()
            .series.size();
    };
    CHECK(of("b") == 1);
    CHECK(of("me") == 2);
    CHECK(of("x") == 0);
    CHECK(cluster.bed->select({equal("replica", "me")}, apart).value().series.size() == 2);
    CHECK(cluster.bed->names(kUp, apart).value() == Texts{"__name__", "a", "replica", "z"});
    CHECK(cluster.bed->values("replica", kUp, apart).value() == Texts{"b", "c", "me"});
    CHECK(cluster.bed->values("replica", {equal("z", "1")}, apart).value() == Texts{"b", "me"});
    CHECK(cluster.bed->values("replica", {}, apart).value() == Texts{"b", "c", "me"});
    CHECK(cluster.bed->values("replica", {equal("replica", "b")}, apart).value() == Texts{"b"});
    // In an order that passes over a label.
    model::SelectHints hints;
    hints.sorted = true;
    hints.order_without = {"a", "replica"};
    CHECK(cluster.bed->select(kUp, apart, hints).value().texts() ==
          Texts{R"({__name__="up", a="1", replica="me"})",
                R"({__name__="up", a="1", replica="b", z="1"})",
                R"({__name__="up", a="1", replica="me", z="1"})",
                R"({__name__="up", a="1", replica="c", z="2"})"});
    CHECK(cluster.bed->budget.used() == 0);
}

TEST_CASE("replica labels are taken off, and accounts of one series told apart", "[storeapi]") {
    Cluster cluster({"b"});
    const auto series = [](std::string_view replica, std::string_view z) {
        return model::Labels{{"__name__", "up"}, {"r", replica}, {"z", z}};
    };
    cluster.own->add(series("1", "1"), {{1, 1}, {3, 3}});
    cluster.own->add(series("2", "1"), {{2, 2}, {4, 4}});
    cluster.own->add(series("3", "1"), {{9, 9}});
    cluster.own->add(series("2", "2"), {{1, 1}});
    cluster.storages["b"]->add(series("7", "1"), {{5, 5}});
    cluster.storages["b"]->add(series("1", "3"), {{1, 1}});
    const model::QueryScope scope{.replica_labels = {"r"}};
    const auto answer = cluster.bed->select(kUp, scope).value();
    CHECK(answer.texts() == Texts{R"({__name__="up", z="1"})",
                                  R"({__name__="up", z="2"})",
                                  R"({__name__="up", z="3"})"});
    CHECK(answer.series[0].chunk_texts() == Texts{"1..3@0", "2..4@2", "5..5@1", "9..9@0"});
    CHECK(cluster.bed->names(kUp, scope).value() == Texts{"__name__", "z"});
    CHECK(cluster.bed->names(kUp, scope, INT64_MAX, 2).value() == Texts{"__name__", "z"});
    CHECK(cluster.bed->values("r", kUp, scope).value().empty());
    // What is taken off can still be asked for.
    CHECK(cluster.bed->select({kUp[0], equal("r", "7")}, scope).value().series.size() == 1);
}

TEST_CASE("who is down is named, or the query fails", "[storeapi]") {
    Cluster cluster({"b", "c"});
    cluster.own->add(up("1"), {{1, 1}});
    cluster.storages["b"]->add(up("2"), {{1, 1}});
    cluster.states["c"].down = true;
    cluster.wait_health("c", false);
    const std::string text = "c: not asked, connection refused";
    const auto answer = cluster.bed->select(kUp).value();
    CHECK(answer.texts() == Texts{up_text("1"), up_text("2")});
    CHECK(answer.warnings == Texts{text});
    CHECK(cluster.bed->names().value() == Texts{"__name__", "instance"});
    CHECK(cluster.bed->warnings() == Texts{text});
    const model::QueryScope strict{.partial_response = false};
    const auto refused = cluster.bed->select(kUp, strict);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == base::Code::kUnavailable);
    CHECK(refused.error().message() == text);
    CHECK_FALSE(cluster.bed->values("instance", {}, strict));
    cluster.states["c"].down = false;
    cluster.wait_health("c", true);
    CHECK(cluster.bed->select(kUp, strict).value().warnings.empty());
}

TEST_CASE("who fails on the way is named, or the query fails", "[storeapi]") {
    Cluster cluster({"b"});
    cluster.own->add(up("1"), {{1, 1}});
    cluster.storages["b"]->add(up("2"), {{1, 1}});
    cluster.states["b"].failing = true;
    const auto answer = cluster.bed->select(kUp).value();
    CHECK(answer.texts() == Texts{up_text("1")});
    CHECK(answer.warnings == Texts{"b: went away"});
    CHECK(cluster.bed->values("instance").value() == Texts{"1"});
    CHECK(cluster.bed->warnings() == Texts{"b: went away"});
    const model::QueryScope strict{.partial_response = false};
    CHECK(cluster.bed->select(kUp, strict).error().message() == "b: went away");
    CHECK(cluster.bed->names({}, strict).error().code() == base::Code::kUnavailable);
}

TEST_CASE("calls beyond the limit fail their query", "[storeapi]") {
    Cluster cluster({"b", "c"});
    PeersBed::Setup setup{.calls_max = 1};
    setup.open_node = [&](const std::string& address) -> std::unique_ptr<storeapi::Peer> {
        return local_node(address, cluster.states.at(address));
    };
    PeersBed bed(std::move(setup));
    bed.ask_nodes({"b"});
    CHECK(bed.select(kUp));
    CHECK(bed.select(kUp));
    bed.ask_nodes({"b", "c"});
    const auto refused = bed.select(kUp);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == base::Code::kLimit);
    bed.ask_nodes({"c"});
    CHECK(bed.select(kUp));
}

TEST_CASE("endpoints that cannot hold what is wanted are left out", "[storeapi]") {
    base::Registry registry;
    storeapi::PeerMetrics metrics(registry);
    storeapi::Endpoint endpoint{.address = "s:1",
                                .metrics = storeapi::EndpointMetrics(metrics, "s:1", "store")};
    endpoint.healthy = true;
    endpoint.facts = {.label_sets = {model::Labels{{"region", "eu"}, {"zone", "1"}},
                                     model::Labels{{"region", "us"}}},
                      .min_t = 100,
                      .max_t = 200};
    const auto asks = [&](const std::vector<Matched>& matched,
                          int64_t min_t,
                          int64_t max_t,
                          const model::QueryScope& scope = {}) {
        const auto matchers = matchers_of(matched);
        const auto choice =
            storeapi::choose({std::make_shared<const storeapi::Endpoint>(endpoint)},
                             scope,
                             {.matchers = matchers, .min_t = min_t, .max_t = max_t});
        CHECK((choice.asked.empty() || choice.missing.empty()));
        return !choice.asked.empty() || !choice.missing.empty();
    };
    CHECK(asks({}, 0, 100));
    CHECK_FALSE(asks({}, 0, 99));
    CHECK(asks({}, 200, 300));
    CHECK_FALSE(asks({}, 201, 300));
    CHECK(asks({equal("region", "eu")}, 0, 300));
    CHECK(asks({equal("region", "us")}, 0, 300));
    CHECK_FALSE(asks({equal("region", "asia")}, 0, 300));
    CHECK_FALSE(asks({{"region", thanos::LabelMatcher::MATCH_NOT_REGEX, "eu|us"}}, 0, 300));
    CHECK(asks({equal("region", "us"), equal("zone", "2")}, 0, 300));
    CHECK_FALSE(asks({equal("region", "eu"), equal("zone", "2")}, 0, 300));
    CHECK(asks({equal("other", "x")}, 0, 300));
    CHECK(asks({}, 0, 300, of_stores("s:1")));
    CHECK_FALSE(asks({}, 0, 300, of_stores("s:2")));
    // A node's series do not show its labels with dedup.
    endpoint.kind = PeerKind::kNode;
    CHECK(asks({equal("region", "asia")}, 0, 300));
    CHECK_FALSE(asks({equal("region", "asia")}, 0, 300, {.dedup = false}));
    // One that does not answer may hold later samples by now.
    endpoint.kind = PeerKind::kStore;
    endpoint.healthy = false;
    CHECK(asks({}, 201, 300));
    CHECK_FALSE(asks({equal("region", "asia")}, 0, 300));
    // And nothing is known of one without labels.
    endpoint.facts.label_sets.clear();
    CHECK(asks({equal("region", "asia")}, 0, 300));
}

TEST_CASE("an endpoint that does not answer holds up no other", "[storeapi]") {
    Cluster cluster({"b"});
    NodeState& slow = cluster.states["slow"];
    slow.storage = &cluster.own->queryable();
    slow.hang = true;
    REQUIRE(cluster.bed->endpoints().set(PeerKind::kNode, {"b", "slow"}));
    const auto last_check = [&] {
        for (const auto& endpoint : cluster.bed->endpoints().snapshot()) {
            if (endpoint->address == "b") {
                return endpoint->last_check_ms;
            }
        }
        return int64_t{0};
    };
    const int64_t before = last_check();
    while (last_check() <= before) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(cluster.bed->select(kUp).value().warnings ==
          Texts{"slow: not asked, has not answered yet"});
    // Taking it off the list does not wait for it either.
    REQUIRE(cluster.bed->endpoints().set(PeerKind::kNode, {"b"}));
    CHECK(cluster.bed->endpoints().snapshot().size() == 1);
}

TEST_CASE("an endpoint that does not answer at first is asked again soon", "[storeapi]") {
    NodeState state;
    state.down = true;
    const base::SystemClock clock;
    base::Registry registry;
    storeapi::PeerMetrics metrics(registry);
    storeapi::Endpoints endpoints(
        {.check_interval = std::chrono::hours(1), .retry_first = std::chrono::milliseconds(2)},
        {.clock = clock, .metrics = metrics, .open_node = [&](const std::string& address) {
             return local_node(address, state);
         }});
    REQUIRE(endpoints.set(PeerKind::kNode, {"b"}));
    const auto last_error = [&] { return endpoints.snapshot().front()->last_error; };
    while (last_error() != "connection refused") {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    state.down = false;
    while (!last_error().empty()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    CHECK(endpoints.snapshot().front()->healthy);
}

TEST_CASE("figures of endpoints go with them", "[storeapi]") {
    Cluster cluster({"b", "c"});
    CHECK(cluster.bed->select(kUp));
    const auto text = [&] {
        std::string out;
        cluster.bed->registry().write_text(out);
        return out;
    };
    CHECK(text().find(R"(skein_peer_up{address="b",kind="node"} 1)") != std::string::npos);
    CHECK(text().find(R"(skein_peer_calls_total{address="c",kind="node"} 1)") != std::string::npos);
    CHECK(text().find("skein_peer_calls 0") != std::string::npos);
    cluster.bed->ask_nodes({"c"});
    CHECK(text().find(R"(address="b")") == std::string::npos);
}

TEST_CASE("parts of a query are pushed down when everybody can take them", "[storeapi]") {
    Cluster cluster({"b", "c"});
    cluster.own->add(up("1"), {{1, 1}});
    cluster.own->add(up("2"), {{1, 1}});
    cluster.storages["b"]->add(up("2"), {{1, 2}});
    cluster.storages["b"]->add(up("3"), {{1, 2}});
    cluster.storages["c"]->add(up("4"), {{1, 2}});
    cluster.states["b"].partial = {.series = {7}, .warnings = {"cold"}, .samples_read = 3};
    const auto open = [&](const model::QueryScope& scope) {
        static std::vector<std::shared_ptr<model::Queryable>> kept;
        kept.push_back(cluster.bed->peers().queryable(scope));
        return kept.back()->querier(INT64_MIN, INT64_MAX).value();
    };
    model::Fragment fragment{.query = "sum(up)", .matchers = matchers_of(kUp)};
    CHECK(open({.dedup = false})->push_down() == nullptr);
    CHECK(open({.replica_labels = {"r"}})->push_down() == nullptr);
    CHECK(open({.local = true})->push_down() == nullptr);
    {
        const auto querier = open({});
        model::PushDown* const down = querier->push_down();
        REQUIRE(down != nullptr);
        CHECK(down->possible(fragment));
        auto answers = down->ask(fragment, cluster.bed->context).value();
        REQUIRE(answers.size() == 2);
        const auto first = answers[0]->wait().value();
        CHECK(first.samples_read == 3);
        CHECK(first.warnings == Texts{"b: cold"});
        CHECK(answers[1]->wait().value().series.empty());
        CHECK(down->own()
                  .label_values("instance", {}, fragment.matchers, cluster.bed->context)
                  .value() == Texts{"1", "2"});
        std::vector<uint64_t> hashes{up("2").stable_hash(), up("4").stable_hash()};
        std::ranges::sort(hashes);
        const auto set =
            down->select_only({}, fragment.matchers, hashes, cluster.bed->context).value();
        const auto answer = read_all(*set).value();
        CHECK(answer.texts() == Texts{up_text("2"), up_text("4")});
        CHECK(answer.series[0].chunk_texts() == Texts{"1..1@0", "1..1@1"});
        cluster.states["b"].failing = true;
        auto failing = down->ask(fragment, cluster.bed->context).value();
        CHECK(failing[0]->wait().value().warnings == Texts{"b: went away"});
        const auto strict = open({.partial_response = false});
        auto refused = strict->push_down()->ask(fragment, cluster.bed->context).value();
        CHECK(refused[0]->wait().error().code() == base::Code::kUnavailable);
    }
    const auto possible = [&] {
        const auto querier = open({});
        return querier->push_down()->possible(fragment);
    };
    cluster.states["c"].fragments = false;
    CHECK_FALSE(possible());
    cluster.bed->ask_nodes({"b"});
    CHECK(possible());
    cluster.bed->ask_nodes({"b", "c"});
    cluster.states["c"].fragments = true;
    CHECK(possible());
    cluster.states["c"].down = true;
    cluster.wait_health("c", false);
    CHECK_FALSE(possible());
}
