#include "tsdb/wal/record.h"

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/random.h"
#include "model/histogram_layout.h"
#include "model/sample.h"
#include "test/support/seed.h"
#include "tsdb/wal/record_histogram.h"

namespace {

using model::Histogram;
namespace wal = tsdb::wal;

constexpr int64_t kT0 = 1700000000000;

// Records as Prometheus 3 writes them.
constexpr std::string_view kIntegers =
    "0700000000000000070000018bcfe568000000000637f0000000000000020a4032666666666666020002"
    "02010105010306010001020302030637f000000000000002ac0240326666666666660200020201010501"
    "030601000102fa0d090000000000000000000000007ff000000000000200000000fc0d09000637f00000"
    "00000000020a40326666666666660200020201010501030601000102";
constexpr std::string_view kFloats =
    "0800000000000000070000018bcfe568000000000637f000000000000040000000000000004024000000"
    "000000403266666666666602000202010105010340080000000000004000000000000000400000000000"
    "0000013ff00000000000000302030637f000000000000040000000000000004072c00000000000403266"
    "6666666666020002020101050103400800000000000040000000000000004000000000000000013ff000"
    "0000000000fa0d0900000000000000000000000000000000000000000000000000007ff0000000000002"
    "00000000fc0d09000637f000000000000040000000000000004024000000000000403266666666666602"
    "0002020101050103400800000000000040000000000000004000000000000000013ff0000000000000";
constexpr std::string_view kIntegersV2 =
    "0c0e80a0abfef962b89eabfef962000637f0000000000000020a40326666666666660200020201010501"
    "030601000102030201030637f000000000000002ac024032666666666666020002020101050103060100"
    "0102fe0d09000000000000000000000000007ff000000000000200000000020902ba01000637f0000000"
    "000000020a40326666666666660200020201010501030601000102";
constexpr std::string_view kFloatsV2 =
    "0d0e80a0abfef962b89eabfef962000637f0000000000000400000000000000040240000000000004032"
    "666666666666020002020101050103400800000000000040000000000000004000000000000000013ff0"
    "000000000000030201030637f000000000000040000000000000004072c0000000000040326666666666"
    "66020002020101050103400800000000000040000000000000004000000000000000013ff00000000000"
    "00fe0d090000000000000000000000000000000000000000000000000000007ff0000000000002000000"
    "00020902ba01000637f00000000000004000000000000000402400000000000040326666666666660200"
    "02020101050103400800000000000040000000000000004000000000000000013ff0000000000000";
constexpr std::string_view kCustom =
    "0900000000000000070000018bcfe5680000000069000000000000000000074029000000000000020002"
    "0201000302040000053f747ae147ae147b3fb999999999999a40040000000000003fd555555555555540"
    "e3880000000000";
constexpr std::string_view kCustomFloats =
    "0a00000000000000070000018bcfe568000000006900000000000000000000000000000000401c000000"
    "0000004029000000000000020002020100033ff000000000000040080000000000004008000000000000"
    "00053f747ae147ae147b3fb999999999999a40040000000000003fd555555555555540e3880000000000";
constexpr std::string_view kCustomV2 =
    "0c0e80a0abfef9620000690000000000000000000740290000000000000200020201000302040000053f"
    "747ae147ae147b3fb999999999999a40040000000000003fd555555555555540e3880000000000";

std::string from_hex(std::string_view text) {
    std::string bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoul(std::string(text.substr(i, 2)), nullptr, 16)));
    }
    return bytes;
}

// What the integer records hold: two equal ones, a gauge between them, and a stale one.
std::vector<wal::HistogramEntry> entries(bool starts) {
    const Histogram plain{.schema = 3,
                          .zero_threshold = 0x1p-128,
                          .zero_count = 2,
                          .count = 10,
                          .sum = 18.4,
                          .positive_spans = {{0, 2}, {1, 1}},
                          .negative_spans = {{-3, 1}},
                          .positive_deltas = {3, -1, 0},
                          .negative_deltas = {1}};
    Histogram gauge = plain;
    gauge.hint = model::CounterResetHint::kGauge;
    gauge.count = 300;
    Histogram stale;
    stale.sum = model::kStaleNan;
    return {{.ref = 7, .t = kT0, .start_t = starts ? kT0 - 100 : 0, .histogram = plain},
            {.ref = 5, .t = kT0 + 1, .start_t = starts ? kT0 - 100 : 0, .histogram = gauge},
            {.ref = 900, .t = kT0 - 5, .start_t = 0, .histogram = stale},
            {.ref = 901, .t = kT0 - 5, .start_t = starts ? kT0 - 7 : 0, .histogram = plain}};
}

Histogram custom() {
    return {.schema = model::kCustomBucketsSchema,
            .count = 7,
            .sum = 12.5,
            .positive_spans = {{0, 2}, {1, 1}},
            .positive_deltas = {1, 2, 0},
            .custom_values = {0.005, 0.1, 2.5, 1.0 / 3, 40000}};
}

// Equal in every bit but the payload of a stale sum, which no comparison sees.
template <class AnyHistogram>
bool same(AnyHistogram a, AnyHistogram b) {
    const bool sums = std::bit_cast<uint64_t>(a.sum) == std::bit_cast<uint64_t>(b.sum);
    a.sum = b.sum = 0;
    return sums && a == b;
}

template <class Entry>
void check_equal(const std::vector<Entry>& read, const std::vector<wal::HistogramEntry>& written) {
    REQUIRE(read.size() == written.size());
    for (size_t i = 0; i < read.size(); ++i) {
        CAPTURE(i);
        CHECK(read[i].ref == written[i].ref);
        CHECK(read[i].t == written[i].t);
        CHECK(read[i].start_t == written[i].start_t);
        if constexpr (std::is_same_v<Entry, wal::HistogramEntry>) {
            CHECK(same(read[i].histogram, written[i].histogram));
        } else {
            CHECK(same(read[i].histogram, model::to_float(written[i].histogram)));
        }
    }
}

template <class Encoder, class Add>
std::string encode(wal::RecordType type, Add&& add) {
    std::string text;
    base::ByteWriter out(text);
    Encoder encoder(out, type);
    add(encoder);
    out.finish();
    return text;
}

template <class Encoder, class Add>
std::string encode(Add&& add) {
    std::string text;
    base::ByteWriter out(text);
    Encoder encoder(out);
    add(encoder);
    out.finish();
    return text;
}

std::string hex(const std::string& text) {
    return base::to_hex({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace

TEST_CASE("wal histogram records have the bytes Prometheus gives them", "[tsdb][wal][histogram]") {
    const std::string integers =
        encode<wal::HistogramsEncoder>(wal::RecordType::kHistograms, [](auto& encoder) {
            for (const auto& entry : entries(/*starts=*/false)) {
                encoder.add(entry.ref, entry.t, entry.histogram);
            }
        });
    CHECK(hex(integers) == kIntegers);
    const std::string floats =
        encode<wal::FloatHistogramsEncoder>(wal::RecordType::kFloatHistograms, [](auto& encoder) {
            for (const auto& entry : entries(/*starts=*/false)) {
                encoder.add(entry.ref, entry.t, model::to_float(entry.histogram));
            }
        });
    CHECK(hex(floats) == kFloats);
    CHECK(hex(encode<wal::HistogramsEncoder>(wal::record_type_for(custom()), [](auto& encoder) {
              encoder.add(7, kT0, custom());
          })) == kCustom);
    const model::FloatHistogram custom_floats = model::to_float(custom());
    CHECK(hex(encode<wal::FloatHistogramsEncoder>(
              wal::record_type_for(custom_floats),
              [&](auto& encoder) { encoder.add(7, kT0, custom_floats); })) == kCustomFloats);
}

TEST_CASE("wal histogram records of both forms are read", "[tsdb][wal][histogram]") {
    const auto integers = [](std::string_view record, const auto& written) {
        std::vector<wal::HistogramEntry> read;
        const auto left_out = wal::decode_histograms(from_hex(record), read);
        REQUIRE(left_out);
        CHECK(left_out.value() == 0);
        check_equal(read, written);
    };
    const auto floats = [](std::string_view record, const auto& written) {
        std::vector<wal::FloatHistogramEntry> read;
        REQUIRE(wal::decode_float_histograms(from_hex(record), read));
        check_equal(read, written);
    };
    const std::vector<wal::HistogramEntry> customs = {{.ref = 7, .t = kT0, .histogram = custom()}};
    integers(kIntegers, entries(/*starts=*/false));
    integers(kIntegersV2, entries(/*starts=*/true));
    integers(kCustom, customs);
    integers(kCustomV2, customs);
    floats(kFloats, entries(/*starts=*/false));
    floats(kFloatsV2, entries(/*starts=*/true));
    floats(kCustomFloats, customs);
    for (const char* const empty : {"07", "09", "0c"}) {
        integers(empty, std::vector<wal::HistogramEntry>());
    }
}

TEST_CASE("wal histograms that cannot be are left out, finer ones reduced",
          "[tsdb][wal][histogram]") {
    Histogram unknown = entries(false)[0].histogram;
    unknown.schema = 60;
    Histogram torn = entries(false)[0].histogram;
    torn.positive_deltas.pop_back();
    const Histogram fine{
        .schema = 9, .count = 3, .positive_spans = {{1, 2}}, .positive_deltas = {1, 1}};
    const std::string record =
        encode<wal::HistogramsEncoder>(wal::RecordType::kHistograms, [&](auto& encoder) {
            encoder.add(1, 10, unknown);
            encoder.add(2, 10, torn);
            encoder.add(3, 10, fine);
        });
    std::vector<wal::HistogramEntry> read;
    const auto left_out = wal::decode_histograms(record, read);
    REQUIRE(left_out);
    CHECK(left_out.value() == 2);
    REQUIRE(read.size() == 1);
    CHECK(read[0].ref == 3);
    CHECK(read[0].histogram.schema == 8);
    CHECK(read[0].histogram.positive_deltas == std::vector<int64_t>{3});
}

TEST_CASE("damaged wal histogram records are corrupt or read, and never more than that",
          "[tsdb][wal][histogram]") {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    CAPTURE(seed);
    for (const std::string_view whole :
         {kIntegers, kIntegersV2, kFloats, kFloatsV2, kCustom, kCustomFloats}) {
        for (int i = 0; i < 500; ++i) {
            std::string record = from_hex(whole);
            if (i % 2 == 0) {
                record.resize(1 + random.below(record.size() - 1));
            } else {
                record[random.below(record.size())] ^= static_cast<char>(1 << random.below(8));
            }
            std::vector<wal::HistogramEntry> integers;
            std::vector<wal::FloatHistogramEntry> floats;
            const auto read = wal::decode_histograms(record, integers);
            CHECK((read || read.error().code() == base::Code::kCorrupt));
            const auto read_floats = wal::decode_float_histograms(record, floats);
            CHECK((read_floats || read_floats.error().code() == base::Code::kCorrupt));
            for (const auto& entry : integers) {
                CHECK(model::well_formed(entry.histogram));
            }
        }
    }
}

TEST_CASE("wal exemplars have the bytes Prometheus gives them", "[tsdb][wal]") {
    const std::string record = encode<wal::ExemplarsEncoder>([](auto& encoder) {
        encoder.begin(3, kT0, 1.5, 1);
        encoder.label("trace_id", "abc");
        encoder.begin(2, kT0 + 9, model::kStaleNan, 0);
    });
    CHECK(hex(record) ==
          "0400000000000000030000018bcfe5680000003ff8000000000000010874726163655f6964036162630112"
          "7ff000000000000200");
    std::vector<wal::ExemplarEntry> read;
    REQUIRE(wal::decode_exemplars(record, read));
    REQUIRE(read.size() == 2);
    CHECK(read[0].labels == 1);
    CHECK(read[0].packed ==
          "\x08trace_id\x03"
          "abc");
    CHECK(read[1].ref == 2);
    CHECK(read[1].t == kT0 + 9);
    CHECK(model::is_stale(read[1].value));
}

TEST_CASE("wal tombstones have the bytes Prometheus gives them", "[tsdb][wal]") {
    const std::string record = encode<wal::TombstonesEncoder>([](auto& encoder) {
        encoder.add({.ref = 3, .min_t = -5, .max_t = kT0});
        encoder.add({.ref = 4, .min_t = INT64_MIN, .max_t = INT64_MAX});
    });
    CHECK(hex(record) ==
          "0300000000000000030980a0abfef9620000000000000004ffffffffffffffffff01feffffffffffffffff"
          "01");
    std::vector<wal::TombstoneEntry> read;
    REQUIRE(wal::decode_tombstones(record, read));
    REQUIRE(read.size() == 2);
    CHECK(read[0].min_t == -5);
    CHECK(read[0].max_t == kT0);
    CHECK_FALSE(read[0].whole_series());
    CHECK(read[1].whole_series());
}

TEST_CASE("wal metadata has the bytes Prometheus gives it", "[tsdb][wal]") {
    const std::string record = encode<wal::MetadataEncoder>([](auto& encoder) {
        encoder.add({.ref = 300,
                     .type = model::MetricType::kHistogram,
                     .unit = "seconds",
                     .help = "How long."});
        encoder.add({.ref = 1});
    });
    CHECK(hex(record) ==
          "06ac02030204554e4954077365636f6e64730448454c5009486f77206c6f6e672e01000204554e49540004"
          "48454c5000");
    std::vector<wal::MetadataEntry> read;
    REQUIRE(wal::decode_metadata(record, read));
    REQUIRE(read.size() == 2);
    CHECK(read[0].unit == "seconds");
    CHECK(read[0].help == "How long.");
    CHECK(read[1].type == model::MetricType::kUnknown);
}

TEST_CASE("wal markers of mapped chunks have the bytes Prometheus gives them", "[tsdb][wal]") {
    const std::string record = encode<wal::MmapMarkersEncoder>([](auto& encoder) {
        encoder.add({.ref = 3, .chunk_ref = (uint64_t{1} << 32) | 8});
        encoder.add({.ref = 4});
    });
    CHECK(hex(record) == "050000000000000003000000010000000800000000000000040000000000000000");
    std::vector<wal::MmapMarkerEntry> read;
    REQUIRE(wal::decode_mmap_markers(record, read));
    REQUIRE(read.size() == 2);
    CHECK(read[0].chunk_ref >> 32 == 1);
    CHECK(read[1].chunk_ref == 0);
    REQUIRE_FALSE(wal::decode_mmap_markers(record.substr(0, 20), read));
}
