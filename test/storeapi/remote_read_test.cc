// Remote read: requests, samples, frames of chunks.
// clang-format off
#include "storeapi/remote/read_api.h"  // before PromQL's headers: Asio asks for a free `query()`
// clang-format on

#include <bit>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/compress.h"
#include "model/chunk_codec.h"
#include "query/testing/memory_storage.h"
#include "storeapi/field_reader.h"
#include "storeapi/remote/read_request.h"
#include "storeapi/wire.h"
#include "test/support/fake_clock.h"

namespace {

using base::http::Response;
using storeapi::bytes_field;
using storeapi::FieldReader;
using storeapi::number_field;
using storeapi::WireWriter;

struct Wanted {
    int type;
    std::string name, value;
};

// One query, as a reader writes it.
std::string query_of(int64_t start,
                     int64_t end,
                     const std::vector<Wanted>& matchers,
                     const std::string& function = "") {
    std::string message;
    WireWriter out(message);
    out.need(4096);
    out.number(number_field(1), static_cast<uint64_t>(start));
    out.number(number_field(2), static_cast<uint64_t>(end));
    for (const Wanted& wanted : matchers) {
        out.byte(bytes_field(3));
        out.varint(WireWriter::number_size(static_cast<uint64_t>(wanted.type)) +
                   WireWriter::text_size(wanted.name) + WireWriter::text_size(wanted.value));
        out.number(number_field(1), static_cast<uint64_t>(wanted.type));
        out.text(bytes_field(2), wanted.name);
        out.text(bytes_field(3), wanted.value);
    }
    if (!function.empty()) {
        out.byte(bytes_field(4));
        out.varint(WireWriter::text_size(function));
        out.text(bytes_field(2), function);
    }
    out.finish();
    return message;
}

std::string packed(const std::vector<std::string>& queries, const std::string& types = "") {
    std::string message;
    WireWriter out(message);
    out.need(size_t{1} << 20);
    for (const std::string& query : queries) {
        out.text(bytes_field(1), query);
    }
    if (!types.empty()) {
        out.text(bytes_field(2), types);
    }
    out.finish();
    std::string body;
    base::snappy_encode(message, body);
    return body;
}

std::string labels_text(std::string_view label) {
    std::string text;
    FieldReader fields(label);
    while (fields.next()) {
        text += (text.empty() ? "" : "=") + std::string(fields.bytes());
    }
    return text;
}

double double_of(uint64_t bits) {
    return std::bit_cast<double>(bits);
}

// "a=b,c=d: 1@1000 2@2000", a line per series.
std::string samples_text(const Response& response) {
    std::string message;
    REQUIRE(base::snappy_decode(response.body, size_t{1} << 26, message));
    std::string text;
    FieldReader results(message);
    while (results.next()) {
        text += "result\n";
        FieldReader result(results.bytes());
        while (result.next()) {
            std::string labels;
            std::string samples;
            FieldReader series(result.bytes());
            while (series.next()) {
                if (series.is_bytes(1)) {
                    labels += (labels.empty() ? "" : ",") + labels_text(series.bytes());
                    continue;
                }
                FieldReader sample(series.bytes());
                double value = 0;
                int64_t t = 0;
                while (sample.next()) {
                    if (sample.is_fixed64(1)) {
                        value = double_of(sample.number());
                    } else if (sample.is_number(2)) {
                        t = static_cast<int64_t>(sample.number());
                    }
                }
                samples += " " + std::to_string(static_cast<int>(value)) + "@" + std::to_string(t);
            }
            text += labels + ":" + samples + "\n";
        }
    }
    return text;
}

struct Frame {
    std::string labels;
    std::vector<std::string> chunks;  // "type min..max samples"
    uint64_t query = 0;
    size_t bytes = 0;
};

Frame read_frame(std::string_view message) {
    Frame frame;
    frame.bytes = message.size();
    FieldReader fields(message);
    while (fields.next()) {
        if (fields.is_number(2)) {
            frame.query = fields.number();
            continue;
        }
        FieldReader series(fields.bytes());
        while (series.next()) {
            if (series.is_bytes(1)) {
                frame.labels += (frame.labels.empty() ? "" : ",") + labels_text(series.bytes());
                continue;
            }
            model::ChunkView chunk;
            FieldReader parts(series.bytes());
            while (parts.next()) {
                if (parts.is_number(1)) {
                    chunk.min_t = static_cast<int64_t>(parts.number());
                } else if (parts.is_number(2)) {
                    chunk.max_t = static_cast<int64_t>(parts.number());
                } else if (parts.is_number(3)) {
                    chunk.encoding = static_cast<model::Encoding>(parts.number());
                } else {
                    chunk.bytes = base::ByteView(parts.bytes()).span();
                }
            }
            frame.chunks.push_back(
                std::to_string(static_cast<int>(chunk.encoding)) + " " +
                std::to_string(chunk.min_t) + ".." + std::to_string(chunk.max_t) + " " +
                std::to_string(model::sample_count(chunk.encoding, chunk.bytes)));
        }
    }
    return frame;
}

std::vector<Frame> frames_of(Response response) {
    std::string all = std::move(response.body);
    while (response.stream) {
        std::string some;
        const auto more = response.stream(some, {});
        REQUIRE(more);
        all += some;
        if (!more.value()) {
            break;
        }
    }
    std::vector<Frame> frames;
    base::ByteReader reader{base::ByteView(all)};
    while (reader.remaining() > 0) {
        const uint64_t size = reader.uvarint();
        const uint32_t sum = reader.be32();
        const std::string_view message = reader.bytes(size).text();
        REQUIRE(reader.ok());
        CHECK(sum == base::crc32c(message));
        frames.push_back(read_frame(message));
    }
    return frames;
}

struct Server {
    Server() {
        for (const char* job : {"a", "b"}) {
            std::vector<model::ChunkSample> samples;
            for (int64_t i = 0; i < 1000; ++i) {
                samples.push_back({.t = i * 1000, .v = static_cast<double>(i)});
            }
            storage.add(model::Labels{{"__name__", "up"}, {"job", job}}, samples);
        }
        const model::ChunkSample own[] = {{.t = 1000, .v = 7}};
        storage.add(model::Labels{{"__name__", "own"}, {"region", "mine"}}, own);
    }

    Response read(const std::string& body) {
        base::http::Request request;
        request.body = body;
        return storeapi::handle_read(
            {.storage = storage,
             .clock = clock,
             .budget = budget,
             .options = options,
             .external_labels = [] { return model::Labels{{"region", "eu"}, {"zone", "z"}}; }},
            request,
            {});
    }

    query::testing::MemoryStorage storage;
    test_support::FakeClock clock;
    base::Budget budget{"test"};
    storeapi::ReadOptions options;
};

const std::string kStreamed("\x01\x00", 2);  // accepted response types, packed

}  // namespace

TEST_CASE("a remote read gives the samples of its times with external labels", "[storeapi][read]") {
    Server server;
    const Response response =
        server.read(packed({query_of(2000, 3999, {{0, "__name__", "up"}}),
                            query_of(0, 5000, {{2, "__name__", "o.*"}}),
                            query_of(0, 5000, {{0, "__name__", "nothing"}})}));
    CHECK(response.status == 200);
    CHECK(response.headers.get("Content-Type") == "application/x-protobuf");
    CHECK(response.headers.get("Content-Encoding") == "snappy");
    CHECK(samples_text(response) ==
          "result\n"
          "__name__=up,job=a,region=eu,zone=z: 2@2000 3@3000\n"
          "__name__=up,job=b,region=eu,zone=z: 2@2000 3@3000\n"
          "result\n"
          "__name__=own,region=mine,zone=z: 7@1000\n"
          "result\n");
    CHECK(server.budget.used() == 0);
}

TEST_CASE("a remote read may ask for an external label", "[storeapi][read]") {
    Server server;
    const auto answer = [&](const std::string& value) {
        return samples_text(server.read(packed(
            {query_of(0, 999, {{0, "__name__", "up"}, {0, "region", value}, {0, "job", "a"}})})));
    };
    CHECK(answer("eu") == "result\n__name__=up,job=a,region=eu,zone=z: 0@0\n");
    CHECK(answer("us") == "result\n");
}

TEST_CASE("a reader that looks for series gets their labels", "[storeapi][read]") {
    Server server;
    CHECK(samples_text(server.read(packed(
              {query_of(0, 999'000, {{0, "__name__", "up"}, {3, "job", "b"}}, "series")}))) ==
          "result\n__name__=up,job=a,region=eu,zone=z:\n");
}

TEST_CASE("a remote read streams chunks in frames of a bounded size", "[storeapi][read]") {
    Server server;
    server.options.frame_bytes_max = 400;
    const Response response =
        server.read(packed({query_of(0, 10, {{0, "__name__", "nothing"}}),
                            query_of(130'000, 900'000, {{0, "__name__", "up"}})},
                           kStreamed));
    CHECK(response.status == 200);
    CHECK(response.headers.get("Content-Type") ==
          "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse");
    CHECK_FALSE(response.compress);
    const std::vector<Frame> frames = frames_of(response);
    REQUIRE(frames.size() > 4);
    size_t chunks = 0;
    for (const Frame& frame : frames) {
        CHECK(frame.query == 1);
        CHECK_FALSE(frame.chunks.empty());
        CHECK((frame.bytes <= server.options.frame_bytes_max || frame.chunks.size() == 1));
        chunks += frame.chunks.size();
    }
    CHECK(frames.front().labels == "__name__=up,job=a,region=eu,zone=z");
    CHECK(frames.back().labels == "__name__=up,job=b,region=eu,zone=z");
    CHECK(frames.front().chunks.front().starts_with("1 "));
    CHECK(chunks >= 12);
}

TEST_CASE("samples that were never in chunks are streamed as chunks", "[storeapi][read]") {
    Server server;
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 3;
    histogram->sum = 4;
    histogram->positive_spans = {{0, 2}};
    histogram->positive_buckets = {1, 2};
    const model::ChunkSample samples[] = {{.t = 1000, .v = 1},
                                          {.t = 2000, .histogram = histogram},
                                          {.t = 3000, .histogram = histogram}};
    server.storage.add(model::Labels{{"__name__", "mixed"}}, samples);
    const auto frames =
        frames_of(server.read(packed({query_of(0, 5000, {{0, "__name__", "mixed"}})}, kStreamed)));
    REQUIRE(frames.size() == 1);
    CHECK(frames[0].chunks == std::vector<std::string>{"1 1000..1000 1", "3 2000..3000 2"});
}

TEST_CASE("histograms are read as histograms", "[storeapi][read]") {
    Server server;
    auto histogram = std::make_shared<model::FloatHistogram>();
    histogram->count = 3;
    histogram->sum = 4;
    histogram->schema = -1;
    histogram->positive_spans = {{-2, 2}};
    histogram->positive_buckets = {1, 2};
    const model::ChunkSample samples[] = {{.t = 2000, .histogram = histogram}};
    server.storage.add(model::Labels{{"__name__", "sizes"}}, samples);
    const Response response =
        server.read(packed({query_of(0, 5000, {{0, "__name__", "sizes"}, {0, "zone", "z"}})}));
    std::string message;
    REQUIRE(base::snappy_decode(response.body, size_t{1} << 20, message));
    FieldReader result(message);
    REQUIRE(result.next());
    FieldReader list(result.bytes());
    REQUIRE(list.next());
    FieldReader series(list.bytes());
    while (series.next() && !series.is_bytes(4)) {
    }
    std::map<uint32_t, std::string> fields;
    FieldReader parts(series.bytes());
    while (parts.next()) {
        fields[parts.tag() >> 3] = (parts.tag() & 7) == 2 ? std::string(parts.bytes())
                                   : (parts.tag() & 7) == 1
                                       ? std::to_string(double_of(parts.number()))
                                       : std::to_string(parts.number());
    }
    CHECK(fields[2] == "3.000000");           // count
    CHECK(fields[3] == "4.000000");           // sum
    CHECK(fields[4] == "1");                  // schema -1, zigzag
    CHECK(fields[7] == "0.000000");           // zero count
    CHECK(fields[11] == "\x08\x03\x10\x02");  // one span
    CHECK(fields[13].size() == 16);           // counts
    CHECK(fields[15] == "2000");
    CHECK(fields.count(1) == 0);
}

TEST_CASE("what is no remote read, or too large a one, is refused with the reason",
          "[storeapi][read]") {
    Server server;
    const auto refused = [&](const std::string& body, int status, const std::string& part) {
        const Response response = server.read(body);
        CHECK(response.status == status);
        CHECK_THAT(response.body, Catch::Matchers::Contains(part));
    };
    refused("not snappy", 400, "remote read request");
    refused(packed({"\x0a\x7f"}), 400, "not a remote read");
    refused(packed({query_of(0, 1, {{4, "a", "b"}})}), 400, "unknown kind of matcher");
    refused(packed({query_of(0, 1, {{2, "a", "("}})}), 400, "matcher");
    refused(packed({query_of(2, 1, {{0, "a", "b"}})}), 400, "ends before it starts");
    refused(packed(std::vector<std::string>(1001, query_of(0, 1, {{0, "a", "b"}}))),
            400,
            "at most 1000 queries");
    server.options.samples_max = 1500;
    refused(packed({query_of(0, 999'000, {{0, "__name__", "up"}})}),
            400,
            "exceeded sample limit (1500, --storage.remote.read-sample-limit)");
    CHECK(server.read(packed({query_of(0, 999'000, {{0, "__name__", "up"}})}, kStreamed)).status ==
          200);
    server.options.samples_max = 0;
    server.budget.set_limit(1000);
    refused(packed({query_of(0, 999'000, {{0, "__name__", "up"}})}), 422, "memory limit");
    CHECK(server.budget.used() == 0);
}
