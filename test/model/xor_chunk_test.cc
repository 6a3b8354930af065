#include "model/xor_chunk.h"

#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/checksum.h"
#include "base/random.h"
#include "model/sample.h"
#include "test/support/seed.h"

namespace {

struct RawSample {
    int64_t t;
    uint64_t bits;

    bool operator==(const RawSample&) const = default;
};

// A chunk that grows by small steps, so that every place of the growth is met.
class Chunk {
  public:
    explicit Chunk(size_t step) : step_(step), bytes_(32) {}

    void append(const RawSample& sample) {
        while (!model::xor_append(state_, bytes_.data(), 0, bytes_.size(), sample.t, sample.bits)) {
            bytes_.resize(bytes_.size() + step_);
        }
    }

    [[nodiscard]] std::vector<uint8_t> finish() {
        model::xor_finish(bytes_.data(), state_.count);
        return {bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(state_.bytes())};
    }

  private:
    size_t step_;
    std::vector<uint8_t> bytes_;
    model::XorState state_;
};

std::vector<uint8_t> encode(const std::vector<RawSample>& samples, size_t step = 1) {
    Chunk chunk(step);
    for (const RawSample& sample : samples) {
        chunk.append(sample);
    }
    return chunk.finish();
}

std::vector<RawSample> decode(const std::vector<uint8_t>& bytes) {
    const size_t count = model::xor_count(bytes);
    std::vector<int64_t> t(count);
    std::vector<double> v(count);
    REQUIRE(model::xor_decode(bytes, t.data(), v.data()));
    std::vector<RawSample> samples;
    for (size_t i = 0; i < count; ++i) {
        samples.push_back({t[i], std::bit_cast<uint64_t>(v[i])});
    }
    return samples;
}

RawSample sample(int64_t t, double v) {
    return {t, std::bit_cast<uint64_t>(v)};
}

// Times and values as exporters send them, with all that is odd.
std::vector<RawSample> random_samples(base::SeededRandom& random) {
    std::vector<RawSample> samples;
    auto t = static_cast<int64_t>(random.u64() >> random.below(64)) / 4;
    double v = static_cast<double>(random.below(1000));
    const size_t count = 1 + random.below(260);
    for (size_t i = 0; i < count; ++i) {
        const uint64_t step_kind = random.below(10);
        t += step_kind < 6   ? 15000
             : step_kind < 9 ? static_cast<int64_t>(14000 + random.below(2000))
                             : static_cast<int64_t>(1 + random.below(uint64_t{1} << 32) / 2);
        uint64_t bits = 0;
        switch (random.below(6)) {
            case 0:
                bits = random.u64();
                break;
            case 1:
                bits = model::kStaleNanBits;
                break;
            case 2:
                v += 1;
                [[fallthrough]];
            case 3:
                v += random.unit();
                [[fallthrough]];
            default:
                bits = std::bit_cast<uint64_t>(v);
        }
        samples.push_back({t, bits});
    }
    return samples;
}

}  // namespace

TEST_CASE("an XOR chunk has the bytes Prometheus gives it", "[model][xor]") {
    const std::vector<uint8_t> bytes = encode({sample(1700000000000, 1.0),
                                               sample(1700000015000, 1.0),
                                               sample(1700000030000, 2.0),
                                               sample(1700000045001, 2.5),
                                               {1700000060000, model::kStaleNanBits}});
    CHECK(base::to_hex(bytes) ==
          "0005"
          "80a0abfef962"
          "3ff0000000000000"
          "9875"
          "3097ffe0007683bffec5effe80000000000040");
}

TEST_CASE("a sample that repeats time step and value takes two bits", "[model][xor]") {
    std::vector<RawSample> samples;
    for (int64_t i = 0; i < 120; ++i) {
        samples.push_back(sample(1700000000000 + i * 15000, 42));
    }
    const size_t first_two = encode({samples[0], samples[1]}).size();
    CHECK(encode(samples).size() <= first_two + (118 * 2 + 7) / 8);
}

TEST_CASE("XOR chunks give back every sample bit by bit", "[model][xor][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 500; ++round) {
        CAPTURE(round);
        const auto samples = random_samples(random);
        const size_t step = 1 + random.below(40);
        CHECK(decode(encode(samples, step)) == samples);
    }
}

TEST_CASE("a cut XOR chunk is an error at every length", "[model][xor]") {
    base::SeededRandom random(7);
    const auto samples = random_samples(random);
    const auto bytes = encode(samples);
    std::vector<int64_t> t(samples.size());
    std::vector<double> v(samples.size());
    for (size_t length = 2; length < bytes.size(); ++length) {
        // An exact copy, so that a read past its end is seen.
        const std::vector<uint8_t> part(bytes.begin(),
                                        bytes.begin() + static_cast<std::ptrdiff_t>(length));
        CAPTURE(length);
        CHECK_FALSE(model::xor_decode(part, t.data(), v.data()));
    }
    CHECK(model::xor_count(std::span(bytes).first(1)) == 0);
}

TEST_CASE("damaged XOR chunks never read or write outside", "[model][xor][property]") {
    const uint64_t seed = test_support::test_seed();
    CAPTURE(seed);
    base::SeededRandom random(seed);
    for (int round = 0; round < 2000; ++round) {
        auto bytes = encode(random_samples(random));
        for (uint64_t flips = 1 + random.below(8); flips > 0; --flips) {
            bytes[random.below(bytes.size())] ^= static_cast<uint8_t>(1U << random.below(8));
        }
        const size_t count = model::xor_count(bytes);
        std::vector<int64_t> t(count);
        std::vector<double> v(count);
        base::ignore(model::xor_decode(bytes, t.data(), v.data()), "either is right");
    }
}
