#include "tsdb/block/meta.h"

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "test/support/memory_files.h"
#include "tsdb/block/checksums.h"

using tsdb::block::BlockMeta;
using tsdb::block::parse_meta;
using tsdb::block::to_json;
using tsdb::block::Ulid;

namespace {

constexpr const char* kFull = R"({
	"ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	"minTime": -7200000,
	"maxTime": 1700006400000,
	"stats": {
		"numSamples": 1234567890123,
		"numFloatSamples": 1234567890000,
		"numHistogramSamples": 123,
		"numSeries": 5,
		"numChunks": 7,
		"numTombstones": 2
	},
	"compaction": {
		"level": 3,
		"sources": [
			"00000000000000000000000001",
			"01ARZ3NDEKTSV4RRFFQ69G5FAV"
		],
		"deletable": true,
		"parents": [
			{
				"ulid": "00000000000000000000000002",
				"minTime": 0,
				"maxTime": 7200000
			},
			{
				"ulid": "00000000000000000000000003",
				"minTime": 7200000,
				"maxTime": 14400000
			}
		],
		"failed": true,
		"hints": [
			"from-out-of-order",
			"a\u003cb"
		]
	},
	"version": 1
})";

constexpr const char* kSmall = R"({
	"ulid": "00000000000000000000000001",
	"minTime": 0,
	"maxTime": 1,
	"stats": {},
	"compaction": {
		"level": 1
	},
	"version": 1
})";

// As Thanos leaves it, with a line feed at the end.
constexpr const char* kForeign = R"({
	"ulid": "00000000000000000000000001",
	"minTime": 0,
	"maxTime": 1,
	"stats": {},
	"compaction": {
		"level": 1
	},
	"version": 1,
	"thanos": {
		"labels": {
			"a \"}": "b\\"
		},
		"downsample": {"resolution": 300000, "ratio": 1.50, "none": [ ]}
	},
	"p\u0061th": null,
	"x": 18446744073709551615
}
)";

}  // namespace

TEST_CASE("meta.json is written byte for byte as it was read", "[tsdb][block]") {
    for (const char* const json : {kFull, kSmall}) {
        const auto meta = parse_meta(json);
        REQUIRE(meta);
        CHECK(to_json(meta.value()) == json);
    }
}

TEST_CASE("meta.json gives everything it says", "[tsdb][block]") {
    const BlockMeta meta = parse_meta(kFull).value();
    CHECK(meta.ulid == Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV"));
    CHECK(meta.min_t == -7200000);
    CHECK(meta.max_t == 1700006400000);
    CHECK(meta.stats.samples == 1234567890123);
    CHECK(meta.stats.float_samples == 1234567890000);
    CHECK(meta.stats.histogram_samples == 123);
    CHECK(meta.stats.series == 5);
    CHECK(meta.stats.chunks == 7);
    CHECK(meta.stats.tombstones == 2);
    CHECK(meta.level == 3);
    CHECK(meta.sources.size() == 2);
    CHECK(meta.deletable);
    CHECK(meta.failed);
    REQUIRE(meta.parents.size() == 2);
    CHECK(meta.parents[1].min_t == 7200000);
    CHECK(meta.has_hint("a<b"));
    CHECK_FALSE(meta.has_hint("a"));
    CHECK_FALSE(meta.in_order());
    CHECK(parse_meta(kSmall).value().in_order());
}

TEST_CASE("members of meta.json that are not ours are kept as they are", "[tsdb][block]") {
    BlockMeta meta = parse_meta(kForeign).value();
    REQUIRE(meta.others.size() == 3);
    CHECK(meta.others[1].first == "path");
    meta.failed = true;
    const std::string written = to_json(meta);
    CHECK(written.find(R"("downsample": {"resolution": 300000, "ratio": 1.50, "none": [ ]})") !=
          std::string::npos);
    CHECK(written.ends_with("\"path\": null,\n\t\"x\": 18446744073709551615\n}"));
    CHECK(parse_meta(written).value() == meta);
}

TEST_CASE("what is no meta.json is refused with the member that is wrong", "[tsdb][block]") {
    const auto check = [](std::string_view json, base::Code code, std::string_view says) {
        const auto meta = parse_meta(json);
        REQUIRE_FALSE(meta);
        CAPTURE(json);
        CHECK(meta.error().code() == code);
        CHECK_THAT(meta.error().message(), Catch::Contains(std::string(says)));
    };
    const auto with = [](std::string_view from, std::string_view to) {
        std::string json = kFull;
        return json.replace(json.find(from), from.size(), to);
    };
    check("", base::Code::kCorrupt, "");
    check("[]", base::Code::kCorrupt, "object");
    check(kFull + std::string("x"), base::Code::kCorrupt, "");
    check(with("\"version\": 1", "\"version\": 2"), base::Code::kUnsupported, "version 2");
    check(with("\"version\": 1", "\"w\": 1"), base::Code::kCorrupt, "version is missing");
    check(with("01ARZ3NDEKTSV4RRFFQ69G5FAV", "x"), base::Code::kCorrupt, "ulid is no ULID");
    check(with("-7200000", "\"0\""), base::Code::kCorrupt, "minTime is no integer");
    check(with("-7200000", "0.5"), base::Code::kCorrupt, "minTime is no integer");
    check(with("\"maxTime\": 1700006400000,", ""), base::Code::kCorrupt, "maxTime is missing");
    check(with("-7200000", "1700006400001"), base::Code::kCorrupt, "minTime is after maxTime");
    check(with("1234567890123,", "-1,"), base::Code::kCorrupt, "stats.numSamples is negative");
    check(with("\"numChunks\": 7", "\"numChunks\": []"), base::Code::kCorrupt, "stats.numChunks");
    check(with("true", "1"), base::Code::kCorrupt, "compaction.deletable");
    check(with("00000000000000000000000001", "1"), base::Code::kCorrupt, "compaction.sources");
    check(with("00000000000000000000000002", "1"), base::Code::kCorrupt, "parents.ulid");
}

TEST_CASE("replacing meta.json keeps the block's sums true", "[tsdb][block]") {
    test_support::MemoryFiles files;
    files.put("/b/meta.json", kSmall);
    files.put("/b/chunks/000001", "chunks");
    REQUIRE(tsdb::block::write_checksums(
        files, "/b", tsdb::block::compute_checksums(files, "/b").value()));
    BlockMeta meta = tsdb::block::read_meta(files, "/b").value();
    meta.deletable = true;
    REQUIRE(tsdb::block::write_meta(files, "/b", meta));
    CHECK(tsdb::block::read_meta(files, "/b").value() == meta);
    CHECK(tsdb::block::verify_checksums(files, "/b", {}).value().empty());
    CHECK(tsdb::block::read_meta(files, "/c").error().code() == base::Code::kNotFound);
}
