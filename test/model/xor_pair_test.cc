#include "model/xor_pair.h"

#include <bit>
#include <cstddef>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "model/sample.h"
#include "test/support/seed.h"

namespace {

using Bytes = std::vector<uint8_t>;

// How the samples of a chunk come.
struct Manner {
    uint64_t uneven_percent = 0;  // of distances in time
    uint64_t same_percent = 0;    // of values
    uint64_t wild_percent = 0;    // of values: any bits
    double step = 1;              // between others
};

Bytes encode(base::SeededRandom& random, const Manner& manner, size_t count) {
    Bytes bytes(count * model::kXorSampleBytesMax + model::kXorFirstSampleBytesMax);
    model::XorState state;
    auto t = static_cast<int64_t>(1700000000000 + random.below(1000000));
    double v = static_cast<double>(random.below(100000));
    for (size_t i = 0; i < count; ++i) {
        const bool uneven = random.below(100) < manner.uneven_percent;
        const unsigned bits = 1 + static_cast<unsigned>(random.below(31));
        t += uneven ? static_cast<int64_t>(1 + random.below(uint64_t{1} << bits)) : 15000;
        uint64_t value = std::bit_cast<uint64_t>(v);
        if (random.below(100) < manner.wild_percent) {
            value = random.below(4) == 0 ? model::kStaleNanBits : random.u64();
        } else if (random.below(100) >= manner.same_percent) {
            v += manner.step * static_cast<double>(1 + random.below(100));
            value = std::bit_cast<uint64_t>(v);
        }
        REQUIRE(model::xor_append(state, bytes.data(), 0, bytes.size(), t, value));
    }
    model::xor_finish(bytes.data(), state.count);
    bytes.resize(state.bytes());
    bytes.shrink_to_fit();
    return bytes;
}

// The columns of chunks, and how decoding them ended. Values as bits: NaN is equal to itself.
struct Decoded {
    std::vector<int64_t> t;
    std::vector<uint64_t> bits;
    std::string error;

    bool operator==(const Decoded&) const = default;
};

size_t count_of(const std::vector<Bytes>& chunks) {
    size_t count = 0;
    for (const Bytes& chunk : chunks) {
        count += model::xor_count(chunk);
    }
    return count;
}

Decoded decoded(std::vector<int64_t> t, const std::vector<double>& v, const base::Status& status) {
    if (!status.has_value()) {
        return {.t = {}, .bits = {}, .error = status.error().message()};  // the rest is garbage
    }
    Decoded out{.t = std::move(t), .bits = {}, .error = {}};
    for (const double value : v) {
        out.bits.push_back(std::bit_cast<uint64_t>(value));
    }
    return out;
}

Decoded one_by_one(const std::vector<Bytes>& chunks) {
    std::vector<int64_t> t(count_of(chunks));
    std::vector<double> v(t.size());
    size_t at = 0;
    for (const Bytes& chunk : chunks) {
        const base::Status status = model::xor_decode(chunk, t.data() + at, v.data() + at);
        if (!status.has_value()) {
            return decoded({}, {}, status);
        }
        at += model::xor_count(chunk);
    }
    return decoded(t, v, base::success());
}

Decoded all_at_once(const std::vector<Bytes>& chunks) {
    std::vector<int64_t> t(count_of(chunks));
    std::vector<double> v(t.size());
    std::vector<model::XorColumns> columns;
    size_t at = 0;
    for (const Bytes& chunk : chunks) {
        columns.push_back({chunk, t.data() + at, v.data() + at});
        at += model::xor_count(chunk);
    }
    const base::Status status = model::xor_decode_all(columns);
    return decoded(t, v, status);
}

Manner some_manner(base::SeededRandom& random) {
    constexpr double kSteps[] = {1, 0.01, 4096, 1.0 / 3};
    constexpr uint64_t kPercents[] = {0, 0, 3, 50};
    return {.uneven_percent = kPercents[random.below(4)],
            .same_percent = kPercents[random.below(4)],
            .wild_percent = kPercents[random.below(4)],
            .step = kSteps[random.below(4)]};
}

std::vector<Bytes> some_chunks(base::SeededRandom& random) {
    std::vector<Bytes> chunks;
    const Manner manner = some_manner(random);
    for (uint64_t i = 1 + random.below(5); i > 0; --i) {
        const bool full = random.below(2) == 0;
        chunks.push_back(encode(random, manner, full ? 120 : 1 + random.below(300)));
    }
    return chunks;
}

}  // namespace

TEST_CASE("XOR chunks that are read in pairs give the same samples", "[model][xor][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 1000; ++round) {
        CAPTURE(round);
        const std::vector<Bytes> chunks = some_chunks(random);
        const Decoded expected = one_by_one(chunks);
        REQUIRE(expected.error.empty());
        CHECK(all_at_once(chunks) == expected);
    }
}

TEST_CASE("a damaged chunk of a pair is the error that it is alone", "[model][xor][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    size_t errors = 0;
    for (int round = 0; round < 2000; ++round) {
        CAPTURE(round);
        std::vector<Bytes> chunks = some_chunks(random);
        Bytes& damaged = chunks[random.below(chunks.size())];
        if (random.below(2) == 0) {
            damaged.resize(2 + random.below(damaged.size() - 2));
            damaged.shrink_to_fit();
        } else {
            for (uint64_t flips = 1 + random.below(8); flips > 0; --flips) {
                const size_t byte = random.below(damaged.size());
                damaged[byte] ^= static_cast<uint8_t>(1U << random.below(8));
            }
        }
        const Decoded expected = one_by_one(chunks);
        errors += expected.error.empty() ? 0 : 1;
        CHECK(all_at_once(chunks) == expected);
    }
    CHECK(errors > 500);
}

TEST_CASE("a pair's chunks may end at any bit and at different samples", "[model][xor]") {
    base::SeededRandom random(11);
    const Manner manner{.step = 1.0 / 3};
    const Bytes longer = encode(random, manner, 200);
    for (size_t count = 3; count < 120; ++count) {
        CAPTURE(count);
        const Bytes shorter = encode(random, manner, count);
        for (const auto& chunks : {std::vector{shorter, longer}, std::vector{longer, shorter}}) {
            CHECK(all_at_once(chunks) == one_by_one(chunks));
        }
    }
}

TEST_CASE("no chunks are nothing to read", "[model][xor]") {
    CHECK(model::xor_decode_all({}).has_value());
    CHECK(all_at_once({{}, {0}, {0, 0}}) == Decoded{});
}
