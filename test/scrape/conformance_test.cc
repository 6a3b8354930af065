// Pages that must parse, from the conformance data beside the source tree (absent: skipped).
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include <catch2/catch.hpp>

#include "scrape/parse/parser.h"
#include "test/support/skip.h"

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::optional<std::string> problem(scrape::Format format, const std::string& page) {
    const auto parser = scrape::make_parser(format, page);
    scrape::SeriesLabels labels;
    while (true) {
        const auto kind = parser->next();
        if (kind == scrape::EntryKind::kEnd) {
            return std::nullopt;
        }
        if (kind == scrape::EntryKind::kError) {
            return parser->error().message();
        }
        if (kind == scrape::EntryKind::kSeries) {
            if (const auto status = parser->labels(labels); !status) {
                return status.error().message();
            }
        }
    }
}

}  // namespace

TEST_CASE("exposition pages of the conformance data parse", "[scrape][conformance]") {
    const fs::path folder = "../shared/conformance/exposition";
    if (!fs::exists(folder)) {
        SKEIN_SKIP("the conformance data is not beside the source tree");
    }
    for (const auto& file : fs::directory_iterator(folder)) {
        const std::string name = file.path().filename().string();
        const bool openmetrics = name.find(".om.") != std::string::npos;
        CAPTURE(name);
        CHECK(problem(openmetrics ? scrape::Format::kOpenMetrics : scrape::Format::kText,
                      read(file.path()))
                  .value_or("") == "");
    }
}

TEST_CASE("openmetrics pages of the conformance data that should parse do",
          "[scrape][conformance]") {
    const fs::path folder = "../shared/conformance/openmetrics";
    if (!fs::exists(folder)) {
        SKEIN_SKIP("the conformance data is not beside the source tree");
    }
    size_t good = 0;
    size_t refused = 0;
    size_t bad = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        const bool should =
            read(entry.path() / "test.json").find("\"shouldParse\": true") != std::string::npos;
        const auto said = problem(scrape::Format::kOpenMetrics, read(entry.path() / "metrics"));
        CAPTURE(name);
        if (should) {
            ++good;
            CHECK(said.value_or("") == "");
        } else {
            ++bad;
            refused += said.has_value() ? 1 : 0;
        }
    }
    CHECK(good > 0);
    std::cerr << "openmetrics conformance: " << good << " good pages parsed, " << refused << " of "
              << bad << " bad ones refused (the rest are lint findings)\n";
}
