#include <catch2/catch.hpp>

#include "shard/answers/answers.h"
#include "shard/target_text.h"
#include "test/shard/answers/view.h"

using namespace shard;
using namespace std::chrono_literals;
using test::array_at;
using test::Cluster;
using test::number_at;
using test::read_json;
using test::text_at;
using test::view_of;

namespace {

void discover(Cluster& cluster, model::TargetId first, model::TargetId last, uint64_t series) {
    for (model::TargetId id = first; id <= last; ++id) {
        cluster.discover(id, series);
    }
}

base::Result<Reply> ask(const ClusterView& view,
                        const char* what,
                        const Parameters& parameters = {}) {
    TRY(Finish finish, look(view, what, parameters));
    return finish();
}

Reply answered(const ClusterView& view, const char* what, const Parameters& parameters = {}) {
    auto reply = ask(view, what, parameters);
    INFO((reply ? "" : reply.error().message()));
    REQUIRE(reply);
    return std::move(reply).value();
}

base::Error refused(const ClusterView& view, const char* what, const Parameters& parameters = {}) {
    auto reply = ask(view, what, parameters);
    REQUIRE(!reply);
    return reply.error();
}

}  // namespace

TEST_CASE("the status names leader, figures and nodes", "[shard][answers]") {
    Cluster cluster(3);
    discover(cluster, 1, 6, 9'000);
    cluster.node(3).flags = kNodeReadOnly;
    cluster.pass(20s);
    const Reply reply = answered(view_of(cluster), "status");
    CHECK(reply.warnings.empty());
    const auto status = read_json(reply.json);
    CHECK(text_at(status, "cluster_id") == "cluster");
    CHECK(text_at(status, "leader") == "n1");
    CHECK(number_at(status, "term") == 1);
    CHECK(number_at(status, "targets") == 6);
    CHECK(number_at(status, "moves_in_flight") == 0);
    CHECK(number_at(status, "needed_nodes") == 2);
    const auto nodes = array_at(status, "nodes");
    REQUIRE(nodes.size() == 3);
    CHECK(text_at(nodes[0], "id") == "n1");
    CHECK(text_at(nodes[0], "address") == "n1:1");
    CHECK(text_at(nodes[0], "state") == "live");
    CHECK(text_at(nodes[0], "role") == "leader");
    CHECK(text_at(nodes[1], "role") == "voter");
    CHECK(text_at(nodes[2], "role") == "learner");
    CHECK(number_at(nodes[0], "targets") == 3);
    CHECK(number_at(nodes[0], "series_budget") == 30'000);
    CHECK(text_at(nodes[0], "problem").empty());
    CHECK(text_at(nodes[2], "problem").find("disk is full") != std::string::npos);
}

TEST_CASE("what people wanted of a node shows as its state", "[shard][answers]") {
    Cluster cluster(3);
    discover(cluster, 1, 6, 100);
    cluster.pass(70s);
    static_cast<void>(cluster.table.apply(encode(SetAdmin{.node = 2, .admin = Admin::kDraining})));
    cluster.node(3).kill();
    cluster.pass(3s);
    const auto nodes = *read_json(answered(view_of(cluster), "nodes").json).array();
    CHECK(text_at(nodes[1], "state") == "draining");
    CHECK(text_at(nodes[1], "admin") == "draining");
    CHECK(text_at(nodes[1], "life") == "live");
    CHECK(text_at(nodes[2], "state") == "suspect");
}

TEST_CASE("without a leader a member tells what it last knew, with a warning", "[shard][answers]") {
    Cluster cluster(2);
    discover(cluster, 1, 2, 100);
    cluster.pass(5s);
    const ClusterView view = view_of(cluster, false);
    const Reply reply = answered(view, "status");
    REQUIRE(reply.warnings.size() == 1);
    CHECK(reply.warnings[0] == "no leader answers: this is what node n1 last knew");
    CHECK(text_at(array_at(read_json(reply.json), "nodes").at(1), "state") == "unknown");
    CHECK(answered(view, "targets").warnings.size() == 1);
    for (const char* what : {"plan", "history", "simulate"}) {
        CAPTURE(what);
        CHECK(needs_leader(what));
        CHECK(refused(view,
                      what,
                      std::string(what) == "simulate" ? Parameters{{"add", "1"}} : Parameters{})
                  .code() == base::Code::kUnavailable);
    }
}

TEST_CASE("a worker without a leader knows the nodes and its own targets", "[shard][answers]") {
    Cluster cluster(2);
    discover(cluster, 1, 4, 100);
    cluster.pass(5s);
    ClusterView view{.cluster_id = "cluster",
                     .self_id = "n2",
                     .known = cluster.node(2).worker->nodes(),
                     .holds = &cluster.node(2).worker->holds()};
    const auto nodes = *read_json(answered(view, "nodes").json).array();
    REQUIRE(nodes.size() == 2);
    CHECK(text_at(nodes[1], "id") == "n2");
    CHECK(text_at(nodes[1], "state") == "unknown");
    const auto targets = *read_json(answered(view, "targets").json).array();
    REQUIRE(targets.size() == 2);
    CHECK(*array_at(targets[0], "owners").at(0).string() == "n2");
}

TEST_CASE("targets have owners, series and health, and can be filtered", "[shard][answers]") {
    Cluster cluster(2);
    discover(cluster, 1, 3, 700);
    cluster.discover(4, 50, "other");
    cluster.targets.at(2).up = false;
    cluster.pass(20s);
    const auto view = view_of(cluster);
    const auto all = *read_json(answered(view, "targets").json).array();
    REQUIRE(all.size() == 4);
    CHECK(text_at(all[0], "id") == target_text(1));
    CHECK(text_at(all[0], "job") == "job");
    CHECK(text_at(all[0], "url") == "http://t1/metrics");
    CHECK(text_at(all[0], "health") == "up");
    CHECK(number_at(all[0], "series") == 700);
    CHECK(array_at(all[0], "owners").size() == 1);
    CHECK(all[0].find("moving_to")->is_null());
    const auto count = [&](const Parameters& parameters) {
        return read_json(answered(view, "targets", parameters).json).array()->size();
    };
    CHECK(count({{"job", "other"}}) == 1);
    CHECK(count({{"state", "down"}}) == 1);
    CHECK(count({{"state", "up"}}) == 3);
    CHECK(count({{"state", "moving"}}) == 0);
    CHECK(count({{"search", "//t4"}}) == 1);
    CHECK(count({{"id", target_text(3)}}) == 1);
    CHECK(count({{"id", target_text(9)}}) == 0);
    CHECK(count({{"node", "n1"}}) + count({{"node", "n2"}}) == 4);
    const Reply cut = answered(view, "targets", {{"limit", "3"}});
    CHECK(read_json(cut.json).array()->size() == 3);
    REQUIRE(cut.warnings.size() == 1);
    CHECK(cut.warnings[0].find("more than 3") != std::string::npos);
    CHECK(answered(view, "targets", {{"limit", "4"}}).warnings.empty());
    CHECK(refused(view, "targets", {{"node", "n9"}}).message() ==
          "there is no node \"n9\"; there are: n1, n2");
    CHECK(refused(view, "targets", {{"state", "odd"}}).code() == base::Code::kInvalid);
    CHECK(refused(view, "targets", {{"id", "xyz"}}).code() == base::Code::kInvalid);
}

TEST_CASE("who stands in for a silent node and where a target moves is told", "[shard][answers]") {
    Cluster cluster(3);
    discover(cluster, 1, 6, 100);
    cluster.pass(70s);
    cluster.node(3).kill();
    cluster.pass(3s);
    const auto standing =
        *read_json(answered(view_of(cluster), "targets", {{"state", "standing_in"}}).json).array();
    REQUIRE(standing.size() == 2);
    CHECK(*array_at(standing[0], "owners").at(0).string() == "n3");
    CHECK(array_at(standing[0], "standing_in").size() == 1);
    const size_t from = cluster.scrapers(1).at(0);
    const NodeNumber to = from == 1 ? 2 : 1;
    static_cast<void>(cluster.table.apply(encode(
        EditPlan{.expected = cluster.table.epoch(), .edits = {StartMove{.target = 1, .to = to}}})));
    const auto moving =
        *read_json(answered(view_of(cluster), "targets", {{"state", "moving"}}).json).array();
    REQUIRE(moving.size() == 1);
    CHECK(text_at(moving[0], "moving_to") == "n" + std::to_string(to));
}

TEST_CASE("a plan is explained and not carried out", "[shard][answers]") {
    Cluster cluster(2);
    cluster.pass(5s);
    discover(cluster, 1, 2, 100);
    cluster.pass(5s);
    static_cast<void>(cluster.table.apply(encode(SetAdmin{.node = 1, .admin = Admin::kDraining})));
    const Epoch epoch = cluster.table.epoch();
    const Reply reply = answered(view_of(cluster), "plan");
    const auto plan = read_json(reply.json);
    CHECK(number_at(plan, "epoch") == static_cast<double>(epoch));
    CHECK(number_at(plan, "moves_total") == 1);
    const auto move = array_at(plan, "moves").at(0);
    CHECK(text_at(move, "from") == "n1");
    CHECK(text_at(move, "to") == "n2");
    CHECK(text_at(move, "reason") == "drain");
    CHECK(text_at(move, "why") == "the old node is drained");
    CHECK(text_at(*move.find("target"), "job") == "job");
    CHECK(number_at(move, "to_after") > number_at(move, "to_before"));
    CHECK(cluster.table.epoch() == epoch);
    const Reply cut = answered(view_of(cluster), "plan", {{"full", "1"}, {"limit", "0"}});
    CHECK(array_at(read_json(cut.json), "moves").empty());
    CHECK(cut.warnings.size() == 1);
}

TEST_CASE("the history is told newest first", "[shard][answers]") {
    Cluster cluster(2);
    discover(cluster, 1, 4, 100);
    cluster.pass(5s);
    const auto view = view_of(cluster);
    const auto events = *read_json(answered(view, "history").json).array();
    REQUIRE(events.size() >= 7);
    CHECK(text_at(events.back(), "kind") == "leads");
    CHECK(number_at(events[0], "number") > number_at(events[1], "number"));
    CHECK(read_json(answered(view, "history", {{"limit", "2"}}).json).array()->size() == 2);
    CHECK(read_json(answered(view, "history", {{"kind", "placed"}}).json).array()->size() == 4);
    const auto n1 = *read_json(answered(view, "history", {{"node", "n1"}}).json).array();
    CHECK(n1.size() < events.size());
    CHECK(!n1.empty());
    const std::string now = std::to_string(cluster.clock.now_ms() / 1000 + 1);
    CHECK(read_json(answered(view, "history", {{"since", now}}).json).array()->empty());
    CHECK(refused(view, "history", {{"kind", "odd"}}).message().find("move_begun") !=
          std::string::npos);
    CHECK(refused(view, "history", {{"node", "n7"}}).code() == base::Code::kNotFound);
}

TEST_CASE("a simulation tells loads after it", "[shard][answers]") {
    Cluster cluster(2);
    discover(cluster, 1, 8, 1'000);
    cluster.pass(70s);
    const auto view = view_of(cluster);
    const auto trial = read_json(answered(view, "simulate", {{"add", "2"}}).json);
    const auto nodes = array_at(trial, "nodes");
    REQUIRE(nodes.size() == 4);
    CHECK(text_at(nodes[2], "id") == "new-1");
    CHECK(number_at(nodes[2], "series_after") == 2'000);
    CHECK(number_at(nodes[0], "series_before") == 4'000);
    CHECK(array_at(trial, "moves").size() == 4);
    const auto grown =
        read_json(answered(view, "simulate", {{"grow", "job"}, {"factor", "10"}}).json);
    CHECK(number_at(grown, "needed_nodes") == 4);
    CHECK(array_at(grown, "over_budget").size() == 2);
    CHECK(refused(view, "simulate").message().find("say what to try") != std::string::npos);
    CHECK(refused(view, "simulate", {{"grow", "job"}}).message().find("factor") !=
          std::string::npos);
    CHECK(refused(view, "simulate", {{"drain", "n7"}}).code() == base::Code::kNotFound);
}

TEST_CASE("an unknown question or parameter is refused", "[shard][answers]") {
    Cluster cluster(1);
    cluster.pass(2s);
    CHECK(refused(view_of(cluster), "weather").code() == base::Code::kNotFound);
    CHECK(refused(view_of(cluster), "status", {{"a", "b"}}).code() == base::Code::kInvalid);
}
