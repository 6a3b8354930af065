// Several holders of series in one process, behind the port that push-down goes through.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "model/push_down.h"
#include "query/engine.h"
#include "query/testing/memory_storage.h"

namespace test_query {

// What a holder does when it is asked for a part.
enum class Mood : uint8_t {
    kAnswers,
    kFails,    // with an error
    kMissing,  // an empty answer with a warning
    kBroken,   // an answer that fits no query
    kOlder,    // an answer of another width
    kStrange,  // it does not know such fragments
};

// The first holder is the node that is asked; selections are of the union of all.
class FakeCluster final : public model::Queryable {
  public:
    explicit FakeCluster(size_t holders);
    ~FakeCluster() override;

    // Adds to one holder, and to the union.
    void add(size_t holder,
             const model::Labels& labels,
             const std::vector<model::ChunkSample>& samples);

    void clear();

    [[nodiscard]] query::testing::MemoryStorage& everything() { return everything_; }

    [[nodiscard]] size_t holders() const { return storages_.size(); }

    void set_mood(size_t holder, Mood mood) { moods_[holder] = mood; }

    void set_possible(bool possible) { possible_ = possible; }

    // Called before the holders answer, with how often they were asked for this aggregation.
    void before_answers(std::function<void(int round)> hook) { hook_ = std::move(hook); }

    // What went on since the last forget().
    struct Seen {
        int asked = 0;    // rounds
        int selects = 0;  // of whole selections
        int shared = 0;   // selections of some series only
        std::vector<model::Fragment> fragments;
    };

    [[nodiscard]] const Seen& seen() const { return seen_; }

    void forget() { seen_ = {}; }

    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;
    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override;

  private:
    class Querier;
    class Only;
    class Pending;

    [[nodiscard]] base::Result<model::Partial> answer(size_t holder,
                                                      const model::Fragment& fragment,
                                                      const model::QueryContext& context);

    base::SystemClock clock_;
    base::Budget budget_{"test"};
    query::testing::MemoryStorage everything_;
    std::vector<std::unique_ptr<query::testing::MemoryStorage>> storages_;
    std::vector<Mood> moods_;
    query::Engine engine_;
    bool possible_ = true;
    std::function<void(int)> hook_;
    Seen seen_;
};

}  // namespace test_query
