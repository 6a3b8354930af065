#include "scrape/negotiate.h"

#include <catch2/catch.hpp>

using scrape::EscapingScheme;
using scrape::Format;
using scrape::ScrapeProtocol;

TEST_CASE("the accept header is Prometheus' without protobuf", "[scrape][negotiate]") {
    const std::vector<ScrapeProtocol> standard = {ScrapeProtocol::kOpenMetricsText1_0_0,
                                                  ScrapeProtocol::kOpenMetricsText0_0_1,
                                                  ScrapeProtocol::kPrometheusText1_0_0,
                                                  ScrapeProtocol::kPrometheusText0_0_4};
    const std::string want =
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
        "application/openmetrics-text;version=0.0.1;q=0.5,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
        "text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
    CHECK(scrape::accept_header(standard, EscapingScheme::kAllowUtf8).value() == want);
    auto with_proto = standard;
    with_proto.insert(with_proto.begin(), ScrapeProtocol::kPrometheusProto);
    CHECK(scrape::accept_header(with_proto, EscapingScheme::kAllowUtf8).value() == want);
    const auto only =
        scrape::accept_header({ScrapeProtocol::kPrometheusProto}, EscapingScheme::kUnderscores);
    REQUIRE_FALSE(only);
    CHECK(only.error().code() == base::Code::kUnsupported);
}

TEST_CASE("the content type chooses the parser; the fallback is for what is none",
          "[scrape][negotiate]") {
    CHECK(scrape::choose_format("text/plain; version=0.0.4", {}).value() == Format::kText);
    CHECK(scrape::choose_format("Text/Plain", {}).value() == Format::kText);
    CHECK(scrape::choose_format("application/openmetrics-text; version=9", {}).value() ==
          Format::kOpenMetrics);
    CHECK(scrape::choose_format("", ScrapeProtocol::kPrometheusText0_0_4).value() == Format::kText);
    CHECK(scrape::choose_format("text/html", ScrapeProtocol::kOpenMetricsText1_0_0).value() ==
          Format::kOpenMetrics);
    CHECK_FALSE(scrape::choose_format("", {}));
    CHECK_FALSE(scrape::choose_format("text/html", {}));
    CHECK_FALSE(scrape::choose_format("nonsense", {}));
    CHECK_FALSE(scrape::choose_format("application/vnd.google.protobuf", {}));
}

TEST_CASE("the timeout header is in seconds", "[scrape][negotiate]") {
    CHECK(scrape::timeout_header(std::chrono::seconds(10)) == "10");
    CHECK(scrape::timeout_header(std::chrono::milliseconds(500)) == "0.5");
}
