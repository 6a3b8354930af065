#include "test/query/fake_cluster.h"

#include <algorithm>

#include "query/exec/hashed_series.h"

namespace test_query {

using base::Result;

// The series of a set that have some hashes.
class FakeCluster::Only final : public model::SeriesSet {
  public:
    Only(std::unique_ptr<model::SeriesSet> set, std::span<const uint64_t> hashes)
        : set_(std::move(set)), hashes_(hashes.begin(), hashes.end()) {}

    Result<bool> next(model::SeriesBatch& batch) override {
        TRY(const bool more, set_->next(batch));
        std::erase_if(batch.series, [&](const model::SeriesView& series) {
            const auto hash = query::exec::stable_hash_of(series.labels, *batch.symbols, scratch_);
            return !std::ranges::binary_search(hashes_, hash);
        });
        return more;
    }

  private:
    std::unique_ptr<model::SeriesSet> set_;
    std::vector<uint64_t> hashes_;
    std::string scratch_;
};

class FakeCluster::Pending final : public model::PendingPartial {
  public:
    explicit Pending(Result<model::Partial> answer) : answer_(std::move(answer)) {}

    Result<model::Partial> wait() override { return std::move(answer_); }

  private:
    Result<model::Partial> answer_;
};

class FakeCluster::Querier final : public model::Querier, public model::PushDown {
  public:
    Querier(FakeCluster& cluster,
            std::unique_ptr<model::Querier> all,
            std::unique_ptr<model::Querier> own)
        : cluster_(cluster), all_(std::move(all)), own_(std::move(own)) {}

    Result<std::unique_ptr<model::SeriesSet>> select(const model::SelectHints& hints,
                                                     std::span<const model::Matcher> matchers,
                                                     const model::QueryContext& context) override {
        ++cluster_.seen_.selects;
        return all_->select(hints, matchers, context);
    }

    Result<std::vector<std::string>> label_names(const model::LabelHints& hints,
                                                 std::span<const model::Matcher> matchers,
                                                 const model::QueryContext& context) override {
        return all_->label_names(hints, matchers, context);
    }

    Result<std::vector<std::string>> label_values(std::string_view name,
                                                  const model::LabelHints& hints,
                                                  std::span<const model::Matcher> matchers,
                                                  const model::QueryContext& context) override {
        return all_->label_values(name, hints, matchers, context);
    }

    model::PushDown* push_down() override { return this; }

    bool possible(const model::Fragment&) override { return cluster_.possible_; }

    Result<std::vector<std::unique_ptr<model::PendingPartial>>> ask(
        const model::Fragment& fragment, const model::QueryContext& context) override {
        const int round = fragment.without.empty() ? 1 : ++round_;
        round_ = round;
        ++cluster_.seen_.asked;
        cluster_.seen_.fragments.push_back(fragment);
        if (cluster_.hook_) {
            cluster_.hook_(round);
        }
        std::vector<std::unique_ptr<model::PendingPartial>> pending;
        for (size_t i = 1; i < cluster_.holders(); ++i) {
            pending.push_back(std::make_unique<Pending>(cluster_.answer(i, fragment, context)));
        }
        return pending;
    }

    model::Querier& own() override { return *own_; }

    Result<std::unique_ptr<model::SeriesSet>> select_only(
        const model::SelectHints& hints,
        std::span<const model::Matcher> matchers,
        std::span<const uint64_t> hashes,
        const model::QueryContext& context) override {
        ++cluster_.seen_.shared;
        // Of now: the hook may have added to the series.
        TRY(fresh_, cluster_.everything_.querier(hints.min_t, hints.max_t));
        TRY(auto set, fresh_->select(hints, matchers, context));
        return std::unique_ptr<model::SeriesSet>(std::make_unique<Only>(std::move(set), hashes));
    }

  private:
    FakeCluster& cluster_;
    std::unique_ptr<model::Querier> all_;
    std::unique_ptr<model::Querier> own_;
    std::unique_ptr<model::Querier> fresh_;
    int round_ = 0;
};

FakeCluster::FakeCluster(size_t holders)
    : moods_(holders, Mood::kAnswers), engine_({}, everything_, clock_, budget_) {
    for (size_t i = 0; i < holders; ++i) {
        storages_.push_back(std::make_unique<query::testing::MemoryStorage>());
    }
}

FakeCluster::~FakeCluster() = default;

void FakeCluster::add(size_t holder,
                      const model::Labels& labels,
                      const std::vector<model::ChunkSample>& samples) {
    storages_[holder]->add(labels, samples);
    everything_.add(labels, samples);
}

void FakeCluster::clear() {
    everything_.clear();
    for (const auto& storage : storages_) {
        storage->clear();
    }
}

Result<model::Partial> FakeCluster::answer(size_t holder,
                                           const model::Fragment& fragment,
                                           const model::QueryContext& context) {
    switch (moods_[holder]) {
        case Mood::kFails:
            return base::fail(base::Code::kUnavailable, "holder", holder, "is away");
        case Mood::kMissing: {
            model::Partial none;
            none.warnings.push_back("holder " + std::to_string(holder) + " is away");
            return none;
        }
        case Mood::kBroken: {
            model::Partial odd;
            odd.width = 2;
            odd.rows.push_back({{{"x", "1"}}, {~uint64_t{0}}, {1, 2, 3}});
            return odd;
        }
        case Mood::kOlder: {
            model::Partial odd;
            odd.width = 7;
            odd.rows.push_back({{{"x", "1"}}, {1}, {1, 2, 3, 4, 5, 6, 7}});
            return odd;
        }
        case Mood::kStrange:
            return base::fail(base::Code::kInvalid, "no idea");
        case Mood::kAnswers:
            break;
    }
    return engine_.partial(fragment, *storages_[holder], context);
}

Result<std::unique_ptr<model::Querier>> FakeCluster::querier(int64_t min_t, int64_t max_t) {
    TRY(auto all, everything_.querier(min_t, max_t));
    TRY(auto own, storages_[0]->querier(min_t, max_t));
    return std::unique_ptr<model::Querier>(
        std::make_unique<Querier>(*this, std::move(all), std::move(own)));
}

std::optional<std::pair<int64_t, int64_t>> FakeCluster::time_range() const {
    return everything_.time_range();
}

}  // namespace test_query
