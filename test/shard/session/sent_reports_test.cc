#include "shard/session/sent_reports.h"

#include <catch2/catch.hpp>

using namespace shard;
using namespace std::chrono_literals;

namespace {

constexpr base::SteadyTime kStart{1h};

TEST_CASE("reports are numbered from Hello, and known by when they were sent", "[shard][session]") {
    SentReports sent;
    CHECK_FALSE(sent.when(0));
    sent.begin(kStart);
    CHECK(sent.add(kStart + 1s) == 1);
    CHECK(sent.add(kStart + 2s) == 2);
    CHECK(sent.when(0) == kStart);
    CHECK(sent.when(2) == kStart + 2s);
    CHECK_FALSE(sent.when(1));  // an answer to an earlier one is of no use any more
    CHECK_FALSE(sent.when(3));  // never sent
    sent.begin(kStart + 1min);
    CHECK(sent.when(0) == kStart + 1min);
    CHECK(sent.add(kStart + 1min) == 1);
}

TEST_CASE("only the latest reports are remembered", "[shard][session]") {
    SentReports sent;
    sent.begin(kStart);
    for (size_t i = 1; i <= SentReports::kRemembered; ++i) {
        CHECK(sent.add(kStart + i * 1s) == i);
    }
    CHECK_FALSE(sent.when(0));
    CHECK(sent.when(1) == kStart + 1s);
    CHECK(sent.when(SentReports::kRemembered) == kStart + SentReports::kRemembered * 1s);
}

}  // namespace
