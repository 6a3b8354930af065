#include "tsdb/head/cardinality.h"

#include <algorithm>
#include <utility>

#include "model/labels.h"

namespace tsdb {
namespace {

// Keeps the largest; of equals the one seen first.
class Largest {
  public:
    explicit Largest(size_t limit) : limit_(limit) {}

    template <class MakeName>
    void offer(uint64_t value, const MakeName& name) {
        if (limit_ == 0 || (kept_.size() == limit_ && value <= kept_.back().value)) {
            return;
        }
        const auto at = std::ranges::upper_bound(
            kept_, value, std::greater<>(), [](const NamedCount& entry) { return entry.value; });
        kept_.insert(at, {.name = name(), .value = value});
        if (kept_.size() > limit_) {
            kept_.pop_back();
        }
    }

    std::vector<NamedCount> take() { return std::move(kept_); }

  private:
    const size_t limit_;
    std::vector<NamedCount> kept_;
};

}  // namespace

Cardinality count_cardinality(const Head& head, size_t limit) {
    const Symbols& symbols = *head.symbols();
    Largest metrics(limit);
    Largest values_of(limit);
    Largest memory(limit);
    Largest pairs(limit);
    for (const uint32_t name : head.index().names()) {
        const std::string_view text = symbols.text(name);
        const auto values = head.index().values(name);
        uint64_t bytes = 0;
        for (const ValueCount& entry : values) {
            const std::string_view value = symbols.text(entry.value);
            bytes += value.size() * entry.series;
            if (text == model::kMetricName) {
                metrics.offer(entry.series, [&] { return std::string(value); });
            }
            pairs.offer(entry.series, [&] { return std::string(text) + "=" + std::string(value); });
        }
        values_of.offer(values.size(), [&] { return std::string(text); });
        memory.offer(bytes, [&] { return std::string(text); });
    }
    return {.series_by_metric_name = metrics.take(),
            .values_by_label_name = values_of.take(),
            .memory_by_label_name = memory.take(),
            .series_by_label_pair = pairs.take()};
}

}  // namespace tsdb
