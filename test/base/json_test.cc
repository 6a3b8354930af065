#include "base/json.h"

#include <catch2/catch.hpp>

#include "base/json_read.h"
#include "test/support/seed.h"

using base::HtmlEscape;
using base::JsonWriter;

namespace {

std::string quoted(std::string_view text, HtmlEscape html = HtmlEscape::kYes) {
    std::string out;
    base::append_json_string(out, text, html);
    return out;
}

std::string number(double value) {
    std::string out;
    JsonWriter(out).number(value);
    return out;
}

}  // namespace

TEST_CASE("strings are escaped as Go's encoding/json does", "[base][json]") {
    CHECK(quoted("a<b>&c") == R"("a\u003cb\u003e\u0026c")");
    CHECK(quoted("a<b>&c", HtmlEscape::kNo) == R"("a<b>&c")");
    CHECK(quoted("\b\f\n\r\t\x01\x7f") == "\"\\b\\f\\n\\r\\t\\u0001\x7f\"");
    CHECK(quoted("\"\\/") == R"("\"\\/")");
    CHECK(quoted("ä€😀") == "\"ä€😀\"");
    CHECK(quoted("\xff\xc3") == R"("\ufffd\ufffd")");
    CHECK(quoted("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");
    CHECK(quoted("\xe2\x80\xa8\xe2\x80\xa9") == R"("\u2028\u2029")");
    CHECK(quoted(std::string_view("\0", 1)) == R"("\u0000")");
    CHECK(quoted("") == R"("")");
}

TEST_CASE("the writer puts commas where they belong", "[base][json]") {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.member("status", "success");
    json.key("data");
    json.begin_object();
    json.key("result");
    json.begin_array();
    json.begin_array();
    json.timestamp_ms(1'500);
    json.sample_value(1e21);
    json.end_array();
    json.begin_array();
    json.end_array();
    json.integer(-5);
    json.natural(UINT64_MAX);
    json.null();
    json.end_array();
    json.key("empty");
    json.begin_object();
    json.end_object();
    json.end_object();
    json.key("good");
    json.boolean(true);
    json.key("raw");
    json.raw("{\"a\":1}");
    json.end_object();
    CHECK(json.complete());
    CHECK(
        out ==
        R"({"status":"success","data":{"result":[[1.500,"1e+21"],[],-5,18446744073709551615,null],)"
        R"("empty":{}},"good":true,"raw":{"a":1}})");
}

TEST_CASE("numbers print as Go's encoding/json does", "[base][json]") {
    CHECK(number(1) == "1");
    CHECK(number(-0.0) == "-0");
    CHECK(number(1e20) == "100000000000000000000");
    CHECK(number(1e21) == "1e+21");
    CHECK(number(1e-6) == "0.000001");
    CHECK(number(1e-7) == "1e-7");
    CHECK(number(-2.5e-10) == "-2.5e-10");
    CHECK(number(5e-324) == "5e-324");
}

TEST_CASE("JSON reads into a tree", "[base][json_read]") {
    const auto parsed = base::parse_json(
        R"( [{"targets":["a:1","b:2"],"labels":{"x":"ä\u00e4","x":"last"},"n":[1,-2,1.5,18446744073709551615]},true,null] )");
    REQUIRE(parsed.has_value());
    const auto* groups = parsed.value().array();
    REQUIRE(groups != nullptr);
    REQUIRE(groups->size() == 3);
    const base::JsonValue& group = groups->at(0);
    CHECK(*group.find("targets")->array()->at(1).string() == "b:2");
    CHECK(*group.find("labels")->find("x")->string() == "last");
    const auto& numbers = *group.find("n")->array();
    CHECK(*numbers[1].integer() == -2);
    CHECK(numbers[2].integer() == nullptr);
    double real = 0;
    CHECK(numbers[2].number(real));
    CHECK(real == 1.5);
    CHECK(numbers[3].number(real));
    CHECK(real == 18446744073709551616.0);
    CHECK(*groups->at(1).boolean());
    CHECK(groups->at(2).is_null());
    CHECK(groups->at(1).find("x") == nullptr);
    CHECK(groups->at(1).kind_name() == "boolean");
}

TEST_CASE("JSON that is wrong, too long or too deep is refused and says where",
          "[base][json_read]") {
    const auto broken = base::parse_json(R"({"a": 1,})");
    REQUIRE(broken.has_error());
    CHECK(broken.error().code() == base::Code::kInvalid);
    CHECK(broken.error().message().find("offset 8") != std::string::npos);
    for (const std::string_view text : {"", "{", "[1] x", "nul", "\"a", "{\"a\" 1}"}) {
        CAPTURE(text);
        REQUIRE(base::parse_json(text).has_error());
        CHECK(base::parse_json(text).error().code() == base::Code::kInvalid);
    }
    CHECK(base::parse_json("[1,2,3]", {.bytes = 6}).error().code() == base::Code::kLimit);
    const std::string deep(40, '[');
    CHECK(base::parse_json(deep).error().code() == base::Code::kLimit);
}

TEST_CASE("what is written reads back", "[base][json]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int i = 0; i < 2000; ++i) {
        std::string text;
        for (uint64_t length = random.below(30); length > 0; --length) {
            text.push_back(static_cast<char>(random.below(128)));
        }
        const auto back = base::parse_json(quoted(text));
        REQUIRE(back.has_value());
        REQUIRE(*back.value().string() == text);
    }
}
