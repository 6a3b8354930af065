#include "model/histogram_chunk.h"

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/random.h"
#include "model/chunk_codec.h"
#include "model/histogram_layout.h"
#include "model/sample.h"
#include "test/model/histograms.h"
#include "test/support/seed.h"

namespace {

using model::ChunkReset;
using model::CounterResetHint;
using model::FloatHistogram;
using model::Histogram;
using model::HistogramChunkWriter;
using model::Span;
using Outcome = HistogramChunkWriter::Outcome;
using test_model::kGoldenT0;
using test_model::wide_gaps;

// Times that do not step evenly.
int64_t golden_t(size_t i) {
    return kGoldenT0 + static_cast<int64_t>(i) * 15000 + static_cast<int64_t>(i % 3);
}

template <class AnyHistogram>
HistogramChunkWriter write(const std::vector<AnyHistogram>& histograms,
                           int64_t (*t)(size_t) = golden_t) {
    HistogramChunkWriter writer;
    for (size_t i = 0; i < histograms.size(); ++i) {
        if (i == 0) {
            writer.begin(t(i), histograms[i], ChunkReset::kUnknown);
        } else {
            REQUIRE(writer.append(t(i), histograms[i]) == Outcome::kAppended);
        }
    }
    return writer;
}

std::vector<model::TypedSample> read(model::Encoding encoding, std::span<const uint8_t> bytes) {
    std::vector<model::TypedSample> samples;
    REQUIRE(model::decode_samples({.encoding = encoding, .bytes = bytes}, samples));
    return samples;
}

std::vector<FloatHistogram> floats(const std::vector<Histogram>& histograms) {
    std::vector<FloatHistogram> out;
    for (const Histogram& histogram : histograms) {
        out.push_back(model::to_float(histogram));
    }
    return out;
}

std::string hex(const HistogramChunkWriter& writer) {
    return base::to_hex(writer.bytes());
}

// A plain counter of two buckets at index 0 and 2.
Histogram counter(uint64_t first, uint64_t second, uint64_t zeros = 1) {
    return {.schema = 1,
            .zero_threshold = 0.001,
            .zero_count = zeros,
            .count = first + second + zeros,
            .sum = static_cast<double>(first) + 2.5 * static_cast<double>(second),
            .positive_spans = {{0, 1}, {1, 1}},
            .positive_deltas = {static_cast<int64_t>(first),
                                static_cast<int64_t>(second) - static_cast<int64_t>(first)}};
}

}  // namespace

TEST_CASE("an integer histogram chunk has the bytes Prometheus gives it", "[model][histogram]") {
    SECTION("widened for new buckets, and ended by staleness") {
        const auto writer = write(test_model::golden_counter());
        CHECK(hex(writer) ==
              "000700749c6a946b197f0000c5e7f2b40062a48064cccccccccccd3bda568dfe0ea664db962666666666"
              "671ba371868e923a515e88d77175c5579f323379d9c686b2f0c8773b158a18bdf8f735940000000d40");
        CHECK(writer.count() == 7);
        CHECK(writer.min_t() == golden_t(0));
        CHECK(writer.max_t() == golden_t(6));
    }
    SECTION("a gauge, with the buckets of both samples united") {
        CHECK(hex(write(test_model::golden_gauge())) ==
              "0002c0749ce48c651946b1c37f0000c5e7f2b40062a48064cccccccccccd3bac8dfe0ea66d7d7a599999"
              "9999999d70bbca46f2");
    }
    SECTION("an empty bucket missing and a new one, in one sample") {
        CHECK(hex(write(test_model::golden_both())) ==
              "000200749c6a7f0000c5e7f2b40062a48064cccccccccccd3aca35f83a99937e1666666666666120");
    }
    SECTION("custom buckets, bounds of both forms") {
        CHECK(hex(write(test_model::golden_custom())) ==
              "00020000ee5ca48c55b7197d38a3fd55555555555552071c400000000007f0000c5e7f2b4005c8052000"
              "000000001193e0ea664e00e2b8");
    }
    SECTION("numbers of every width, a plain zero threshold, a NaN") {
        CHECK(hex(write(test_model::golden_wide(), wide_gaps)) ==
              "000300ff3fd3333333333333de463ec187f0000c5e7f2b4007f88000000000000007f000080000000005"
              "ff80000000000007f87ffff80000000007f00000001312d006170b802dfc00000009896801f83d08f7bb"
              "d9a4000000000000fe0f424000");
    }
    SECTION("stale from the first sample on") {
        CHECK(hex(write(std::vector<Histogram>(2, test_model::stale<Histogram>()))) ==
              "000200001fc0003179fcad0003ff80000000000017c1d4c8");
    }
}

TEST_CASE("a float histogram chunk has the bytes Prometheus gives it", "[model][histogram]") {
    SECTION("widened for new buckets, and ended by staleness") {
        CHECK(hex(write(floats(test_model::golden_counter()))) ==
              "000700749c6a946b197f0000c5e7f2b40020120000000000002000000000000000201933333333333320"
              "0400000000000020000000000000000000000000000000200000000000000000000000000000001ff800"
              "000000000000000000000000007c1d4cec0b6dcb133333333333d6166c061ac3fb01e923a7683d80f115"
              "ffeb0bc25c01622bffa8013d245fea1779d9c686b2e922ff4910b850ff73d23db613bfebc27ffc561420"
              "35f09d00fe2f7e3dcd650000000350");
    }
    SECTION("stale from the first sample on") {
        CHECK(hex(write(std::vector<FloatHistogram>(2, test_model::stale<FloatHistogram>()))) ==
              "000200001fc0003179fcad00000000000000000000000000000000000ffe0000000000005f075320");
    }
}

TEST_CASE("a histogram chunk reads back as what was written, widened", "[model][histogram]") {
    const std::vector<Histogram> written = test_model::golden_counter();
    const auto writer = write(written);
    const auto samples = read(writer.encoding(), writer.bytes());
    REQUIRE(samples.size() == written.size());
    const std::vector<Span> positive = written[2].positive_spans;
    for (size_t i = 0; i < samples.size(); ++i) {
        CAPTURE(i);
        REQUIRE(samples[i].integer != nullptr);
        CHECK(samples[i].t == golden_t(i));
        const Histogram& sample = *samples[i].integer;
        if (model::is_stale(written[i].sum)) {
            CHECK(model::is_stale(sample.sum));
            CHECK(sample.positive_spans.empty());
            CHECK(sample.count == 0);
            continue;
        }
        CHECK(sample.hint == (i == 0 ? CounterResetHint::kUnknown : CounterResetHint::kNotReset));
        CHECK(sample.positive_spans == positive);
        CHECK(sample.positive_deltas ==
              model::widen(written[i].positive_spans, written[i].positive_deltas, positive));
        CHECK(sample.count == written[i].count);
        CHECK(sample.zero_count == written[i].zero_count);
        CHECK(sample.sum == written[i].sum);
    }
}

TEST_CASE("a gauge chunk says gauge of every sample", "[model][histogram]") {
    const auto writer = write(test_model::golden_gauge());
    for (const auto& sample : read(writer.encoding(), writer.bytes())) {
        CHECK(sample.integer->hint == CounterResetHint::kGauge);
    }
}

TEST_CASE("a histogram chunk is cut where a counter was reset", "[model][histogram]") {
    HistogramChunkWriter writer;
    writer.begin(0, counter(5, 5), ChunkReset::kUnknown);
    const auto check = [&](const Histogram& next) {
        CHECK(writer.reset_before(next) == ChunkReset::kReset);
        CHECK(writer.append(1, next) == Outcome::kCutReset);
        CHECK(writer.count() == 1);
    };
    SECTION("the count fell") {
        check(counter(4, 4));
    }
    SECTION("one bucket fell, the count grew") {
        check(counter(9, 4));
    }
    SECTION("the zero bucket fell") {
        check(counter(9, 9, 0));
    }
    SECTION("a bucket in use is missing") {
        Histogram next = counter(20, 5);
        next.positive_spans = {{0, 1}};
        next.positive_deltas = {20};
        check(next);
    }
    SECTION("the histogram says so") {
        Histogram next = counter(9, 9);
        next.hint = CounterResetHint::kReset;
        check(next);
    }
    SECTION("custom bounds changed") {
        Histogram custom{.schema = model::kCustomBucketsSchema,
                         .count = 1,
                         .positive_spans = {{0, 1}},
                         .positive_deltas = {1},
                         .custom_values = {1, 2}};
        writer.begin(0, custom, ChunkReset::kUnknown);
        custom.custom_values = {1, 3};
        check(custom);
    }
}

TEST_CASE("a histogram chunk is cut where its layout ends", "[model][histogram]") {
    HistogramChunkWriter writer;
    writer.begin(0, counter(5, 5), ChunkReset::kUnknown);
    const auto check = [&](const Histogram& next, ChunkReset before) {
        CHECK(writer.append(1, next) == Outcome::kCutLayout);
        CHECK(writer.reset_before(next) == before);
    };
    SECTION("another schema") {
        Histogram next = counter(9, 9);
        next.schema = 2;
        check(next, ChunkReset::kUnknown);
    }
    SECTION("another zero threshold") {
        Histogram next = counter(9, 9);
        next.zero_threshold = 0.01;
        check(next, ChunkReset::kUnknown);
    }
    SECTION("a gauge behind a counter") {
        Histogram next = counter(9, 9);
        next.hint = CounterResetHint::kGauge;
        check(next, ChunkReset::kGauge);
    }
    SECTION("a counter behind a gauge") {
        Histogram gauge = counter(9, 9);
        gauge.hint = CounterResetHint::kGauge;
        writer.begin(0, gauge, ChunkReset::kUnknown);
        check(counter(10, 10), ChunkReset::kUnknown);
    }
    SECTION("a sample behind staleness") {
        REQUIRE(writer.append(1, test_model::stale<Histogram>()) == Outcome::kAppended);
        CHECK(writer.append(2, counter(9, 9)) == Outcome::kCutLayout);
        CHECK(writer.append(2, test_model::stale<Histogram>()) == Outcome::kAppended);
    }
}

TEST_CASE("a histogram chunk is of one kind", "[model][histogram]") {
    HistogramChunkWriter writer;
    CHECK(writer.empty());
    CHECK(writer.bytes().empty());
    writer.begin(0, counter(5, 5), ChunkReset::kUnknown);
    CHECK(writer.append(1, model::to_float(counter(6, 6))) == Outcome::kCutKind);
    CHECK(writer.append(1, test_model::stale<FloatHistogram>()) == Outcome::kCutKind);
    writer.begin(1, model::to_float(counter(6, 6)), ChunkReset::kNotReset);
    CHECK(writer.is_float());
    CHECK(writer.encoding() == model::Encoding::kFloatHistogram);
    CHECK(writer.bytes()[2] == 0x40);
}

TEST_CASE("the header of the next chunk is known before it is begun", "[model][histogram]") {
    HistogramChunkWriter writer;
    CHECK(writer.reset_before(counter(1, 1)) == ChunkReset::kUnknown);
    writer.begin(0, counter(5, 5), ChunkReset::kUnknown);
    CHECK(writer.reset_before(counter(5, 6)) == ChunkReset::kNotReset);
    CHECK(writer.reset_before(counter(5, 4)) == ChunkReset::kReset);
    CHECK(writer.reset_before(model::to_float(counter(5, 6))) == ChunkReset::kUnknown);
    CHECK(writer.count() == 1);
}

TEST_CASE("a repeated histogram is known as such", "[model][histogram]") {
    HistogramChunkWriter writer;
    CHECK_FALSE(writer.last_equals(counter(5, 5)));
    writer.begin(0, counter(5, 0), ChunkReset::kUnknown);
    CHECK(writer.last_equals(counter(5, 0)));
    CHECK_FALSE(writer.last_equals(counter(5, 1)));
    CHECK_FALSE(writer.last_equals(model::to_float(counter(5, 0))));
    Histogram narrow = counter(5, 0);
    narrow.positive_spans = {{0, 1}};
    narrow.positive_deltas = {5};
    CHECK(writer.last_equals(narrow));
    REQUIRE(writer.append(1, test_model::stale<Histogram>()) == Outcome::kAppended);
    CHECK(writer.last_equals(test_model::stale<Histogram>()));
    CHECK_FALSE(writer.last_equals(counter(5, 0)));
}

TEST_CASE("finer schemas than 8 are reduced when written", "[model][histogram]") {
    const Histogram fine{.schema = 10,
                         .count = 6,
                         .sum = 1,
                         .positive_spans = {{1, 5}},
                         .positive_deltas = {1, 1, -1, 0, 0}};
    HistogramChunkWriter writer;
    writer.begin(0, fine, ChunkReset::kUnknown);
    const auto samples = read(writer.encoding(), writer.bytes());
    REQUIRE(samples.size() == 1);
    CHECK(samples[0].integer->schema == 8);
    CHECK(samples[0].integer->positive_spans == std::vector<Span>{{1, 2}});
    CHECK(samples[0].integer->positive_deltas == std::vector<int64_t>{5, -4});
}

TEST_CASE("an open histogram chunk takes little memory beside its bytes", "[model][histogram]") {
    const auto writer = write(test_model::golden_counter());
    CHECK(writer.memory_bytes() < writer.bytes().size() * 5 / 4 + 64 + 400 + 7 * 16 + 4 * 8);
}
