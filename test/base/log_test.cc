#include "base/log.h"

#include <thread>

#include <catch2/catch.hpp>

#include "base/json_read.h"
#include "base/rate_limit.h"
#include "test/support/capture_sink.h"
#include "test/support/fake_clock.h"

using base::LogFormat;
using base::Logger;
using base::LogLevel;

namespace {

struct Fixture {
    explicit Fixture(LogFormat format = LogFormat::kLogfmt, LogLevel level = LogLevel::kInfo)
        : backend(sink, clock, format, level) {}

    // The last line, without what depends on the line number of this file.
    [[nodiscard]] std::string last() const {
        std::string line = sink.lines().back();
        const size_t from = line.find("log_test.cc:") + std::string("log_test.cc").size();
        line.erase(from, line.find_first_not_of("0123456789", from + 1) - from);
        return line;
    }

    test_support::FakeClock clock;
    test_support::CaptureSink sink;
    base::LogBackend backend;
};

}  // namespace

TEST_CASE("an event is one logfmt line", "[base][log]") {
    Fixture fixture;
    const Logger log = Logger(fixture.backend).with("component", "scrape");
    log.info("scrape failed",
             "target",
             "a b",
             "count",
             -3,
             "size",
             7U,
             "ratio",
             0.25,
             "good",
             true,
             "took",
             std::chrono::milliseconds(1500),
             "error",
             base::Error(base::Code::kIo, "read \"x\": gone"));
    CHECK(fixture.last() ==
          "time=2026-01-02T03:04:05.678Z level=INFO source=log_test.cc msg=\"scrape failed\" "
          "component=scrape target=\"a b\" count=-3 size=7 ratio=0.25 good=true took=1.5s "
          "error=\"read \\\"x\\\": gone\"\n");
}

TEST_CASE("an event is one JSON line", "[base][log]") {
    Fixture fixture(LogFormat::kJson);
    Logger(fixture.backend).with("component", "x").warn("two\nlines", "nan", 0.0 / 0.0, "n", 1.5);
    CHECK(fixture.last() ==
          "{\"time\":\"2026-01-02T03:04:05.678Z\",\"level\":\"WARN\",\"source\":\"log_test.cc\","
          "\"msg\":\"two\\nlines\",\"component\":\"x\",\"nan\":\"NaN\",\"n\":1.5}\n");
    CHECK(base::parse_json(fixture.sink.lines().back()).has_value());
}

TEST_CASE("values that would break a logfmt line are quoted", "[base][log]") {
    Fixture fixture;
    const Logger log(fixture.backend);
    const auto check = [&](std::string_view value, const std::string& want) {
        log.info("m", "k", value);
        CHECK(fixture.last().ends_with(" k=" + want + "\n"));
    };
    check("plain-1.2/x", "plain-1.2/x");
    check("", "\"\"");
    check("a=b", "\"a=b\"");
    check("a\nb", "\"a\\nb\"");
    check("\xff", "\"\\ufffd\"");
    check("grün", "grün");
    check("a\\b", "\"a\\\\b\"");
}

TEST_CASE("levels below the set one cost no line, and the level may change", "[base][log]") {
    Fixture fixture;
    const Logger log(fixture.backend);
    log.debug("quiet");
    CHECK(fixture.sink.lines().empty());
    fixture.backend.set_level(LogLevel::kDebug);
    log.debug("loud");
    CHECK(fixture.sink.lines().size() == 1);
    fixture.backend.set_level(LogLevel::kError);
    log.warn("quiet again");
    CHECK(fixture.sink.lines().size() == 1);
    Logger().error("a default logger discards");
    CHECK(base::parse_log_level("warn").value() == LogLevel::kWarn);
    CHECK(base::parse_log_level("loud").has_error());
    CHECK(base::parse_log_format("json").value() == LogFormat::kJson);
    CHECK(base::parse_log_format("xml").has_error());
}

TEST_CASE("lines of many threads do not mix", "[base][log]") {
    Fixture fixture;
    const Logger log(fixture.backend);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&log, thread] {
            for (int i = 0; i < 200; ++i) {
                log.with("thread", thread).info("event", "i", i);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const auto lines = fixture.sink.lines();
    CHECK(lines.size() == 800);
    for (const std::string& line : lines) {
        REQUIRE(line.find('\n') == line.size() - 1);
    }
}

TEST_CASE("a rate limit lets one through per interval and counts the rest", "[base][log]") {
    test_support::FakeClock clock;
    base::RateLimit limit(std::chrono::seconds(10));
    CHECK(limit.pass(clock.steady()) == std::optional<uint64_t>(0));
    CHECK_FALSE(limit.pass(clock.steady()).has_value());
    clock.advance(std::chrono::seconds(9));
    CHECK_FALSE(limit.pass(clock.steady()).has_value());
    clock.advance(std::chrono::seconds(1));
    CHECK(limit.pass(clock.steady()) == std::optional<uint64_t>(2));
    CHECK_FALSE(limit.pass(clock.steady()).has_value());
}
