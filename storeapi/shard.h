// Which part of all series a request asks for.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/labels.h"

namespace thanos {
class ShardInfo;
}  // namespace thanos

namespace storeapi {

// One shard of several: XXH64 over name 0xFF value 0xFF of the labels named (or of all others).
class Shard {
  public:
    // All series.
    Shard() = default;
    explicit Shard(const thanos::ShardInfo& info);

    [[nodiscard]] bool everything() const { return count_ == 0; }

    // labels  final, sorted by name
    [[nodiscard]] bool has(std::span<const model::LabelView> labels);

  private:
    uint64_t index_ = 0;
    uint64_t count_ = 0;
    bool by_ = false;
    std::vector<std::string> labels_;
    std::string scratch_;
};

}  // namespace storeapi
