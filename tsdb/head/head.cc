#include "tsdb/head/head.h"

#include <algorithm>
#include <array>

namespace tsdb {
namespace {

void lower_to(std::atomic<int64_t>& value, int64_t candidate) {
    int64_t now = value.load(std::memory_order_relaxed);
    while (candidate < now && !value.compare_exchange_weak(now, candidate)) {
    }
}

void raise_to(std::atomic<int64_t>& value, int64_t candidate) {
    int64_t now = value.load(std::memory_order_relaxed);
    while (candidate > now && !value.compare_exchange_weak(now, candidate)) {
    }
}

}  // namespace

Head::Head(base::Budget& budget, const ChunkRules& rules)
    : memory_(budget),
      rules_(rules),
      block_pool_(memory_),
      symbols_(std::make_shared<Symbols>(memory_)),
      shared_symbols_(symbols_),
      label_sets_(memory_, *symbols_),
      slots_(memory_),
      index_(memory_),
      map_(memory_) {
    for (size_t i = 0; i < kPartitions; ++i) {
        partitions_.push_back(std::make_unique<Partition>(memory_, block_pool_));
    }
}

base::Result<model::SeriesHandle> Head::resolve(const model::Labels& labels,
                                                uint64_t hash,
                                                model::Origin origin,
                                                bool* created) {
    bool is_new = false;
    TRY(const uint32_t slot,
        map_.find_or_create(
            hash,
            [&](uint32_t candidate) { return is(candidate, labels); },
            [&]() -> base::Result<uint32_t> {
                TRY(memory_.probe(kNewSeriesBytes));
                return create(labels, 0, origin);
            },
            is_new));
    if (created != nullptr) {
        *created = is_new;
    }
    return model::SeriesHandle{.slot = slot, .check = slots_.get(slot).record->ref_low};
}

base::Result<uint32_t> Head::restore(const model::Labels& labels, uint64_t ref) {
    raise_to_ref(ref);
    bool is_new = false;
    return map_.find_or_create(
        labels.hash(),
        [&](uint32_t candidate) { return is(candidate, labels); },
        [&]() { return create(labels, ref, model::origin_of(labels)); },
        is_new);
}

void Head::raise_to_ref(uint64_t ref) {
    uint64_t now = last_ref_.load(std::memory_order_relaxed);
    while (ref > now && !last_ref_.compare_exchange_weak(now, ref)) {
    }
}

base::Status Head::check_texts(const model::Labels& labels) {
    for (const auto& label : labels) {
        if (label.name.size() > Symbols::kTextMax || label.value.size() > Symbols::kTextMax) {
            return base::fail(base::Code::kLimit,
                              "a label name or value is longer than",
                              Symbols::kTextMax,
                              "bytes; drop it with relabelling");
        }
    }
    return base::success();
}

base::Result<uint32_t> Head::create(const model::Labels& labels,
                                    uint64_t ref,
                                    model::Origin origin) {
    TRY(check_texts(labels));
    const bool replayed = ref != 0;
    const auto number = static_cast<uint16_t>(origin % kPartitions);
    Partition& partition = *partitions_[number];
    const base::MutexLock lock(create_mutex_);
    if (next_slot_ >= SlotTable::kSlotsMax) {
        return base::fail(base::Code::kLimit, "the head holds", next_slot_, "series: no more fit");
    }
    if (!replayed) {
        ref = last_ref_.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    if (ref > kSeriesRefMax) {
        return base::fail(base::Code::kLimit, "series ref", ref, "is beyond 2^40");
    }
    const LabelsRef set = label_sets_.add(labels);
    SeriesRecord* record;
    {
        const base::MutexLock in_partition(partition.mutex());
        record = partition.create(ref, set);
    }
    const uint32_t slot = next_slot_++;
    slots_.set(slot, {.record = record, .partition = number});
    index_.add(slot, label_sets_.get(set));
    if (!replayed) {
        const base::MutexLock in_new(new_mutex_);
        new_series_.push_back({.ref = ref, .labels = set});
        series_created_.fetch_add(1, std::memory_order_relaxed);
    }
    series_.fetch_add(1, std::memory_order_relaxed);
    return slot;
}

std::vector<NewSeries> Head::take_new_series() {
    const base::MutexLock lock(new_mutex_);
    return std::exchange(new_series_, {});
}

void Head::return_new_series(std::vector<NewSeries> series) {
    const base::MutexLock lock(new_mutex_);
    series.insert(series.end(), new_series_.begin(), new_series_.end());
    new_series_ = std::move(series);
}

int64_t Head::min_valid_time(int64_t first_t) const {
    const int64_t newest = max_time();
    const int64_t from = min_time() > newest ? first_t : newest;
    const int64_t window = rules_.range_ms / 2;
    return from < INT64_MIN + window ? INT64_MIN : from - window;
}

void Head::extend(int64_t min_t, int64_t max_t) {
    lower_to(min_t_, min_t);
    raise_to(max_t_, max_t);
}

base::Result<SlotSet> Head::match(std::span<const model::Matcher> matchers,
                                  const model::QueryContext& context) const {
    const MatchSource source{.index = index_,
                             .symbols = *symbols_,
                             .labels_of = [this](uint32_t slot) { return labels_of(slot); }};
    return match_series(source, matchers, context);
}

bool Head::of_one_partition(std::span<const HeadSample> samples) {
    return std::ranges::all_of(samples, [&](const HeadSample& sample) {
        return sample.series.partition == samples.front().series.partition;
    });
}

// Keeps the order within each partition.
std::vector<HeadSample> Head::sort_by_partition(std::span<const HeadSample> samples) {
    std::array<size_t, kPartitions + 1> from{};
    for (const HeadSample& sample : samples) {
        ++from[sample.series.partition + 1u];
    }
    for (size_t i = 1; i <= kPartitions; ++i) {
        from[i] += from[i - 1];
    }
    std::vector<HeadSample> sorted(samples.size());
    for (const HeadSample& sample : samples) {
        sorted[from[sample.series.partition]++] = sample;
    }
    return sorted;
}

}  // namespace tsdb
