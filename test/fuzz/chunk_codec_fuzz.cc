// Any bytes as a chunk of any encoding; what decodes is encoded again and must give the same
// samples. The first byte says which encoding.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "model/chunk_codec.h"
#include "model/histogram_layout.h"

namespace {

constexpr size_t kSamplesMax = 300;

bool same_bits(double a, double b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

void check_same(const model::TypedSample& a, const model::TypedSample& b) {
    SKEIN_CHECK(a.t == b.t && a.is_float() == b.is_float());
    SKEIN_CHECK((a.integer == nullptr) == (b.integer == nullptr));
    if (a.is_float()) {
        SKEIN_CHECK(same_bits(a.v, b.v));
    } else if (a.integer != nullptr) {
        SKEIN_CHECK(same_bits(a.integer->sum, b.integer->sum));
        SKEIN_CHECK(a.integer->count == b.integer->count);
    } else {
        SKEIN_CHECK(same_bits(a.floating->sum, b.floating->sum));
        SKEIN_CHECK(same_bits(a.floating->count, b.floating->count));
    }
}

bool ascending(const std::vector<model::TypedSample>& samples) {
    for (size_t i = 1; i < samples.size(); ++i) {
        if (samples[i - 1].t >= samples[i].t) {
            return false;
        }
    }
    return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto encoding = static_cast<model::Encoding>(data[0] % 8);
    const std::span<const uint8_t> bytes(data + 1, size - 1);
    std::vector<model::TypedSample> samples;
    const auto read = model::decode_samples({.encoding = encoding, .bytes = bytes}, samples);
    if (read.has_value()) {
        SKEIN_CHECK(samples.size() == model::sample_count(encoding, bytes));
    }
    if (samples.size() > kSamplesMax || !ascending(samples)) {
        return 0;
    }
    std::vector<model::EncodedChunk> chunks;
    model::encode_samples(samples, 1 + size % model::kEncodedSamplesMax, chunks);
    std::vector<model::TypedSample> again;
    for (const model::EncodedChunk& chunk : chunks) {
        const std::span<const uint8_t> encoded(reinterpret_cast<const uint8_t*>(chunk.bytes.data()),
                                               chunk.bytes.size());
        SKEIN_CHECK(model::decode_samples({.encoding = chunk.encoding, .bytes = encoded}, again)
                        .has_value());
    }
    SKEIN_CHECK(again.size() == samples.size());
    for (size_t i = 0; i < samples.size(); ++i) {
        check_same(samples[i], again[i]);
    }
    return 0;
}
