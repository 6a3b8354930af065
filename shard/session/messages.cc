#include "shard/session/messages.h"

namespace shard {

uint64_t holding_hash(model::TargetId id, uint8_t slot, Holding holding, Epoch since) {
    const uint64_t how = since << 16 | uint64_t{slot} << 8 | static_cast<uint64_t>(holding);
    // The finalizer of SplitMix64: each bit of the input changes half of the output's.
    uint64_t mixed = id ^ how * uint64_t{0x9e3779b97f4a7c15};
    mixed = (mixed ^ (mixed >> 30)) * uint64_t{0xbf58476d1ce4e5b9};
    mixed = (mixed ^ (mixed >> 27)) * uint64_t{0x94d049bb133111eb};
    return mixed ^ (mixed >> 31);
}

}  // namespace shard
