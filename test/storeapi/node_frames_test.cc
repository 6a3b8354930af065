#include <algorithm>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "storeapi/node/select_frames.h"
#include "storeapi/proto/node.pb.h"
#include "test/storeapi/node_fixture.h"
#include "test/support/seed.h"

using namespace storeapi_test;
using base::Code;
using skein::v1::NodeChunk;
using skein::v1::NodeSeries;
using storeapi::SelectFrameReader;

namespace {

// Frames that another program has written: the wire as docs/protocol.md has it.
class Frames {
  public:
    explicit Frames(bool sorted = true, std::vector<std::string> without = {})
        : reader_(sorted, std::move(without)) {}

    skein::v1::SelectFrame next;

    NodeSeries& add(const std::vector<uint32_t>& labels) {
        NodeSeries& series = *next.add_series();
        for (const uint32_t symbol : labels) {
            series.add_labels(symbol);
        }
        return series;
    }

    static NodeChunk& chunk(NodeSeries& series, int64_t delta, uint64_t duration) {
        NodeChunk& chunk = *series.add_chunks();
        chunk.set_encoding(1);
        chunk.set_min_time(delta);
        chunk.set_duration(duration);
        chunk.set_data("bytes");
        return chunk;
    }

    // Reads the frame, and begins another one. Answers with what went wrong, or nothing.
    std::string read() {
        const std::string bytes = next.SerializeAsString();
        next.Clear();
        return read(bytes);
    }

    std::string read(const std::string& bytes) {
        auto frame = std::make_shared<storeapi::SelectFrame>();
        frame->bytes = bytes;
        batch.clear();
        const base::Status status = reader_.read(std::move(frame), batch);
        if (!status) {
            CHECK(status.error().code() == Code::kCorrupt);
            return status.error().message();
        }
        return {};
    }

    [[nodiscard]] bool finished() const { return reader_.finish().has_value(); }

    model::SeriesBatch batch;

  private:
    SelectFrameReader reader_;
};

void symbols(Frames& frames, const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        frames.next.add_symbols(text);
    }
}

bool says(const std::string& message, const std::string& part) {
    CAPTURE(message, part);
    CHECK(message.find(part) != std::string::npos);
    return message.find("a frame of series is damaged") == 0;
}

}  // namespace

TEST_CASE("frames of series are read as the protocol has them", "[node]") {
    Frames frames;
    symbols(frames, {"a", "1", "2"});
    auto& first = frames.add({0, 1});
    Frames::chunk(first, 1000, 50);
    Frames::chunk(first, -10, 5).set_source(7);  // 1040
    auto& second = frames.add({0, 2});
    Frames::chunk(second, 1, 0).set_encoding(6);  // 1001
    second.set_cut(true);
    REQUIRE(frames.read().empty());
    REQUIRE(frames.batch.series.size() == 1);
    const auto chunks = frames.batch.series[0].chunks;
    REQUIRE(chunks.size() == 2);
    CHECK(chunks[0].min_t == 1000);
    CHECK(chunks[0].max_t == 1050);
    CHECK(chunks[1].min_t == 1040);
    CHECK(chunks[1].max_t == 1045);
    CHECK(chunks[1].source == 7);
    CHECK_FALSE(frames.finished());

    Frames::chunk(frames.add({}), 9, 1);  // 1010
    frames.next.add_warnings("careful");
    REQUIRE(frames.read().empty());
    REQUIRE(frames.batch.series.size() == 1);
    const model::SeriesView& joined = frames.batch.series[0];
    CHECK(frames.batch.text(joined.labels[0].value) == "2");
    REQUIRE(joined.chunks.size() == 2);
    CHECK(joined.chunks[0].encoding == model::Encoding::kFloatHistogramSt);
    CHECK(joined.chunks[1].min_t == 1010);
    CHECK(frames.batch.pins.size() == 2);
    CHECK(frames.finished());
}

TEST_CASE("what a later version adds to frames is passed over", "[node]") {
    Frames frames;
    symbols(frames, {"a", "1"});
    Frames::chunk(frames.add({0, 1}), 5, 5);
    std::string bytes = frames.next.SerializeAsString();
    bytes += std::string("\x78\x05\x7a\x03xyz\x79", 8) + std::string(8, 'f') +
             std::string("\x7d", 1) + std::string(4, 'f');
    CHECK(frames.read(bytes).empty());
    CHECK(frames.batch.series.size() == 1);
}

TEST_CASE("frames of series that make no sense are refused, and say why", "[node]") {
    Frames frames;
    symbols(frames, {"a", "1", "b", "2", ""});
    SECTION("a symbol that was not sent") {
        frames.add({0, 5});
        CHECK(says(frames.read(), "a label has symbol 5 of 5"));
    }
    SECTION("a symbol of a later frame") {
        frames.next.Clear();
        frames.add({0, 1});
        CHECK(says(frames.read(), "a label has symbol 1 of 0"));
    }
    SECTION("a symbol twice") {
        symbols(frames, {"a"});
        CHECK(says(frames.read(), "a symbol comes twice"));
    }
    SECTION("half a label") {
        frames.add({0, 1, 2});
        CHECK(says(frames.read(), "labels are no pairs"));
    }
    SECTION("labels out of order") {
        frames.add({2, 1, 0, 1});
        CHECK(says(frames.read(), "not in the order of their names"));
    }
    SECTION("a label twice, behind one that is known") {
        frames.add({0, 1});
        frames.add({0, 3, 0, 3});
        CHECK(says(frames.read(), "not in the order of their names"));
    }
    SECTION("an empty label") {
        frames.add({0, 4});
        CHECK(says(frames.read(), "a label is empty"));
    }
    SECTION("series out of order") {
        frames.add({0, 3});
        frames.add({0, 1});
        CHECK(says(frames.read(), "series are not in the order"));
    }
    SECTION("a series twice") {
        frames.add({0, 3});
        frames.add({0, 3});
        CHECK(says(frames.read(), "series are not in the order"));
    }
    SECTION("an encoding that lies in no file") {
        const uint32_t encoding = GENERATE(0U, 7U, 255U, 257U);
        Frames::chunk(frames.add({0, 1}), 1, 1).set_encoding(encoding);
        CHECK(says(frames.read(), "a chunk has encoding"));
    }
    SECTION("a chunk that ends before it begins") {
        Frames::chunk(frames.add({0, 1}), 1, UINT64_MAX);
        CHECK(says(frames.read(), "times of chunks"));
    }
    SECTION("chunks out of order") {
        auto& series = frames.add({0, 1});
        Frames::chunk(series, 100, 10);
        Frames::chunk(series, -11, 10);
        CHECK(says(frames.read(), "times of chunks"));
    }
    SECTION("labels where a series goes on") {
        frames.add({0, 1}).set_cut(true);
        frames.add({0, 3});
        CHECK(says(frames.read(), "where a series goes on"));
    }
    SECTION("bytes that are no message") {
        CHECK(says(frames.read("\x12\xff\xff\xff\xff\x7f"), "it is no message"));
        CHECK(says(frames.read(std::string("\0\0", 2)), "it is no message"));
        CHECK(says(frames.read("\x12\x02\x12\x7f"), "a series is no message"));
        CHECK(says(frames.read("\x12\x04\x12\x02\x2a\x7f"), "a chunk is no message"));
    }
    SECTION("too large a frame") {
        CHECK(says(frames.read(std::string(storeapi::kNodeFrameMax + 1, '\x0a')), "the limit is"));
    }
}

TEST_CASE("the order of series passes over the labels that it was asked to", "[node]") {
    Frames frames(true, {"a"});
    symbols(frames, {"a", "1", "2", "b"});
    frames.add({0, 2, 3, 1});
    frames.add({0, 1, 3, 2});
    frames.add({0, 2, 3, 2});
    REQUIRE(frames.read().empty());
    CHECK(frames.batch.series.size() == 3);
    frames.add({0, 1, 3, 2});
    CHECK_FALSE(frames.read().empty());

    Frames any(false);
    symbols(any, {"a", "1", "2"});
    any.add({0, 2});
    any.add({0, 1});
    CHECK(any.read().empty());
}

TEST_CASE("warnings beyond their limit are left out", "[node]") {
    Frames frames;
    for (size_t i = 0; i < storeapi::kNodeWarningsMax + 10; ++i) {
        frames.next.add_warnings("careful");
    }
    auto frame = std::make_shared<storeapi::SelectFrame>();
    frame->bytes = frames.next.SerializeAsString();
    SelectFrameReader reader(true, {});
    REQUIRE(reader.read(std::move(frame), frames.batch));
    CHECK(reader.warnings().size() == storeapi::kNodeWarningsMax);
}

TEST_CASE("damaged frames of series are read or refused, and nothing worse", "[node]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    Frames whole(false);
    symbols(whole, {"a", "1", "b", "2", "c", "3"});
    for (uint32_t i = 0; i < 20; ++i) {
        auto& series = whole.add({0, i % 6, 2, i % 5 + 1});
        for (uint64_t k = random.below(4); k != 0; --k) {
            Frames::chunk(series, 10, random.below(100)).set_source(static_cast<uint32_t>(k));
        }
    }
    const std::string bytes = whole.next.SerializeAsString();
    size_t refused = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string damaged = bytes;
        for (uint64_t k = 1 + random.below(4); k != 0; --k) {
            damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
        }
        damaged.resize(random.below(damaged.size() + 1));
        Frames frames(false);
        auto frame = std::make_shared<storeapi::SelectFrame>();
        frame->bytes = damaged;
        SelectFrameReader reader(random.below(2) == 0, {"b"});
        refused += static_cast<size_t>(!reader.read(std::move(frame), frames.batch).has_value());
        for (const model::SeriesView& series : frames.batch.series) {
            for (const model::LabelSymbols& label : series.labels) {
                CHECK(frames.batch.text(label.name).size() < damaged.size());
            }
        }
    }
    CHECK(refused > 1000);
}
