// What the write-ahead log says of metrics: records that a Prometheus with metadata-wal-records
// has written. They are given to the node's metadata store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/metadata.h"

namespace tsdb {

// The family that a series belongs to, as its TYPE line names it: a histogram's series have names
// with _bucket, _sum and _count behind. Where the name does not tell (a counter's _total belongs to
// the family in one exposition format and not in the other) it is the series' own.
[[nodiscard]] std::string_view family_of(std::string_view name, model::MetricType type);

// The latest metadata of each family, in the order of the log. Threads: one.
class ReplayedMetadata {
  public:
    static constexpr size_t kFamiliesMax = 200'000;  // those that come later are not kept

    //   name  of a series
    void note(std::string_view name, model::Metadata metadata);

    [[nodiscard]] size_t families() const { return latest_.size(); }

    void give_to(model::MetadataStore& store) const;

  private:
    std::unordered_map<std::string, model::Metadata> latest_;
};

}  // namespace tsdb
