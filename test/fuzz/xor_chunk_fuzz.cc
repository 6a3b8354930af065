// Any bytes as an XOR chunk, alone and beside itself; what decodes is encoded again and must give
// the same samples.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "model/xor_chunk.h"
#include "model/xor_pair.h"

namespace {

// Beside itself a chunk is what it is alone.
void check_pair(std::span<const uint8_t> bytes,
                bool good,
                const std::vector<int64_t>& t,
                const std::vector<double>& v) {
    const size_t count = t.size();
    std::vector<int64_t> t2(2 * count);
    std::vector<double> v2(2 * count);
    const model::XorColumns pair[] = {{bytes, t2.data(), v2.data()},
                                      {bytes, t2.data() + count, v2.data() + count}};
    SKEIN_CHECK(model::xor_decode_all(pair).has_value() == good);
    for (size_t i = 0; good && i < 2 * count; ++i) {
        SKEIN_CHECK(t2[i] == t[i % count] &&
                    std::bit_cast<uint64_t>(v2[i]) == std::bit_cast<uint64_t>(v[i % count]));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::span<const uint8_t> bytes(data, size);
    const size_t count = model::xor_count(bytes);
    if (count > 240) {
        return 0;
    }
    std::vector<int64_t> t(count);
    std::vector<double> v(count);
    const bool good = model::xor_decode(bytes, t.data(), v.data()).has_value();
    check_pair(bytes, good, t, v);
    if (!good) {
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
