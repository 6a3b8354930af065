// The pages of /federate: negotiation, text, protobuf.
#include <bit>
#include <cstring>
#include <sstream>

#include <catch2/catch.hpp>

#include "query/federate_page.h"

namespace {

using query::FederatedFormat;
using query::FederatedSample;

uint64_t take_varint(std::string_view& bytes) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
        const auto byte = static_cast<uint8_t>(bytes.at(0));
        bytes.remove_prefix(1);
        value |= uint64_t{byte & 0x7fU} << shift;
        if (byte < 0x80) {
            return value;
        }
    }
}

// Of which kind the messages of a field are; 0: it is a text. F: family, M: metric, L: label, V:
// value, H: histogram, B: bucket, S: span.
char kind_of(char outer, uint64_t field) {
    switch (outer) {
        case 'F':
            return field == 4 ? 'M' : '\0';
        case 'M':
            return field == 1 ? 'L' : field == 5 ? 'V' : field == 7 ? 'H' : '\0';
        case 'H':
            return field == 3 ? 'B' : field == 9 || field == 12 ? 'S' : '\0';
        default:
            return '\0';
    }
}

// "field=value field{…}"
std::string fields(std::string_view bytes, char kind) {
    std::string out;
    while (!bytes.empty()) {
        const uint64_t tag = take_varint(bytes);
        out += (out.empty() ? "" : " ") + std::to_string(tag >> 3);
        if ((tag & 7) == 0) {
            out += "=" + std::to_string(take_varint(bytes));
        } else if ((tag & 7) == 1) {
            uint64_t bits = 0;
            std::memcpy(&bits, bytes.substr(0, 8).data(), 8);
            bytes.remove_prefix(8);
            std::ostringstream number;
            number << std::bit_cast<double>(bits);
            out += "=" + number.str();
        } else {
            REQUIRE((tag & 7) == 2);
            const uint64_t size = take_varint(bytes);
            REQUIRE(size <= bytes.size());
            const std::string_view part = bytes.substr(0, size);
            const char inner = kind_of(kind, tag >> 3);
            out += inner == 0 ? "=\"" + std::string(part) + "\"" : "{" + fields(part, inner) + "}";
            bytes.remove_prefix(size);
        }
    }
    return out;
}

// A line per family.
std::string families(std::string_view page) {
    std::string out;
    while (!page.empty()) {
        const uint64_t size = take_varint(page);
        REQUIRE(size <= page.size());
        out += fields(page.substr(0, size), 'F') + "\n";
        page.remove_prefix(size);
    }
    return out;
}

std::vector<FederatedSample> samples() {
    auto native = std::make_shared<model::FloatHistogram>();
    native->schema = -1;
    native->zero_threshold = 0.001;
    native->zero_count = 1;
    native->count = 7;
    native->sum = 4.5;
    native->positive_spans = {{-2, 2}};
    native->positive_buckets = {1, 2};
    native->negative_spans = {{0, 1}};
    native->negative_buckets = {3};
    auto gauge = std::make_shared<model::FloatHistogram>();
    gauge->hint = model::CounterResetHint::kGauge;
    auto custom = std::make_shared<model::FloatHistogram>();
    custom->schema = model::kCustomBucketsSchema;
    custom->custom_values = {0.5, 1, 2};
    custom->positive_spans = {{0, 1}, {1, 2}};
    custom->positive_buckets = {4, 5, 6};
    custom->count = 15;
    custom->sum = 20;
    return {{.labels = {{"__name__", "a"}, {"job", "c"}}, .t = 1500, .v = 2.5},
            {.labels = {{"__name__", "b"}}, .t = 2, .histogram = native},
            {.labels = {{"__name__", "b"}, {"x", "1"}}, .t = 2, .histogram = gauge},
            {.labels = {{"__name__", "b"}, {"x", "2"}}, .t = 2, .v = 1},
            {.labels = {{"__name__", "c"}, {"instance", "i"}}, .t = 3, .histogram = custom}};
}

}  // namespace

TEST_CASE("a federated page has the form that the client likes best", "[query][federate]") {
    const auto check = [](std::string_view accept, FederatedFormat want) {
        CAPTURE(accept);
        CHECK(query::federated_format(accept) == want);
    };
    const std::string protobuf =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding="
        "delimited";
    check("", FederatedFormat::kText);
    check("*/*", FederatedFormat::kText);
    check("application/json;q=0.9", FederatedFormat::kText);
    check(protobuf, FederatedFormat::kProtobuf);
    check(protobuf + ";q=0.6;escaping=allow-utf-8,text/plain;version=0.0.4;q=0.5,*/*;q=0.4",
          FederatedFormat::kProtobuf);
    check("text/plain;version=1.0.0;q=0.9 , " + protobuf + "; q=0.2", FederatedFormat::kProtobuf);
    check(protobuf + ";q=0.3,text/plain;version=0.0.4;q=0.5", FederatedFormat::kText);
    check(protobuf + ";q=0", FederatedFormat::kText);
    check("application/vnd.google.protobuf;proto=other;encoding=delimited", FederatedFormat::kText);
    check("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
          FederatedFormat::kText);
    check(";;,=;q=x,", FederatedFormat::kText);
}

TEST_CASE("a federated protobuf page has a family per name and type, with native histograms",
          "[query][federate]") {
    const model::Labels external{{"site", "s"}};
    const std::string tail = R"(1{1="instance" 2=""} 1{1="site" 2="s"})";
    CHECK(families(query::federated_page(FederatedFormat::kProtobuf, samples(), external)) ==
          R"(1="a" 3=3 4{1{1="job" 2="c"} )" + tail +
              " 5{1=2.5} 6=1500}\n"
              R"(1="b" 3=4 4{)" +
              tail +
              " 6=2 7{2=4.5 4=7 5=1 6=0.001 8=1 9{1=0 2=1} 11=3 12{1=3 2=2} 14=1 14=2}}\n"
              R"(1="b" 3=5 4{1{1="x" 2="1"} )" +
              tail +
              " 6=2 7{2=0 4=0 5=0 6=0 8=0}}\n"
              R"(1="b" 3=3 4{1{1="x" 2="2"} )" +
              tail +
              " 5{1=1} 6=2}\n"
              R"(1="c" 3=4 4{1{1="instance" 2="i"} 1{1="site" 2="s"})"
              " 6=3 7{2=20 3{2=0.5 4=4} 3{2=1 4=4} 3{2=2 4=9} 4=15}}\n");
    CHECK(query::federated_page(FederatedFormat::kProtobuf, {}, external).empty());
}

TEST_CASE("a federated text page has histograms with custom buckets as classic ones, and no others",
          "[query][federate]") {
    CHECK(query::federated_page(FederatedFormat::kText, samples(), {}) ==
          "# TYPE a untyped\n"
          "a{job=\"c\",instance=\"\"} 2.5 1500\n"
          "# TYPE b untyped\n"
          "b{x=\"2\",instance=\"\"} 1 2\n"
          "# TYPE c histogram\n"
          "c_bucket{instance=\"i\",le=\"0.5\"} 4 3\n"
          "c_bucket{instance=\"i\",le=\"1\"} 4 3\n"
          "c_bucket{instance=\"i\",le=\"2\"} 9 3\n"
          "c_bucket{instance=\"i\",le=\"+Inf\"} 15 3\n"
          "c_sum{instance=\"i\"} 20 3\n"
          "c_count{instance=\"i\"} 15 3\n");
}
