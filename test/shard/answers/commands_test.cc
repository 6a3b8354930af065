#include "shard/answers/commands.h"

#include <catch2/catch.hpp>

#include "shard/target_text.h"
#include "test/shard/answers/view.h"

using namespace shard;
using namespace std::chrono_literals;
using test::Cluster;
using test::view_of;
using Kind = Command::Kind;

namespace {

struct Made {
    Cluster cluster{3};

    Made() {
        for (model::TargetId id = 1; id <= 6; ++id) {
            cluster.discover(id, 100);
        }
        cluster.pass(70s);
    }

    base::Result<Command> make(const char* what, const Parameters& parameters = {}) {
        return make_command(view_of(cluster), what, parameters, cluster.clock.now_ms());
    }

    Command made(const char* what, const Parameters& parameters = {}) {
        auto command = make(what, parameters);
        INFO((command ? "" : command.error().message()));
        REQUIRE(command);
        CHECK(!command.value().done.empty());
        return std::move(command).value();
    }

    std::string refused(const char* what, const Parameters& parameters = {}) {
        auto command = make(what, parameters);
        REQUIRE(!command);
        return command.error().message();
    }

    void apply(const Edit& edit) { REQUIRE(cluster.table.apply(encode(edit)).applied); }
};

}  // namespace

TEST_CASE("pausing twice is nothing the second time", "[shard][answers]") {
    Made at;
    const Command pause = at.made("pause");
    CHECK(std::get<Pause>(pause.edit).paused);
    at.apply(pause.edit);
    CHECK(at.made("pause").kind == Kind::kNothing);
    CHECK(!std::get<Pause>(at.made("resume").edit).paused);
}

TEST_CASE("draining names the node, and the last one is not drained", "[shard][answers]") {
    Made at;
    const auto drain = std::get<SetAdmin>(at.made("drain", {{"node", "n2"}}).edit);
    CHECK(drain.node == 2);
    CHECK(drain.admin == Admin::kDraining);
    CHECK(at.refused("drain", {{"node", "n7"}}) ==
          "there is no node \"n7\"; there are: n1, n2, n3");
    CHECK(at.refused("drain") == "say which node, with node=ID; there are: n1, n2, n3");
    at.apply(SetAdmin{.node = 1, .admin = Admin::kDraining});
    at.apply(SetAdmin{.node = 2, .admin = Admin::kDraining});
    CHECK(at.made("drain", {{"node", "n1"}}).kind == Kind::kNothing);
    CHECK(at.refused("drain", {{"node", "n3"}}).find("last one") != std::string::npos);
    CHECK(std::get<SetAdmin>(at.made("undrain", {{"node", "n1"}}).edit).admin == Admin::kActive);
    CHECK(at.made("undrain", {{"node", "n3"}}).kind == Kind::kNothing);
}

TEST_CASE("maintenance has an end", "[shard][answers]") {
    Made at;
    const auto edit =
        std::get<SetAdmin>(at.made("drain", {{"node", "n2"}, {"maintenance", "30m"}}).edit);
    CHECK(edit.admin == Admin::kMaintenance);
    CHECK(edit.maintenance_until_ms == at.cluster.clock.now_ms() + 1'800'000);
    CHECK(at.refused("drain", {{"node", "n2"}, {"maintenance", "soon"}}).find("duration") !=
          std::string::npos);
    CHECK(at.refused("drain", {{"node", "n2"}, {"maintenance", "31d"}}).find("30d") !=
          std::string::npos);
}

TEST_CASE("a target is moved to a node that has it not", "[shard][answers]") {
    Made at;
    const size_t from = at.cluster.scrapers(1).at(0);
    const std::string there = "n" + std::to_string(from);
    const std::string other = "n" + std::to_string(from % 3 + 1);
    const Command move = at.made("move", {{"target", target_text(1)}, {"to", other}});
    const auto& plan = std::get<EditPlan>(move.edit);
    CHECK(plan.expected == 0);
    CHECK(std::get<StartMove>(plan.edits.at(0)).to == from % 3 + 1);
    CHECK(at.made("move", {{"target", target_text(1)}, {"to", there}}).kind == Kind::kNothing);
    CHECK(at.refused("move", {{"target", target_text(99)}, {"to", other}}).find("no target") !=
          std::string::npos);
    CHECK(at.refused("move", {{"target", target_text(1)}, {"to", other}, {"slot", "1"}})
              .find("no slot 1") != std::string::npos);
    at.apply(SetAdmin{.node = static_cast<NodeNumber>(from % 3 + 1), .admin = Admin::kDraining});
    CHECK(at.refused("move", {{"target", target_text(1)}, {"to", other}}).find("undrain it") !=
          std::string::npos);
    bool applied = false;
    at.apply(SetAdmin{.node = static_cast<NodeNumber>(from % 3 + 1), .admin = Admin::kActive});
    at.cluster.leader_part->edit(move.edit, [&](const base::Result<EditAnswer>& answer) {
        applied = answer && answer.value().applied;
    });
    at.cluster.deliver();
    CHECK(applied);  // of whatever epoch the table has
    CHECK(at.refused("move",
                     {{"target", target_text(1)}, {"to", "n" + std::to_string((from + 1) % 3 + 1)}})
              .find("moving already") != std::string::npos);
}

TEST_CASE("only who votes is to lead", "[shard][answers]") {
    Made at;
    CHECK(at.made("transfer").to == kNoNode);
    CHECK(at.made("transfer", {{"to", "n2"}}).to == 2);
    CHECK(at.made("transfer", {{"to", "n1"}}).kind == Kind::kNothing);
    CHECK(at.refused("transfer", {{"to", "n3"}}) ==
          "node n3 does not vote and cannot lead; voters are: n1, n2");
}

TEST_CASE("a node is removed when it is drained and gone", "[shard][answers]") {
    Made at;
    CHECK(at.refused("remove", {{"node", "n3"}}).find("not drained yet") != std::string::npos);
    at.apply(SetAdmin{.node = 3, .admin = Admin::kDraining});
    at.cluster.pass(60s);
    CHECK(at.refused("remove", {{"node", "n3"}}).find("stop it first") != std::string::npos);
    at.cluster.node(3).kill();
    at.cluster.pass(3s);
    const Command remove = at.made("remove", {{"node", "n3"}});
    CHECK(std::get<RemoveNode>(remove.edit).node == 3);
    at.apply(remove.edit);
}

TEST_CASE("a plan is carried out by command", "[shard][answers]") {
    Made at;
    CHECK(at.made("plan/apply").kind == Kind::kApplyPlan);
    CHECK(!at.made("plan/apply").full);
    CHECK(at.made("plan/apply", {{"full", "1"}}).full);
    CHECK(at.refused("plan/apply", {{"ful", "1"}}).find("there are: full") != std::string::npos);
}

TEST_CASE("who does not lead changes nothing", "[shard][answers]") {
    Made at;
    for (const char* what :
         {"pause", "resume", "drain", "undrain", "move", "transfer", "remove", "plan/apply"}) {
        CAPTURE(what);
        CHECK(is_command(what));
        const auto command = make_command(view_of(at.cluster, false), what, {}, 0);
        REQUIRE(!command);
        CHECK(command.error().code() == base::Code::kUnavailable);
    }
    CHECK(!is_command("plan"));
}
