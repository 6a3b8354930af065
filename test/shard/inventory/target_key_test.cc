#include "shard/inventory/target_key.h"

#include <set>

#include <catch2/catch.hpp>

#include "test/shard/inventory/support.h"

using namespace shard;
using namespace shard::inventory_test;

// Worked out by another program: they must not change, for nodes of a cluster compare them.
TEST_CASE("a target's key is what it was in every version", "[shard][inventory]") {
    model::Target one;
    one.job = "node";
    CHECK(target_key(one) == 0xc76b72d5d8a06bfa);
    one.labels = {{"instance", "a:9100"}, {"job", "node"}};
    one.url = "http://a:9100/metrics";
    CHECK(target_key(one) == 0x68a031dd9debfd6b);

    model::Target app;
    app.job = "app";
    app.labels = {{"instance", "localhost"}};
    app.url = "http://localhost/metrics";
    app.unix_socket = "/run/app.sock";
    CHECK(target_key(app) == 0x9e13e62e3e5b2888);
}

TEST_CASE("a place's key is what it was in every version", "[shard][inventory]") {
    CHECK(place_key(target("node", "a:9100")) == 0x8b2f4a085555adbe);
}

TEST_CASE("job, labels, URL and unix socket make a target another one", "[shard][inventory]") {
    const model::Target one = target("a", "x");
    model::Target job = one;
    job.job = "b";
    model::Target labels = one;
    labels.labels = {{"instance", "x"}, {"job", "a"}, {"team", "db"}};
    model::Target url = one;
    url.url += "?probe=1";
    model::Target socket = one;
    socket.unix_socket = "/run/x.sock";
    const std::set<model::TargetId> keys{
        target_key(one), target_key(job), target_key(labels), target_key(url), target_key(socket)};
    CHECK(keys.size() == 5);
}

TEST_CASE("times, discovered labels and the node's own id leave the key as it is",
          "[shard][inventory]") {
    const model::Target one = target("a", "x");
    model::Target other = one;
    other.id = 5;
    other.interval = std::chrono::seconds(30);
    other.timeout = std::chrono::seconds(30);
    other.discovered = {};
    CHECK(target_key(other) == target_key(one));
}

TEST_CASE("a target's parts do not run into each other", "[shard][inventory]") {
    model::Target one;
    one.url = "ab";
    model::Target other;
    other.url = "a";
    other.unix_socket = "b";
    CHECK(target_key(one) != target_key(other));
    other = {};
    other.job = "ab";
    CHECK(target_key(one) != target_key(other));
}

TEST_CASE("a place is the job, the discovered address and the path", "[shard][inventory]") {
    const model::Target one = target("a", "x");
    const auto with = [&](auto edit) {
        model::Target other = one;
        edit(other);
        return place_key(other);
    };
    using Target = model::Target;
    CHECK(with([](Target& it) { it.labels = {{"team", "db"}}; }) == place_key(one));
    CHECK(with([](Target& it) { it.url = "https://gate:8080/metrics?target=x/y#z"; }) ==
          place_key(one));
    CHECK(with([](Target& it) { it.unix_socket = "/run/x.sock"; }) == place_key(one));
    CHECK(with([](Target& it) { it.url = "http://x/other"; }) != place_key(one));
    CHECK(with([](Target& it) { it.url = "http://x"; }) != place_key(one));
    CHECK(with([](Target& it) { it.url = "http://x?path=/metrics"; }) ==
          with([](Target& it) { it.url = "http://x"; }));
    CHECK(with([](Target& it) { it.job = "b"; }) != place_key(one));
    CHECK(with([](Target& it) { it.discovered = {{"__address__", "y"}}; }) != place_key(one));
    CHECK(with([](Target& it) { it.discovered = {{"job", "a"}}; }) == std::nullopt);
}
