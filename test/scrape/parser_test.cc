#include "scrape/parse/parser.h"

#include <bit>
#include <cmath>
#include <optional>

#include <catch2/catch.hpp>

#include "base/float_format.h"
#include "model/sample.h"

namespace {

using scrape::EntryKind;
using scrape::Format;

// The whole page as one line per entry: series as "labels value [@time]", or "error: …".
std::string parse(Format format, std::string_view page) {
    const auto parser = scrape::make_parser(format, page);
    std::string out;
    std::string scratch;
    scrape::SeriesLabels labels;
    while (true) {
        switch (parser->next()) {
            case EntryKind::kSeries: {
                const auto status = parser->labels(labels);
                if (!status) {
                    return out + "error: " + status.error().message();
                }
                out += model::Labels::from_unsorted(labels.labels).to_series_string() + " ";
                base::append_sample_value(out, parser->series().value);
                if (parser->series().has_timestamp) {
                    out += " @" + std::to_string(parser->series().timestamp_ms);
                }
                if (!parser->exemplar().labels.empty()) {
                    out += " # " + std::string(parser->exemplar().labels);
                }
                break;
            }
            case EntryKind::kHelp:
                out += "HELP " + std::string(parser->metadata().family) + " " +
                       std::string(parser->help(scratch));
                break;
            case EntryKind::kType:
                out += "TYPE " + std::string(parser->metadata().family) + " " +
                       std::string(model::metric_type_name(parser->metadata().type));
                break;
            case EntryKind::kUnit:
                out += "UNIT " + std::string(parser->metadata().family) + " " +
                       std::string(parser->metadata().text);
                break;
            case EntryKind::kEnd:
                return out;
            case EntryKind::kError:
                return out + "error: " + parser->error().message();
        }
        out += "\n";
    }
}

bool is_error(const std::string& text) {
    return text.find("error: ") != std::string::npos;
}

}  // namespace

TEST_CASE("text parser reads what Prometheus reads", "[scrape][parse]") {
    const auto check = [](std::string_view page, std::string_view want) {
        CAPTURE(page);
        CHECK(parse(Format::kText, page) == want);
    };
    check("", "");
    check("\n\n", "");
    check("foo 1", "foo 1\n");
    check("foo 1\n", "foo 1\n");
    check("  foo\t1 \n", "foo 1\n");
    check("foo{} 1\n", "foo 1\n");
    check("foo{a=\"b\"}1\n", "foo{a=\"b\"} 1\n");
    check("foo { a = \"b\" , c=\"d\" , } 1 123\n", "foo{a=\"b\", c=\"d\"} 1 @123\n");
    check("foo{a=\"b\" c=\"d\"} 1\n", "foo{a=\"b\", c=\"d\"} 1\n");
    check("foo-1\n", "foo -1\n");
    check("foo:bar_9 +Inf\n", "foo:bar_9 +Inf\n");
    check("foo nAn\nbar -inf\nbaz Infinity\n", "foo NaN\nbar -Inf\nbaz +Inf\n");
    check("foo 1e3 5\n", "foo 1000 @5\n");
    check("foo .5\nbar 1.\n", "foo 0.5\nbar 1\n");
    check("{\"my.metric\", \"l.x\"=\"v\"} 1\n", "{\"my.metric\", \"l.x\"=\"v\"} 1\n");
    check("{\"my.metric\"} 1\n", "{\"my.metric\"} 1\n");
    check("{a=\"b\",\"foo\"} 1\n", "foo{a=\"b\"} 1\n");
    check("# a comment\n#\n# HELP\n# HELPfoo bar\nfoo 1\n", "foo 1\n");
    check("# HELP foo a \\\\ b\\n c\\\"\n", "HELP foo a \\ b\n c\\\"\n");
    check("# HELP foo\n", "HELP foo \n");
    check("#\tTYPE\tfoo counter\n", "TYPE foo counter\n");
    check("# TYPE foo untyped\n", "TYPE foo unknown\n");
    check("# TYPE \"my.metric\" gauge\n", "TYPE my.metric gauge\n");
    check("foo{a=\"x\\\\y\\\"z\\n\\q\"} 1\n", "foo{a=\"x\\\\y\\\"z\\n\\\\q\"} 1\n");
}

TEST_CASE("text parser normalises le and quantile of their types only", "[scrape][parse]") {
    const auto check = [](std::string_view page, std::string_view want) {
        CAPTURE(page);
        const std::string got = parse(Format::kText, page);
        CHECK(got.substr(got.rfind('\n', got.size() - 2) + 1) == want);
    };
    check("# TYPE h histogram\nh_bucket{le=\"1\"} 2\n", "h_bucket{le=\"1.0\"} 2\n");
    check("# TYPE h histogram\nh_bucket{le=\"+Inf\"} 2\n", "h_bucket{le=\"+Inf\"} 2\n");
    check("# TYPE h histogram\nh_bucket{le=\"0.050\"} 2\n", "h_bucket{le=\"0.05\"} 2\n");
    check("# TYPE h histogram\nh_bucket{le=\"1000000000000000000000\"} 2\n",
          "h_bucket{le=\"1e+21\"} 2\n");
    check("# TYPE h histogram\nh_bucket{le=\"x\"} 2\n", "h_bucket{le=\"x\"} 2\n");
    check("# TYPE s summary\ns{quantile=\"1\"} 2\n", "s{quantile=\"1.0\"} 2\n");
    check("# TYPE s summary\ns{le=\"1\"} 2\n", "s{le=\"1\"} 2\n");
    check("# TYPE h gauge\nh_bucket{le=\"1\"} 2\n", "h_bucket{le=\"1\"} 2\n");
    check("# TYPE h histogram\n# HELP h x\nh_bucket{le=\"1\"} 2\n", "h_bucket{le=\"1\"} 2\n");
}

TEST_CASE("text parser refuses what Prometheus refuses and names the line", "[scrape][parse]") {
    const auto check = [](std::string_view page) {
        CAPTURE(page);
        CHECK(is_error(parse(Format::kText, page)));
    };
    check("foo\n");
    check("foo 1 2 3\n");
    check("foo 1\r\n");
    check("foo 0x1p3\n");
    check("foo 1_0\n");
    check("foo +NaN\n");
    check("foo 1e999\n");
    check("foo 1 -5\n");
    check("foo 1 1.5\n");
    check("foo 1 99999999999999999999\n");
    check("9foo 1\n");
    check("foo{a=\"b\" 1\n");
    check("foo{a=\"b} 1\n");
    check("foo{a=b} 1\n");
    check("foo{=\"b\"} 1\n");
    check("foo{,} 1\n");
    check("foo{a=\"b\",,} 1\n");
    check("foo{a=\"\xff\"} 1\n");
    check("{a=\"b\"} 1\n");
    check("foo{\"bar\"} 1\n");
    check("{\"foo\",\"bar\"} 1\n");
    check("foo{a=\"1\",a=\"2\"} 1\n");
    check("foo{__name__=\"bar\"} 1\n");
    check("# TYPE foo what\n");
    check("# TYPE foo  counter\n");
    check("# HELP foo \xff\n");
    check("# HELP 9 x\n");
    check("<html>\n");
    check(std::string_view("a\0b 1\n", 6));
    const std::string text = parse(Format::kText, "foo 1\n\n# c\nbar x\n");
    CHECK(text.find("line 4: invalid sample value") != std::string::npos);
}

TEST_CASE("text parser allows NUL in label values and help, not elsewhere", "[scrape][parse]") {
    const auto page = [](std::string_view text) { return text; };
    CHECK_FALSE(is_error(parse(Format::kText, page({"a{b=\"\0ss\"} 1\n", 13}))));
    CHECK_FALSE(is_error(parse(Format::kText, page({"# HELP a x\0y\na 1\n", 17}))));
    CHECK(is_error(parse(Format::kText, page({"a\0{b=\"c\"} 1\n", 12}))));
    CHECK(is_error(parse(Format::kText, page({"a{b\0=\"c\"} 1\n", 12}))));
}

TEST_CASE("every NaN is the ordinary one: a target cannot inject a stale marker",
          "[scrape][parse]") {
    const auto parser = scrape::make_parser(Format::kText, "foo NaN\n");
    REQUIRE(parser->next() == EntryKind::kSeries);
    CHECK(std::bit_cast<uint64_t>(parser->series().value) == model::kNormalNanBits);
}

TEST_CASE("openmetrics parser reads what Prometheus reads", "[scrape][parse]") {
    const auto check = [](std::string_view page, std::string_view want) {
        CAPTURE(page);
        CHECK(parse(Format::kOpenMetrics, page) == want);
    };
    check("# EOF", "");
    check("# EOF\n", "");
    check("foo_total 1\n# EOF\n", "foo_total 1\n");
    check("foo 1 1.5\n# EOF\n", "foo 1 @1500\n");
    check("foo 1 -1.2345\n# EOF\n", "foo 1 @-1234\n");
    check("foo{a=\"b\",} 1\n# EOF\n", "foo{a=\"b\"} 1\n");
    check("foo_bucket{le=\"1\"} 1 # {id=\"x\"} 0.5 12.5\n# EOF\n",
          "foo_bucket{le=\"1\"} 1 # {id=\"x\"}\n");
    check("foo 1 2 # {} 3\n# EOF\n", "foo 1 @2000 # {}\n");
    check("# HELP a x\\\"y\n# TYPE a_seconds gaugehistogram\n# UNIT a_seconds seconds\n# EOF\n",
          "HELP a x\"y\nTYPE a_seconds gaugehistogram\nUNIT a_seconds seconds\n");
    check("# TYPE a histogram\na_bucket{le=\"1\"} 1\n# EOF\n",
          "TYPE a histogram\na_bucket{le=\"1.0\"} 1\n");
    check("{\"a.b\",c=\"d\"} 1\n# EOF\n", "{\"a.b\", c=\"d\"} 1\n");
    check("# UNIT a \n# EOF\n", "UNIT a \n");
}

TEST_CASE("openmetrics parser refuses what Prometheus refuses", "[scrape][parse]") {
    const auto check = [](std::string_view page) {
        CAPTURE(page);
        CHECK(is_error(parse(Format::kOpenMetrics, page)));
    };
    check("");
    check("foo 1\n");
    check("foo 1");
    check("\n# EOF\n");
    check("foo  1\n# EOF\n");
    check(" foo 1\n# EOF\n");
    check("foo 1 \n# EOF\n");
    check("foo{a=\"b\", c=\"d\"} 1\n# EOF\n");
    check("foo{a=\"b\"}1\n# EOF\n");
    check("foo {a=\"b\"} 1\n# EOF\n");
    check("foo 1 NaN\n# EOF\n");
    check("foo 1 1e300\n# EOF\n");
    check("foo 1 # {a=\"b\"}\n# EOF\n");
    check("foo 1 # {\"a\"} 1\n# EOF\n");
    check("foo 1 # {a=\"b\"} 1 Inf\n# EOF\n");
    check("# comment\n# EOF\n");
    check("# TYPE foo what\n# EOF\n");
    check("# UNIT foo bar\n# EOF\n");
    check("# HELP foo\n# EOF\n");
    check("# EOF\nfoo 1\n");
    check("foo{a=\"b\nc\"} 1\n# EOF\n");
}

TEST_CASE("an expected line is taken without parsing its labels, and only it", "[scrape][parse]") {
    const scrape::LineKey key;
    const auto takes = [&](std::string_view page, std::string_view text, Format format) {
        const auto parser = scrape::make_parser(format, page);
        const bool taken = parser->next_expected(
            static_cast<uint32_t>(text.size()), scrape::line_hash(text, key), key);
        if (!taken) {
            // Nothing was consumed: the line can still be parsed.
            CHECK(parser->next() != EntryKind::kEnd);
        }
        return taken ? std::optional<double>(parser->series().value) : std::nullopt;
    };
    const std::string tail = "other{a=\"long enough to keep reading past the value\"} 1\n";
    for (const std::string& end : {std::string(), tail}) {
        CAPTURE(end);
        CHECK(takes("foo 12.5\n" + end, "foo", Format::kText) == 12.5);
        CHECK(takes("foo 1e+09\n" + end, "foo", Format::kText) == 1e9);
        CHECK(takes("foo{a=\"b\"} 3 77\n" + end, "foo{a=\"b\"}", Format::kText) == 3);
        CHECK(takes("foo{a=\"b\"}3\n" + end, "foo{a=\"b\"}", Format::kText) == 3);
        CHECK_FALSE(takes("foo1 2\n" + end, "foo", Format::kText).has_value());
        CHECK_FALSE(takes("foo {a=\"b\"} 3\n" + end, "foo", Format::kText).has_value());
        CHECK_FALSE(takes("foo_bar 3\n" + end, "foo", Format::kText).has_value());
        CHECK_FALSE(takes("fox 3\n" + end, "foo", Format::kText).has_value());
        CHECK_FALSE(takes("foo x\n" + end, "foo", Format::kText).has_value());
    }
    CHECK(takes("foo 5\n# EOF\n", "foo", Format::kOpenMetrics) == 5);
    CHECK_FALSE(takes("foo  5\n# EOF\n", "foo", Format::kOpenMetrics).has_value());
}

TEST_CASE("plain values are those of the exact parser", "[scrape][parse]") {
    const auto check = [](const std::string& text) {
        CAPTURE(text);
        std::string padded = text + "\n";
        padded.resize(padded.size() + scrape::kPlainValueMax, '\n');
        double got = 0;
        const char* const end = scrape::plain_value(padded.data(), got);
        if (end != nullptr && *end == '\n') {
            CHECK(got == std::stod(text));
            CHECK(static_cast<size_t>(end - padded.data()) == text.size());
        }
        return end != nullptr && *end == '\n';
    };
    for (const char* text : {"0",
                             "1",
                             "-1",
                             "12345",
                             "0.1",
                             "1.7976e+5",
                             "1e22",
                             "1e-22",
                             "123456789012345",
                             "-0.000123",
                             "1.5e-07",
                             "9.007199254740e+15"}) {
        CHECK(check(text));
    }
    for (const char* text : {"1234567890123456",
                             "1e23",
                             "1e-23",
                             "1e100",
                             "1.2345678901234567",
                             "NaN",
                             "+Inf",
                             "",
                             "-"}) {
        CHECK_FALSE(check(text));
    }
    uint64_t state = 42;
    CAPTURE(state);
    for (int round = 0; round < 20000; ++round) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        std::string text = std::to_string(state >> (20 + state % 40));
        if (state % 3 != 0) {
            text.insert(1 + (state >> 8) % text.size(), ".");
        }
        if (state % 5 == 0) {
            text += "e" + std::to_string(static_cast<int>(state % 50) - 25);
        }
        check(text);
    }
}
