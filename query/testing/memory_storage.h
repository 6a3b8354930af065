// A storage in memory for scripts, tests and benchmarks: everything a Queryable promises, nothing
// that lasts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "model/labels.h"
#include "model/storage.h"

namespace query::testing {

// Floats are kept as XOR chunks, as the real storage would; series with histograms or start
// timestamps as samples.
//   threads   one writer before, or many readers after; not both at once
class MemoryStorage final : public model::Queryable {
  public:
    MemoryStorage();
    ~MemoryStorage() override;
    MemoryStorage(const MemoryStorage&) = delete;
    MemoryStorage& operator=(const MemoryStorage&) = delete;

    // Adds samples to a series, made when there is none. A sample at a time that is there already
    // replaces the one before.
    void add(const model::Labels& labels, std::span<const model::ChunkSample> samples);
    void clear();

    [[nodiscard]] size_t series_count() const;

    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;
    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override;

  private:
    struct State;
    friend class MemoryQuerier;
    std::shared_ptr<State> state_;  // readers pin it
};

}  // namespace query::testing
