#include "query/exec/columns.h"

#include <bit>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "model/chunk_codec.h"
#include "model/sample.h"

namespace {

using model::CounterResetHint;
using model::TypedSample;
using query::exec::Columns;

// Integer counters of one bucket that count 1, 2, 3 …
std::vector<TypedSample> counters(int64_t t, int64_t step, size_t count, bool gauge = false) {
    std::vector<TypedSample> out;
    for (size_t i = 0; i < count; ++i) {
        model::Histogram histogram{.count = i + 1,
                                   .sum = static_cast<double>(i),
                                   .positive_spans = {{0, 1}},
                                   .positive_deltas = {static_cast<int64_t>(i + 1)}};
        histogram.hint = gauge ? CounterResetHint::kGauge : CounterResetHint::kUnknown;
        out.push_back({.t = t + static_cast<int64_t>(i) * step,
                       .integer = std::make_shared<const model::Histogram>(histogram)});
    }
    return out;
}

// Chunks of a few series' samples, as their querier would hand them out.
class Chunks {
  public:
    void add(const std::vector<TypedSample>& samples, size_t samples_max, uint32_t source = 0) {
        const size_t before = encoded_.size();
        model::encode_samples(samples, samples_max, encoded_);
        sources_.resize(encoded_.size(), source);
        REQUIRE(encoded_.size() > before);
    }

    [[nodiscard]] Columns decode(int64_t min_t = 0,
                                 int64_t max_t = INT64_MAX,
                                 bool drop_stale = true) const {
        std::vector<model::ChunkView> views;
        for (size_t i = 0; i < encoded_.size(); ++i) {
            views.push_back({.encoding = encoded_[i].encoding,
                             .source = sources_[i],
                             .bytes = {reinterpret_cast<const uint8_t*>(encoded_[i].bytes.data()),
                                       encoded_[i].bytes.size()},
                             .min_t = encoded_[i].min_t,
                             .max_t = encoded_[i].max_t});
        }
        Columns out;
        REQUIRE(query::exec::decode(views, min_t, max_t, drop_stale, out));
        return out;
    }

  private:
    std::vector<model::EncodedChunk> encoded_;
    std::vector<uint32_t> sources_;
};

std::vector<CounterResetHint> hints(const Columns& columns) {
    std::vector<CounterResetHint> out;
    for (const auto& histogram : columns.histogram) {
        out.push_back(histogram->hint);
    }
    return out;
}

constexpr auto kUnknown = CounterResetHint::kUnknown;
constexpr auto kNotReset = CounterResetHint::kNotReset;
constexpr auto kGauge = CounterResetHint::kGauge;

}  // namespace

TEST_CASE("columns take integer histogram chunks as float histograms", "[query][columns]") {
    Chunks chunks;
    chunks.add(counters(1000, 10, 5), 3);
    const Columns columns = chunks.decode();
    CHECK(columns.t.empty());
    CHECK(columns.histogram_t == std::vector<int64_t>{1000, 1010, 1020, 1030, 1040});
    CHECK(columns.histogram[4]->positive_buckets == std::vector<double>{5});
    CHECK(columns.histogram_st.empty());
    // The fourth is the first of its chunk: the one before may be gone.
    CHECK(hints(columns) ==
          std::vector<CounterResetHint>{kUnknown, kNotReset, kNotReset, kUnknown, kNotReset});
}

TEST_CASE("columns keep gauges gauges", "[query][columns]") {
    Chunks chunks;
    chunks.add(counters(1000, 10, 3, /*gauge=*/true), 2);
    CHECK(hints(chunks.decode()) == std::vector<CounterResetHint>{kGauge, kGauge, kGauge});
}

TEST_CASE("columns forget what was said of neighbours that others come between",
          "[query][columns]") {
    Chunks chunks;
    chunks.add(counters(1000, 10, 3), 120, 0);
    chunks.add(counters(1005, 10, 2), 120, 1);
    const Columns columns = chunks.decode();
    CHECK(columns.histogram_t == std::vector<int64_t>{1000, 1005, 1010, 1015, 1020});
    CHECK(hints(columns) == std::vector<CounterResetHint>(5, kUnknown));
}

TEST_CASE("columns hold two equal sources once, with their hints", "[query][columns]") {
    Chunks chunks;
    chunks.add(counters(1000, 10, 3), 120, 0);
    chunks.add(counters(1000, 10, 3), 120, 1);
    const Columns columns = chunks.decode();
    CHECK(columns.histogram_t == std::vector<int64_t>{1000, 1010, 1020});
}

TEST_CASE("columns leave stale histograms out when windows ask", "[query][columns]") {
    std::vector<TypedSample> samples = counters(1000, 10, 2);
    model::Histogram stale;
    stale.sum = model::kStaleNan;
    samples.push_back({.t = 1020, .integer = std::make_shared<const model::Histogram>(stale)});
    Chunks chunks;
    chunks.add(samples, 120);
    CHECK(chunks.decode().histogram_t == std::vector<int64_t>{1000, 1010});
    CHECK(chunks.decode(0, INT64_MAX, /*drop_stale=*/false).histogram_t ==
          std::vector<int64_t>{1000, 1010, 1020});
    CHECK(chunks.decode(1005, 1010).histogram_t == std::vector<int64_t>{1010});
}

TEST_CASE("columns take start timestamps of XOR2 chunks", "[query][columns]") {
    // Times from 1700000000000 on; no start timestamp at first, from the second sample on one that
    // moves by 14 s.
    constexpr std::string_view kHex =
        "000a0180a0abfef9623ff000000000000098757de4a87fc7d18002f1f46fffe09bffdf1f4d703f1f47fc7d153b"
        "5f066666666667e3e8f00000000000e57dfbc7d1e000000d18bf2b929c2f7e6ee25aee6613fbf839674e";
    std::vector<uint8_t> bytes;
    for (size_t i = 0; i < kHex.size(); i += 2) {
        bytes.push_back(
            static_cast<uint8_t>(std::stoul(std::string(kHex.substr(i, 2)), nullptr, 16)));
    }
    const std::vector<model::ChunkView> views = {
        {.encoding = model::Encoding::kXor2, .bytes = bytes}};
    Columns columns;
    REQUIRE(query::exec::decode(views, 0, INT64_MAX, /*drop_stale=*/true, columns));
    REQUIRE(columns.t.size() == 8);  // two of ten are stale
    REQUIRE(columns.st.size() == 8);
    CHECK(columns.st[0] == 0);
    CHECK(columns.st[1] == 1700000000000 + 14000);
    CHECK(columns.st[7] == 1700000000000 + 9 * 14000);
    CHECK(columns.v[7] == 1e300);
}

TEST_CASE("columns take many chunks of floats, also where others stand between them",
          "[query][columns]") {
    Chunks chunks;
    std::vector<int64_t> times;
    std::vector<double> values;
    const auto add_floats = [&](size_t count) {
        std::vector<TypedSample> samples;
        for (size_t i = 0; i < count; ++i) {
            const auto n = static_cast<int64_t>(times.size());
            samples.push_back({.t = 1000 * n, .v = static_cast<double>(n * n) / 3});
            times.push_back(samples.back().t);
            values.push_back(samples.back().v);
        }
        chunks.add(samples, 7);
    };
    add_floats(1000);
    const Columns floats = chunks.decode();
    CHECK(floats.t == times);
    CHECK(floats.v == values);
    chunks.add(counters(1000 * 1000 + 1, 10, 3), 120);
    add_floats(100);
    const Columns both = chunks.decode();
    CHECK(both.t == times);
    CHECK(both.v == values);
    CHECK(both.histogram_t.size() == 3);
}

TEST_CASE("columns refuse an encoding that is not known", "[query][columns]") {
    const std::vector<model::ChunkView> views = {{.encoding = model::Encoding::kNone}};
    Columns columns;
    const auto decoded = query::exec::decode(views, 0, 1, /*drop_stale=*/true, columns);
    REQUIRE(decoded.has_error());
    CHECK(decoded.error().code() == base::Code::kUnsupported);
}
