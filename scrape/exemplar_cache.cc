#include "scrape/exemplar_cache.h"

#include <bit>

namespace scrape {

bool ExemplarCache::is_new(model::SeriesHandle series,
                           const ExemplarLine& exemplar,
                           const LineKey& key) {
    constexpr uint64_t kMix = 0x9e3779b97f4a7c15;
    uint64_t hash = line_hash(exemplar.labels, key);
    hash = (hash ^ std::bit_cast<uint64_t>(exemplar.value)) * kMix;
    hash = std::rotl(hash, 29);
    hash ^= exemplar.has_timestamp ? static_cast<uint64_t>(exemplar.timestamp_ms) * kMix + 1 : 0;
    const uint64_t handle = uint64_t{series.slot} << 32 | series.check;
    const auto [at, added] = last_.try_emplace(handle, hash);
    if (!added && at->second == hash) {
        return false;
    }
    at->second = hash;
    return true;
}

}  // namespace scrape
