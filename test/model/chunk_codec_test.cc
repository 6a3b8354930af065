#include "model/chunk_codec.h"

#include <algorithm>
#include <bit>
#include <map>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/random.h"
#include "model/histogram_layout.h"
#include "model/sample.h"
#include "model/xor_chunk.h"
#include "test/model/histograms.h"
#include "test/support/seed.h"

namespace {

using model::CounterResetHint;
using model::Encoding;
using model::TypedSample;
using test_model::kGoldenT0;

std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(
            static_cast<uint8_t>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

std::span<const uint8_t> bytes_of(const model::EncodedChunk& chunk) {
    return {reinterpret_cast<const uint8_t*>(chunk.bytes.data()), chunk.bytes.size()};
}

std::vector<TypedSample> read(Encoding encoding,
                              std::span<const uint8_t> bytes,
                              model::HistogramsAs as = model::HistogramsAs::kStored) {
    std::vector<TypedSample> samples;
    REQUIRE(model::decode_samples({.encoding = encoding, .bytes = bytes}, samples, as));
    CHECK(samples.size() == model::sample_count(encoding, bytes));
    return samples;
}

// Start timestamps of the golden chunks: one that changes late, and one that comes late.
int64_t changing_start(size_t i) {
    return kGoldenT0 - 500 + (i < 2 ? 0 : static_cast<int64_t>(i) * 7000);
}

int64_t late_start(size_t i) {
    return i < 1 ? 0 : kGoldenT0 + static_cast<int64_t>(i) * 14000;
}

int64_t no_start(size_t) {
    return 0;
}

// What a sample counts, by bucket, whatever its layout: equal for equal histograms.
struct Meaning {
    bool stale = false;
    int32_t schema = 0;
    double zero_threshold = 0, zeros = 0, count = 0;
    uint64_t sum_bits = 0;
    std::map<int64_t, double> positive, negative;
    std::vector<double> bounds;

    bool operator==(const Meaning&) const = default;
};

std::map<int64_t, double> used(std::span<const model::Span> spans, std::span<const double> counts) {
    std::map<int64_t, double> out;
    size_t i = 0;
    for (model::BucketWalk bucket(spans); !bucket.done(); bucket.next(), ++i) {
        if (counts[i] != 0) {
            out[bucket.index()] = counts[i];
        }
    }
    return out;
}

Meaning meaning(const model::FloatHistogram& histogram) {
    if (model::is_stale(histogram.sum)) {
        return {.stale = true};
    }
    return {.schema = histogram.schema,
            .zero_threshold = histogram.zero_threshold,
            .zeros = histogram.zero_count,
            .count = histogram.count,
            .sum_bits = std::bit_cast<uint64_t>(histogram.sum),
            .positive = used(histogram.positive_spans, histogram.positive_buckets),
            .negative = used(histogram.negative_spans, histogram.negative_buckets),
            .bounds = histogram.custom_values};
}

Meaning meaning(const TypedSample& sample) {
    return sample.integer ? meaning(model::to_float(*sample.integer)) : meaning(*sample.floating);
}

// Floats and histograms of both kinds in runs, as a series that changes its mind has them.
std::vector<TypedSample> random_samples(base::SeededRandom& random) {
    test_model::RandomHistogram histogram(random);
    std::vector<TypedSample> samples;
    int64_t t = static_cast<int64_t>(random.below(uint64_t{1} << 42));
    uint64_t kind = random.below(3);
    const size_t count = 1 + random.below(500);
    for (size_t i = 0; i < count; ++i) {
        t += random.below(50) == 0 ? static_cast<int64_t>(1 + (random.u64() >> 28))
                                   : static_cast<int64_t>(1 + random.below(30000));
        if (random.below(60) == 0) {
            kind = random.below(3);
        }
        histogram.advance();
        TypedSample sample{.t = t};
        switch (kind) {
            case 0:
                sample.v = random.below(20) == 0 ? model::kStaleNan : random.unit();
                break;
            case 1:
                sample.integer = std::make_shared<const model::Histogram>(histogram.integer());
                break;
            default:
                sample.floating =
                    std::make_shared<const model::FloatHistogram>(histogram.floating());
        }
        samples.push_back(std::move(sample));
    }
    return samples;
}

void check_equal(const TypedSample& read, const TypedSample& written) {
    CHECK(read.t == written.t);
    REQUIRE(read.is_float() == written.is_float());
    if (read.is_float()) {
        CHECK(std::bit_cast<uint64_t>(read.v) == std::bit_cast<uint64_t>(written.v));
        return;
    }
    REQUIRE((read.integer != nullptr) == (written.integer != nullptr));
    CHECK(meaning(read) == meaning(written));
}

}  // namespace

TEST_CASE("XOR2 chunks of Prometheus are read, with their start timestamps", "[model][codec]") {
    const std::vector<double> values = {
        1, 1, model::kStaleNan, 1, 2.5, 2.75, model::kStaleNan, 100.1, 100.1, 1e300};
    const std::vector<int64_t> times = {
        0, 15000, 30000, 45001, 60001, 75001, 90001, 105001, 2000000, 900000000000};
    const auto check = [&](std::string_view hex, int64_t (*start)(size_t)) {
        const auto samples = read(Encoding::kXor2, from_hex(hex));
        REQUIRE(samples.size() == values.size());
        for (size_t i = 0; i < samples.size(); ++i) {
            CAPTURE(i);
            CHECK(samples[i].t == kGoldenT0 + times[i]);
            CHECK(std::bit_cast<uint64_t>(samples[i].v) == std::bit_cast<uint64_t>(values[i]));
            CHECK(samples[i].st == start(i));
        }
    };
    check(
        "000a0080a0abfef9623ff000000000000098757f0005bfff826fff6b81fea76be0ccccccccccfc00000000"
        "00395f7ef00000068c5f95c94e17bf37712d773309fd",
        no_start);
    check(
        "000a8280a0abfef9623ff0000000000000e80798757fcbb98002f81f40dfffc137ffbf03e835c0fe07d03f"
        "f03e8153b5f066666666667f03e81e00000000001cafbf7c0fa078000003462fcae4a70bdf9bb896bb9984"
        "fefe0e677f80",
        changing_start);
    check(
        "000a0180a0abfef9623ff000000000000098757de4a87fc7d18002f1f46fffe09bffdf1f4d703f1f47fc7d"
        "153b5f066666666667e3e8f00000000000e57dfbc7d1e000000d18bf2b929c2f7e6ee25aee6613fbf83967"
        "4e",
        late_start);
}

TEST_CASE("a long XOR2 chunk notes its start timestamps from sample 127 on", "[model][codec]") {
    const auto check = [](std::string_view hex, int64_t start) {
        const auto samples = read(Encoding::kXor2, from_hex(hex));
        REQUIRE(samples.size() == 130);
        for (size_t i = 0; i < samples.size(); ++i) {
            CAPTURE(i);
            CHECK(samples[i].t == kGoldenT0 + static_cast<int64_t>(i) * 1000);
            CHECK(samples[i].v == 5);
            CHECK(samples[i].st == start);
        }
    };
    check(
        "00827f80a0abfef9624014000000000000e80700000000000000000000000000000001fc0003179fcea860f1"
        "f43c7d00",
        0);
    check(
        "0082ff80a0abfef962401400000000000002e80700000000000000000000000000000001f3d862f1f43c7d00",
        kGoldenT0 - 1);
}

TEST_CASE("histogram chunks with start timestamps are read", "[model][codec]") {
    const std::vector<model::Histogram> written = test_model::golden_counter();
    const auto check = [&](Encoding encoding, std::string_view hex, int64_t (*start)(size_t)) {
        const auto samples = read(encoding, from_hex(hex));
        REQUIRE(samples.size() == written.size());
        for (size_t i = 0; i < samples.size(); ++i) {
            CAPTURE(i);
            CHECK(meaning(samples[i]) == meaning(model::to_float(written[i])));
            CHECK(samples[i].st == start(i));
        }
    };
    check(Encoding::kHistogramSt,
          "000782749c6a946b197f0000c5e7f2b40062a48064cccccccccccd3bda568dfa01fe0ea664db96266666666"
          "6671ba371868e923a515e88f9776bb8bae2abfc0fa0cf9919bcece3435978643b9d8ac57c0f9f0c5efc7b9ac"
          "a00000007e07d06a3e07d04",
          changing_start);
    check(Encoding::kHistogramSt,
          "000701749c6a946b197f0000c5e7f2b40062a48064cccccccccccd3bda568dfe0ea664db962666666666671b"
          "a373ef2541868e923a515e88f8fa6bb8bae2abf8fa67cc8cde7671a1acbc321dcec562bc7cc317bf1ee6b280"
          "000001f1f4d478fa40",
          late_start);
    check(Encoding::kFloatHistogramSt,
          "000782749c6a946b197f0000c5e7f2b40020120000000000002000000000000000201933333333333320040"
          "0000000000020000000000000000000000000000000200000000000000000000000000000001ff8000000000"
          "00000000000000000007403fc1d4cec0b6dcb133333333333d6166c061ac3fb01e923a7683d80f115ffeb0bc"
          "25c01622bfff2eed400f81f419e922ff50bbcece3435974917fa4885c287fb9e91edb09dff5e13ffe2fc0f9f"
          "30a101af84e807f17bf1ee6b280000001f81f41a8f81f41",
          changing_start);
}

TEST_CASE("integer histograms come as floats when asked for", "[model][codec]") {
    std::vector<TypedSample> samples;
    for (const model::Histogram& histogram : test_model::golden_gauge()) {
        samples.push_back({.t = static_cast<int64_t>(samples.size()),
                           .integer = std::make_shared<const model::Histogram>(histogram)});
    }
    std::vector<model::EncodedChunk> chunks;
    model::encode_samples(samples, 120, chunks);
    REQUIRE(chunks.size() == 1);
    const auto as_floats =
        read(chunks[0].encoding, bytes_of(chunks[0]), model::HistogramsAs::kFloat);
    REQUIRE(as_floats.size() == 2);
    for (size_t i = 0; i < as_floats.size(); ++i) {
        CHECK(as_floats[i].integer == nullptr);
        CHECK(as_floats[i].floating->hint == CounterResetHint::kGauge);
        CHECK(meaning(as_floats[i]) == meaning(samples[i]));
    }
}

TEST_CASE("samples that lie as they are need no decoding", "[model][codec]") {
    const auto histogram = std::make_shared<const model::FloatHistogram>(
        model::to_float(test_model::golden_counter()[0]));
    const std::vector<model::ChunkSample> samples = {{.t = 1, .st = 0, .v = 2.5},
                                                     {.t = 2, .st = 1, .histogram = histogram}};
    const auto out = read(Encoding::kSamples,
                          {reinterpret_cast<const uint8_t*>(samples.data()),
                           samples.size() * sizeof(model::ChunkSample)});
    CHECK(out[0].v == 2.5);
    CHECK(out[1].floating == histogram);
    CHECK(out[1].st == 1);
}

TEST_CASE("an encoding not known is said to be so", "[model][codec]") {
    std::vector<TypedSample> out;
    const auto status = model::decode_samples({.encoding = static_cast<Encoding>(9)}, out);
    REQUIRE(status.has_error());
    CHECK(status.error().code() == base::Code::kUnsupported);
    CHECK(model::sample_count(static_cast<Encoding>(9), {}) == 0);
}

TEST_CASE("any samples come back from their chunks", "[model][codec]") {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t round = 0; round < 300; ++round) {
        CAPTURE(seed, round);
        base::SeededRandom random(seed + round);
        const std::vector<TypedSample> written = random_samples(random);
        const size_t samples_max = 1 + random.below(model::kEncodedSamplesMax);
        std::vector<model::EncodedChunk> chunks;
        model::encode_samples(written, samples_max, chunks);
        size_t at = 0;
        for (const model::EncodedChunk& chunk : chunks) {
            CAPTURE(at);
            const auto samples = read(chunk.encoding, bytes_of(chunk));
            REQUIRE(samples.size() == chunk.samples);
            REQUIRE(samples.size() <= samples_max);
            REQUIRE(at + samples.size() <= written.size());
            CHECK(chunk.min_t == samples.front().t);
            CHECK(chunk.max_t == samples.back().t);
            for (const TypedSample& sample : samples) {
                check_equal(sample, written[at++]);
            }
        }
        CHECK(at == written.size());
    }
}

TEST_CASE("a chunk of counters never holds a reset", "[model][codec]") {
    const uint64_t seed = test_support::test_seed();
    for (uint64_t round = 0; round < 100; ++round) {
        CAPTURE(seed, round);
        base::SeededRandom random(seed ^ round);
        std::vector<model::EncodedChunk> chunks;
        model::encode_samples(random_samples(random), 120, chunks);
        for (const model::EncodedChunk& chunk : chunks) {
            std::shared_ptr<const model::FloatHistogram> before;
            for (const auto& sample :
                 read(chunk.encoding, bytes_of(chunk), model::HistogramsAs::kFloat)) {
                const auto& now = sample.floating;
                if (now == nullptr || now->hint == CounterResetHint::kGauge ||
                    model::is_stale(now->sum)) {
                    continue;
                }
                if (before != nullptr) {
                    CHECK(now->hint == CounterResetHint::kNotReset);
                    CHECK(now->count >= before->count);
                    CHECK(std::ranges::equal(
                        now->positive_buckets, before->positive_buckets, std::greater_equal<>()));
                }
                before = now;
            }
        }
    }
}

TEST_CASE("damaged chunks are refused or read, and never more than that", "[model][codec]") {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    CAPTURE(seed);
    std::vector<model::EncodedChunk> chunks;
    for (int i = 0; i < 20; ++i) {
        model::encode_samples(random_samples(random), 30, chunks);
    }
    constexpr uint8_t kEncodings = 7;
    for (const model::EncodedChunk& chunk : chunks) {
        const std::span<const uint8_t> whole = bytes_of(chunk);
        std::vector<TypedSample> out;
        for (int i = 0; i < 40; ++i) {
            std::vector<uint8_t> damaged(whole.begin(), whole.end());
            if (random.below(2) == 0) {
                damaged.resize(random.below(damaged.size()));
            } else {
                for (uint64_t flips = 1 + random.below(4); flips > 0; --flips) {
                    damaged[random.below(damaged.size())] ^=
                        static_cast<uint8_t>(1u << random.below(8));
                }
            }
            const Encoding encoding = random.below(3) == 0
                                          ? static_cast<Encoding>(1 + random.below(kEncodings - 1))
                                          : chunk.encoding;
            const auto status =
                model::decode_samples({.encoding = encoding, .bytes = damaged}, out);
            CHECK((status.has_value() || status.error().code() == base::Code::kCorrupt));
            out.clear();
        }
    }
}

TEST_CASE("a small chunk cannot ask for much memory", "[model][codec]") {
    const auto refused = [](Encoding encoding, std::vector<uint8_t> bytes) {
        std::vector<TypedSample> out;
        const auto status = model::decode_samples({.encoding = encoding, .bytes = bytes}, out);
        REQUIRE(status.has_error());
        CHECK(status.error().code() == base::Code::kCorrupt);
    };
    refused(Encoding::kXor, {0xff, 0xff, 0, 0});
    refused(Encoding::kXor2, {0xff, 0xff, 0, 0});
    // A span of 2^32 - 1 buckets: no zero threshold, schema 0, one positive span.
    refused(Encoding::kHistogram, from_hex("000100005fe00000fffffffe0000000000000000000000"));
    // 65535 samples in a few bytes.
    refused(Encoding::kHistogram, from_hex("ffff000000000000000000000000000000000000000000"));
    refused(Encoding::kFloatHistogramSt, from_hex("3fff00000000000000000000000000000000000000"));
}
