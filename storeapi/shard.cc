#include "storeapi/shard.h"

#include <algorithm>

#include "base/checksum.h"
#include "storeapi/proto/store.pb.h"

namespace storeapi {
namespace {

constexpr char kSeparator = '\xff';

}  // namespace

Shard::Shard(const thanos::ShardInfo& info) {
    if (info.total_shards() < 1) {
        return;
    }
    index_ = static_cast<uint64_t>(info.shard_index());
    count_ = static_cast<uint64_t>(info.total_shards());
    by_ = info.by();
    labels_.assign(info.labels().begin(), info.labels().end());
}

bool Shard::has(std::span<const model::LabelView> labels) {
    if (everything()) {
        return true;
    }
    scratch_.clear();
    for (const model::LabelView& label : labels) {
        const bool named = std::ranges::find(labels_, label.name) != labels_.end();
        if (named == by_) {
            scratch_ += label.name;
            scratch_ += kSeparator;
            scratch_ += label.value;
            scratch_ += kSeparator;
        }
    }
    return base::xxh64(scratch_) % count_ == index_;
}

}  // namespace storeapi
