// Any bytes as an XOR chunk; what decodes is encoded again and must give the same samples.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "model/xor_chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> bytes(data, size);
    const size_t count = model::xor_count(bytes);
    std::vector<int64_t> t(count);
    std::vector<double> v(count);
    if (count > 240 || !model::xor_decode(bytes, t.data(), v.data())) {
        return 0;
    }
    for (size_t i = 1; i < count; ++i) {
        if (t[i] <= t[i - 1] ||
            static_cast<uint64_t>(t[i]) - static_cast<uint64_t>(t[i - 1]) > UINT32_MAX) {
            return 0;
        }
    }
    std::vector<uint8_t> again(count * model::kXorSampleBytesMax + 64);
    model::XorState state;
    for (size_t i = 0; i < count; ++i) {
        SKEIN_CHECK(model::xor_append(
            state, again.data(), 0, again.size(), t[i], std::bit_cast<uint64_t>(v[i])));
    }
    model::xor_finish(again.data(), state.count);
    std::vector<int64_t> t2(count);
    std::vector<double> v2(count);
    SKEIN_CHECK(model::xor_decode(again, t2.data(), v2.data()).has_value());
    for (size_t i = 0; i < count; ++i) {
        SKEIN_CHECK(t[i] == t2[i] &&
                    std::bit_cast<uint64_t>(v[i]) == std::bit_cast<uint64_t>(v2[i]));
    }
    return 0;
}
