// Metric metadata that survives restarts: in memory for readers, written behind to the node's own
// store.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/kv_store.h"
#include "base/sync.h"
#include "model/metadata.h"

namespace engine {

//   threads   any; record() only takes a lock. flush() writes, from the maintenance thread
class MetadataStore final : public model::MetadataStore {
  public:
    static constexpr size_t kEntriesMax =
        200'000;  // metrics times different metadata; more are not kept
    static constexpr size_t kVariantsPerMetricMax = 16;  // targets that disagree about one metric
    static constexpr size_t kHelpBytesMax = 4096;        // longer help is cut

    // Reads what an earlier run has written. `store` is borrowed. errors  kIo, kCorrupt
    [[nodiscard]] static base::Result<std::unique_ptr<MetadataStore>> open(base::KvStore& store);

    void record(std::string_view metric, const model::Metadata& metadata) override
        EXCLUDES_LOCK(mutex_);
    [[nodiscard]] std::vector<model::MetricMetadata> all() const override EXCLUDES_LOCK(mutex_);

    // Writes what is new. errors  kIo, kNoSpace: it is tried again with the next call
    [[nodiscard]] base::Status flush() EXCLUDES_LOCK(mutex_);

    static constexpr std::string_view kFamily = "metadata";

  private:
    explicit MetadataStore(base::KvStore& store) : store_(store) {}

    base::KvStore& store_;
    mutable base::Mutex mutex_;
    std::map<std::string, std::set<model::Metadata>, std::less<>> metrics_ GUARDED_BY(mutex_);
    std::vector<model::MetricMetadata> unwritten_ GUARDED_BY(mutex_);
    size_t entries_ GUARDED_BY(mutex_) = 0;
};

}  // namespace engine
