#include "base/bytes.h"

#include <functional>
#include <limits>

#include <catch2/catch.hpp>

#include "test/support/seed.h"

using base::ByteReader;
using base::ByteView;
using base::ByteWriter;

namespace {

std::string written(const std::function<void(ByteWriter&)>& write) {
    std::string out;
    ByteWriter writer(out);
    write(writer);
    writer.finish();
    return out;
}

}  // namespace

TEST_CASE("the writer lays primitives down big-endian and as LEB128", "[base][bytes]") {
    CHECK(written([](auto& w) { w.be16(0x0102); }) == std::string("\x01\x02"));
    CHECK(written([](auto& w) { w.be32(0x01020304); }) == std::string("\x01\x02\x03\x04"));
    CHECK(written([](auto& w) { w.be64i(-2); }) == "\xff\xff\xff\xff\xff\xff\xff\xfe");
    CHECK(written([](auto& w) { w.f64(1.0); }) == std::string("\x3f\xf0\0\0\0\0\0\0", 8));
    CHECK(written([](auto& w) { w.uvarint(300); }) == "\xac\x02");
    CHECK(written([](auto& w) { w.varint(-1); }) == "\x01");
    CHECK(written([](auto& w) { w.varint(64); }) == std::string("\x80\x01"));
    CHECK(written([](auto& w) { w.str("abc"); }) ==
          "\x03"
          "abc");
}

TEST_CASE("varints come back as they went in, in as many bytes as said", "[base][bytes]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    std::vector<uint64_t> numbers{0, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
    for (int i = 0; i < 5000; ++i) {
        numbers.push_back(test_support::random_magnitude(random));
    }
    std::string out;
    {
        ByteWriter writer(out);
        for (const uint64_t number : numbers) {
            const size_t before = writer.position();
            writer.uvarint(number);
            REQUIRE(writer.position() - before == base::uvarint_size(number));
            writer.varint(static_cast<int64_t>(number));
        }
    }
    ByteReader reader{out};
    for (const uint64_t number : numbers) {
        REQUIRE(reader.uvarint() == number);
        REQUIRE(reader.varint() == static_cast<int64_t>(number));
    }
    CHECK(reader.finished());
}

TEST_CASE("a mixed record survives writing and reading, and no cut of it reads well",
          "[base][bytes]") {
    std::string out = "kept";
    {
        ByteWriter w(out);
        w.u8(7);
        w.be16(8);
        w.be32(9);
        w.be64(10);
        w.be64i(std::numeric_limits<int64_t>::min());
        w.f64(-0.5);
        w.uvarint(UINT64_MAX);
        w.varint(std::numeric_limits<int64_t>::min());
        w.str(std::string(300, 'x'));
        w.zeros(3);
    }
    REQUIRE(out.starts_with("kept"));
    const std::string record = out.substr(4);
    const auto read = [](ByteView bytes) {
        ByteReader r(bytes);
        const bool equal = r.u8() == 7 && r.be16() == 8 && r.be32() == 9 && r.be64() == 10 &&
                           r.be64i() == std::numeric_limits<int64_t>::min() && r.f64() == -0.5 &&
                           r.uvarint() == UINT64_MAX &&
                           r.varint() == std::numeric_limits<int64_t>::min() &&
                           r.str() == std::string(300, 'x');
        r.skip(3);
        return equal && r.finished();
    };
    CHECK(read(record));
    for (size_t length = 0; length < record.size(); ++length) {
        // A copy of its own, so that the address sanitizer sees a read past the end.
        const std::vector<uint8_t> cut(record.begin(), record.begin() + static_cast<long>(length));
        REQUIRE_FALSE(read(cut));
    }
}

TEST_CASE("the reader fails for good at the first thing that does not fit", "[base][bytes]") {
    ByteReader reader{
        std::string_view("\x05"
                         "abc")};
    CHECK(reader.str().empty());
    CHECK_FALSE(reader.ok());
    CHECK(reader.u8() == 0);
    CHECK(reader.remaining() == 0);

    const std::string too_long(10, '\xff');
    ByteReader overlong{too_long};
    CHECK(overlong.uvarint() == 0);
    CHECK_FALSE(overlong.ok());

    const std::string wide = "\xff\xff\xff\xff\x1f";
    ByteReader narrow{wide};
    CHECK(narrow.uvarint32() == 0);
    CHECK_FALSE(narrow.ok());
}

TEST_CASE("the writer can patch and take back what it wrote", "[base][bytes]") {
    std::string out;
    ByteWriter writer(out);
    writer.be32(0);
    writer.str("payload");
    writer.patch_be32(0, 42);
    CHECK(ByteReader(writer.written()).be32() == 42);
    writer.rewind(4);
    writer.u8(1);
    writer.finish();
    CHECK(out.size() == 5);
}
