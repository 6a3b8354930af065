#include "base/compress.h"

#include <functional>

#include <catch2/catch.hpp>

#include "test/support/seed.h"

using base::Code;
using base::Gunzip;
using base::GzipEncoder;

namespace {

// Noise, text that repeats, or a long run: what compresses badly, well and absurdly.
std::string sample_text(base::Random& random) {
    const size_t length = random.below(3) == 0 ? random.below(300'000) : random.below(3000);
    switch (random.below(3)) {
        case 0:
            return test_support::random_bytes(random, length);
        case 1:
            return std::string(length, 'z');
        default: {
            std::string out;
            while (out.size() < length) {
                out.append("http_requests_total{code=\"").append(std::to_string(random.below(600)));
                out.append("\"} ").append(std::to_string(random.below(1000))).append("\n");
            }
            return out;
        }
    }
}

// One way to compress and to decompress.
struct Codec {
    std::string name;
    std::function<void(base::ByteView, std::string&)> encode;
    std::function<base::Status(base::ByteView, size_t, std::string&)> decode;
};

std::vector<Codec> all_codecs() {
    const auto gzip = [](const char* name, GzipEncoder::Format to, Gunzip::Format from) {
        auto encoder = std::make_shared<GzipEncoder>(to);
        auto decoder = std::make_shared<Gunzip>(from);
        return Codec{name,
                     [encoder](auto input, auto& out) { encoder->encode(input, out); },
                     [decoder](auto input, auto limit, auto& out) {
                         return decoder->decode(input, limit, out);
                     }};
    };
    auto zstd_encoder = std::make_shared<base::ZstdEncoder>();
    auto zstd_decoder = std::make_shared<base::ZstdDecoder>();
    return {Codec{"snappy", base::snappy_encode, base::snappy_decode},
            Codec{"zstd",
                  [=](auto input, auto& out) { zstd_encoder->encode(input, out); },
                  [=](auto input, auto limit, auto& out) {
                      return zstd_decoder->decode(input, limit, out);
                  }},
            Codec{"zstd in pieces",
                  [=](auto input, auto& out) {
                      out.clear();
                      for (base::ByteView rest = input; !rest.empty(); rest = rest.part(1000)) {
                          zstd_encoder->add(rest.part(0, 1000), out);
                      }
                      zstd_encoder->finish(out);
                  },
                  [=](auto input, auto limit, auto& out) {
                      return zstd_decoder->decode(input, limit, out);
                  }},
            gzip("gzip", GzipEncoder::Format::kGzip, Gunzip::Format::kGzip),
            gzip("zlib", GzipEncoder::Format::kZlib, Gunzip::Format::kZlib)};
}

}  // namespace

TEST_CASE("what is compressed comes back, exactly at the limit and not above it",
          "[base][compress]") {
    const uint64_t seed = test_support::test_seed();
    for (const Codec& codec : all_codecs()) {
        CAPTURE(seed, codec.name);
        base::SeededRandom random(seed);
        std::string packed;
        std::string back;
        for (int round = 0; round < 40; ++round) {
            const std::string text = sample_text(random);
            codec.encode(text, packed);
            REQUIRE(codec.decode(packed, text.size(), back).has_value());
            REQUIRE(back == text);
            REQUIRE(codec.decode(packed, SIZE_MAX, back).has_value());
            REQUIRE(back == text);
            if (!text.empty()) {
                const auto over = codec.decode(packed, text.size() - 1, back);
                REQUIRE(over.has_error());
                REQUIRE(over.error().code() == Code::kLimit);
            }
        }
    }
}

TEST_CASE("a bomb costs no more than the limit", "[base][compress]") {
    constexpr size_t kLimit = 100'000;
    const std::string bomb_text(64'000'000, '\0');
    for (const Codec& codec : all_codecs()) {
        CAPTURE(codec.name);
        std::string bomb;
        codec.encode(bomb_text, bomb);
        std::string back;
        const auto outcome = codec.decode(bomb, kLimit, back);
        REQUIRE(outcome.has_error());
        CHECK(outcome.error().code() == Code::kLimit);
        CHECK(outcome.error().message().find("100000") != std::string::npos);
        CHECK(back.capacity() <= 2 * kLimit);
    }
}

TEST_CASE("a stream cut at any byte is corrupt", "[base][compress]") {
    const std::string text = "up{job=\"node\"} 1\nup{job=\"node\"} 0\nup{job=\"other\"} 1\n";
    for (const Codec& codec : all_codecs()) {
        std::string packed;
        codec.encode(text, packed);
        std::string back;
        for (size_t length = 0; length < packed.size(); ++length) {
            CAPTURE(codec.name, length);
            const std::vector<uint8_t> cut(packed.begin(),
                                           packed.begin() + static_cast<long>(length));
            const auto outcome = codec.decode(cut, 1 << 20, back);
            REQUIRE(outcome.has_error());
            REQUIRE(outcome.error().code() == Code::kCorrupt);
        }
    }
}

TEST_CASE("damaged input never crashes a decoder", "[base][compress]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (const Codec& codec : all_codecs()) {
        std::string packed;
        std::string back;
        for (int round = 0; round < 300; ++round) {
            codec.encode(sample_text(random).substr(0, 2000), packed);
            for (uint64_t flips = 1 + random.below(3); flips > 0 && !packed.empty(); --flips) {
                packed[random.below(packed.size())] ^= static_cast<char>(1U << random.below(8));
            }
            base::ignore(codec.decode(packed, 100'000, back), "any outcome but a crash is good");
        }
    }
}

TEST_CASE("gunzip reads members one after the other and refuses what follows them",
          "[base][compress]") {
    GzipEncoder encoder;
    Gunzip gunzip;
    for (const size_t length : {size_t{0}, size_t{1}, size_t{5}, size_t{70'000}}) {
        CAPTURE(length);
        std::string first;
        std::string second;
        std::string third;
        encoder.encode(std::string(length, 'a'), first);
        encoder.encode("bcd", second);
        encoder.encode("", third);
        const auto both = gunzip.decode(first + second + third, 1 << 20);
        REQUIRE(both.has_value());
        CHECK(both.value() == std::string(length, 'a') + "bcd");
        for (const std::string& rest :
             {std::string("x"), std::string(1, '\0'), first.substr(0, 9)}) {
            const auto garbage = gunzip.decode(second + rest, 1 << 20);
            REQUIRE(garbage.has_error());
            CHECK(garbage.error().code() == Code::kCorrupt);
        }
        const auto over = gunzip.decode(first + second, length + 2);
        REQUIRE(over.has_error());
        CHECK(over.error().code() == Code::kLimit);
    }
}

TEST_CASE("gunzip checks the checksum and the length of a member", "[base][compress]") {
    GzipEncoder encoder;
    std::string packed;
    encoder.encode("some text, long enough", packed);
    for (size_t from_end = 1; from_end <= 8; ++from_end) {
        std::string damaged = packed;
        damaged[damaged.size() - from_end] ^= 0x10;
        const auto outcome = Gunzip().decode(damaged, 1 << 20);
        CAPTURE(from_end);
        REQUIRE(outcome.has_error());
        CHECK(outcome.error().code() == Code::kCorrupt);
    }
}

TEST_CASE("a gzip stream can be made in pieces", "[base][compress]") {
    GzipEncoder encoder;
    for (int round = 0; round < 2; ++round) {
        std::string packed;
        std::string text;
        for (int piece = 0; piece < 50; ++piece) {
            const std::string part(1000, static_cast<char>('a' + piece % 26));
            encoder.add(part, packed);
            text += part;
        }
        encoder.finish(packed);
        CHECK(Gunzip().decode(packed, text.size()).value() == text);
    }
}

TEST_CASE("a snappy header that promises too much is refused before any memory is taken",
          "[base][compress]") {
    std::string back;
    const std::string lie = "\xff\xff\xff\xff\x0f";  // 4 GiB - 1, and nothing
    const auto outcome = base::snappy_decode(lie, SIZE_MAX, back);
    REQUIRE(outcome.has_error());
    CHECK(outcome.error().code() == Code::kCorrupt);
    CHECK(back.capacity() < 1000);
}
