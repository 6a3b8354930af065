#include "engine/notifications.h"

#include <catch2/catch.hpp>

#include "engine/notifications_api.h"
#include "test/support/fake_clock.h"

namespace {

using base::http::Request;
using base::http::Response;
using engine::Notice;
using engine::Notification;
using engine::Notifications;

struct Board {
    explicit Board(size_t subscribers_max = 16) : notifications(clock, registry, subscribers_max) {
        engine::register_notification_routes(router, notifications);
    }

    Response get(const std::string& path) {
        for (const auto& route : router.routes()) {
            if (route->pattern == "/api/v1/notifications" + path) {
                return std::get<base::http::Handler>(route->handler)(Request{}, {});
            }
        }
        FAIL("no such route " << path);
        return {};
    }

    test_support::FakeClock clock;
    base::Registry registry;
    Notifications notifications;
    base::http::Router router;
};

// What a stream has now, and whether more may come.
std::pair<std::string, bool> frame(const Response& response, const std::stop_token& stop = {}) {
    std::string out;
    const auto more = response.stream(out, stop);
    REQUIRE(more.has_value());
    return {out, more.value()};
}

size_t count(const std::string& text, std::string_view part) {
    size_t found = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

}  // namespace

TEST_CASE("live notifications begin with what is active and go on with changes",
          "[engine][notifications]") {
    Board board;
    board.notifications.raise(Notice::kStarting);
    const Response live = board.get("/live");
    CHECK(live.status == 200);
    CHECK(live.headers.get("Content-Type") == "text/event-stream");
    CHECK(!live.compress);
    const auto [first, more] = frame(live);
    CHECK(first.starts_with(R"(data: {"text":"Prometheus is starting and replaying)"));
    CHECK(first.ends_with("\"active\":true}\n\n"));
    CHECK(more);
    CHECK(frame(live) == std::pair(std::string(), true));

    board.notifications.clear(Notice::kReloadFailed);  // was not raised: no news
    CHECK(frame(live).first.empty());
    board.notifications.clear(Notice::kStarting);
    board.notifications.raise(Notice::kReloadFailed);
    const std::string second = frame(live).first;
    CHECK(count(second, "data: ") == 2);
    CHECK(second.find(R"("active":false)") < second.find("Configuration reload has failed."));
}

TEST_CASE("every subscriber of live notifications hears of all; more than allowed are turned away",
          "[engine][notifications]") {
    Board board(2);
    auto one = std::make_unique<Response>(board.get("/live"));
    const Response two = board.get("/live");
    const Response three = board.get("/live");
    CHECK(three.status == 204);
    CHECK(!three.stream);
    board.notifications.raise(Notice::kReloadFailed);
    CHECK(count(frame(*one).first, "data: ") == 1);
    CHECK(count(frame(two).first, "data: ") == 1);
    one.reset();  // gone: its place is free
    CHECK(board.get("/live").status == 200);
}

TEST_CASE("a subscriber that is slow gets the latest word on every notice, and no more",
          "[engine][notifications]") {
    Board board;
    const Response slow = board.get("/live");
    for (int i = 0; i < 1000; ++i) {
        board.notifications.raise(Notice::kReloadFailed);
        board.notifications.clear(Notice::kReloadFailed);
    }
    const std::string text = frame(slow).first;
    CHECK(count(text, "data: ") == 1);
    CHECK(count(text, R"("active":false)") == 1);
    std::string page;
    board.registry.write_text(page);
    CHECK_THAT(page,
               Catch::Matchers::Contains("prometheus_api_notification_updates_sent_total 2000\n"));
    CHECK_THAT(
        page,
        Catch::Matchers::Contains("prometheus_api_notification_updates_dropped_total 1999\n"));
    CHECK_THAT(page,
               Catch::Matchers::Contains("prometheus_api_notification_active_subscribers 1\n"));
}

TEST_CASE("live notifications end at a stop, after the last news", "[engine][notifications]") {
    Board board;
    const Response live = board.get("/live");
    board.notifications.raise(Notice::kStopping);
    board.notifications.end();
    const auto [text, more] = frame(live);
    CHECK_THAT(text, Catch::Matchers::Contains("shutting down"));
    CHECK(!more);
    CHECK(board.get("/live").status == 204);
    CHECK_THAT(board.get("").body, Catch::Matchers::Contains("shutting down"));
}

TEST_CASE("a client that asks no more ends its live notifications", "[engine][notifications]") {
    Board board;
    const Response live = board.get("/live");
    std::stop_source stop;
    CHECK(frame(live, stop.get_token()).second);
    stop.request_stop();
    CHECK(!frame(live, stop.get_token()).second);
}
