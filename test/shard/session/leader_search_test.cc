#include "shard/session/leader_search.h"

#include <catch2/catch.hpp>

#include "shard/session/worker.h"

using namespace shard;
using namespace std::chrono_literals;

namespace {

KnownNode node(const std::string& address, bool voter = false) {
    return {.address = address, .voter = voter};
}

struct Searching {
    explicit Searching(std::vector<std::string> join) { options.join = std::move(join); }

    std::vector<std::string> next(size_t count) {
        std::vector<std::string> asked;
        for (size_t i = 0; i < count; ++i) {
            asked.push_back(search.next());
        }
        return asked;
    }

    // Asks all of a round in vain; the wait before the next one.
    std::chrono::milliseconds fail_round(size_t size) {
        for (size_t i = 1; i < size; ++i) {
            static_cast<void>(search.next());
            static_cast<void>(search.failed());
        }
        static_cast<void>(search.next());
        return search.failed();
    }

    WorkerOptions options;
    base::SeededRandom random{1};
    LeaderSearch search{"self", options, random};
};

using Names = std::vector<std::string>;

TEST_CASE("a round has voters and the list, this node and one of the others", "[shard][search]") {
    Searching at({"a", "self", "b"});
    at.search.know({node("n1"), node("v", true), node("a", true), node("self"), node("n2")});
    CHECK(at.next(5) == Names{"v", "a", "b", "self", "n1"});
    // The second one of the nodes is a voter, and the third one; the fourth is this one.
    CHECK(at.next(4) == Names{"v", "a", "b", "self"});
    CHECK(at.next(4) == Names{"v", "a", "b", "self"});
    CHECK(at.next(4) == Names{"v", "a", "b", "self"});
    CHECK(at.next(5) == Names{"v", "a", "b", "self", "n2"});
    CHECK(at.next(5) == Names{"v", "a", "b", "self", "n1"});
}

TEST_CASE("a node that is in no cluster and no list does not ask itself", "[shard][search]") {
    Searching at({"a", "b"});
    CHECK(at.next(4) == Names{"a", "b", "a", "b"});
    at.search.know({node("self")});
    CHECK(at.next(3) == Names{"a", "b", "self"});
}

TEST_CASE("without an address nobody is asked, until somebody is known", "[shard][search]") {
    Searching at({});
    CHECK(at.search.next().empty());
    at.search.know({node("n")});
    CHECK(at.search.next() == "n");
}

TEST_CASE("who is named is asked next, and then the round goes on", "[shard][search]") {
    Searching at({"a", "b", "c"});
    CHECK(at.search.next() == "a");
    at.search.prefer("x");
    CHECK(at.next(3) == Names{"x", "b", "c"});
    at.search.prefer("x");
    at.search.prefer("y");
    CHECK(at.next(2) == Names{"y", "a"});
}

TEST_CASE("a leader that was found begins a new round", "[shard][search]") {
    Searching at({"a", "b", "c"});
    CHECK(at.next(2) == Names{"a", "b"});
    at.search.found();
    CHECK(at.next(3) == Names{"a", "b", "c"});
}

TEST_CASE("waits within a round are short, and after each longer than after the one before",
          "[shard][search]") {
    Searching at({"a", "b"});
    at.options.retry_least = at.options.retry_max = 3s;
    for (const auto most : {500ms, 1000ms, 2000ms, 3000ms, 3000ms}) {
        CAPTURE(most.count());
        CHECK(at.search.next() == "a");
        const auto within = at.search.failed();
        CHECK(within >= 50ms);
        CHECK(within <= 100ms);
        CHECK(at.search.next() == "b");
        const auto after = at.search.failed();
        CHECK(after >= most / 2);
        CHECK(after <= most);
    }
    at.search.found();
    CHECK(at.fail_round(2) <= 500ms);
}

TEST_CASE("the longest wait grows with the nodes there are", "[shard][search]") {
    const auto longest = [](size_t nodes) {
        Searching at({});
        std::vector<KnownNode> known(nodes, node("n"));
        at.search.know(known);
        std::chrono::milliseconds most{0};
        for (int i = 0; i < 200; ++i) {
            most = std::max(most, at.fail_round(1));
        }
        return most;
    };
    const auto about = [](std::chrono::milliseconds wait, std::chrono::milliseconds most) {
        return wait <= most && wait > most * 9 / 10;
    };
    CHECK(about(longest(3), 1000ms));
    CHECK(about(longest(200), 1000ms));
    CHECK(about(longest(400), 2000ms));
    CHECK(about(longest(4000), 5000ms));
}

TEST_CASE("redirections are followed at once, but not for ever", "[shard][search]") {
    Searching at({"a", "b"});
    for (uint32_t i = 0; i < LeaderSearch::kRedirectsMax; ++i) {
        CHECK(at.search.redirected("x") == 0ms);
        CHECK(at.search.next() == "x");
    }
    CHECK(at.search.redirected("y") > 0ms);
    CHECK(at.search.next() == "y");
    at.search.found();
    CHECK(at.search.redirected("x") == 0ms);
}

}  // namespace
