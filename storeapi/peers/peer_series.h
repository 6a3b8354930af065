// Sets of series on their way from holders into one answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "model/storage.h"
#include "storeapi/peers/peer_call.h"

namespace storeapi {

// Which numbers the chunks of one holder get: account k of it becomes holder + k * holders.
struct ReplicaNumbers {
    uint32_t holder = 0;  // 0: this node
    uint32_t holders = 1;

    [[nodiscard]] uint16_t of(uint16_t account) const;
};

// Puts numbers on the chunks of a set, without touching their bytes. Threads: one.
class NumberedSeries final : public model::SeriesSet {
  public:
    NumberedSeries(std::unique_ptr<model::SeriesSet> set, ReplicaNumbers numbers);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return set_->warnings(); }

  private:
    const std::unique_ptr<model::SeriesSet> set_;
    const ReplicaNumbers numbers_;
};

// The series of a peer; what goes wrong with it ends the set with a warning that names it, or fails
// the query, as its scope has it. Threads: one.
class PeerSeries final : public model::SeriesSet {
  public:
    PeerSeries(PeerCall call, std::unique_ptr<model::SeriesSet> set);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;
    [[nodiscard]] std::vector<std::string> warnings() const override;

  private:
    void end();

    PeerCall call_;
    std::unique_ptr<model::SeriesSet> set_;  // null: it has ended
    std::vector<std::string> warnings_;
};

// Series whose labels have one of some stable hashes. Threads: one.
class HashedSeries final : public model::SeriesSet {
  public:
    // hashes  ascending; copied
    HashedSeries(std::unique_ptr<model::SeriesSet> set, std::span<const uint64_t> hashes);

    [[nodiscard]] base::Result<bool> next(model::SeriesBatch& batch) override;

    [[nodiscard]] std::vector<std::string> warnings() const override { return set_->warnings(); }

  private:
    [[nodiscard]] bool wanted(const model::SeriesBatch& batch, const model::SeriesView& series);

    const std::unique_ptr<model::SeriesSet> set_;
    const std::vector<uint64_t> hashes_;
    std::vector<model::LabelView> labels_;
};

}  // namespace storeapi
