#include "tsdb/wal/sample_decoder.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/seed.h"
#include "tsdb/wal/timed_record.h"

namespace {

namespace wal = tsdb::wal;

// Of any length in its varint.
uint64_t any_number(base::Random& random) {
    const uint64_t wide = random.below(UINT64_MAX);
    return wide >> random.below(64);
}

std::string random_record(base::Random& random, wal::RecordType type) {
    std::string record;
    base::ByteWriter out(record);
    wal::TimedEncoder encoder(static_cast<uint8_t>(type), out);
    const uint64_t count = random.below(20);
    wal::TimedEntry entry;
    for (uint64_t i = 0; i < count; ++i) {
        std::string value;
        {
            base::ByteWriter bits(value);
            bits.be64(any_number(random));
        }
        entry.key.ref = random.below(2) == 0 ? entry.key.ref + 1 : any_number(random);
        entry.key.t = random.below(2) == 0 ? entry.key.t : static_cast<int64_t>(any_number(random));
        if (type == wal::RecordType::kSamplesV2 && random.below(2) == 0) {
            entry.key.start_t = static_cast<int64_t>(any_number(random));
        }
        entry.payload = value;
        encoder.add(entry);
    }
    out.finish();
    return record;
}

// The same, by the decoder that all kinds of records have.
bool same_as_timed(const std::string& record) {
    std::vector<wal::SampleEntry> samples;
    std::vector<wal::TimedEntry> timed;
    const bool good = wal::decode_samples(record, samples).has_value();
    if (good != wal::decode_timed(record, timed).has_value() || samples.size() != timed.size()) {
        return false;
    }
    for (size_t i = 0; i < samples.size(); ++i) {
        if (samples[i].ref != timed[i].key.ref || samples[i].t != timed[i].key.t ||
            samples[i].start_t != timed[i].key.start_t ||
            samples[i].bits != base::load_be<uint64_t>(timed[i].payload.data())) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("wal records of samples hold what they hold for any reader of records",
          "[tsdb][wal][property]") {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    CAPTURE(seed);
    for (const auto type : {wal::RecordType::kSamples, wal::RecordType::kSamplesV2}) {
        for (int round = 0; round < 1000; ++round) {
            const std::string whole = random_record(random, type);
            CAPTURE(type, round, whole.size());
            CHECK(same_as_timed(whole));
            CHECK(same_as_timed(whole.substr(0, 1 + random.below(whole.size()))));
            std::string flipped = whole;
            if (flipped.size() > 1) {
                flipped[1 + random.below(flipped.size() - 1)] ^=
                    static_cast<char>(1 << random.below(8));
            }
            CHECK(same_as_timed(flipped));
        }
    }
}

TEST_CASE("a wal record of samples with nothing in it is one", "[tsdb][wal]") {
    std::vector<wal::SampleEntry> samples;
    CHECK(wal::decode_samples(std::string("\x02"), samples));
    CHECK(wal::decode_samples(std::string("\x0b"), samples));
    CHECK_FALSE(wal::decode_samples(std::string("\x02\x00", 2), samples));
    CHECK_FALSE(wal::decode_samples(std::string("\x0b\x00", 2), samples));
    CHECK(samples.empty());
}
