#include "tsdb/exemplar_select.h"

#include <algorithm>

namespace tsdb {
namespace {

constexpr size_t kChecksEvery = 1024;

}  // namespace

base::Result<std::vector<model::SeriesExemplars>> select_exemplars(
    const Head& head,
    std::span<const std::vector<model::Matcher>> groups,
    int64_t min_t,
    int64_t max_t,
    const model::QueryContext& context) {
    const std::vector<ExemplarRing::Series> candidates =
        head.exemplars().series_between(min_t, max_t);
    std::vector<model::SeriesExemplars> found;
    if (candidates.empty()) {
        return found;
    }
    SlotSet matching;
    for (const auto& matchers : groups) {
        TRY(const SlotSet some, head.match(matchers, context));
        matching.add(some);
    }
    size_t seen = 0;
    for (const ExemplarRing::Series& series : candidates) {
        if (seen++ % kChecksEvery == 0) {
            TRY(context.check());
        }
        if (!matching.contains(series.slot)) {
            continue;
        }
        auto exemplars = head.exemplars().read(series.ref, min_t, max_t);
        if (!exemplars.empty()) {
            found.push_back(
                {.series = head.texts_of(series.slot), .exemplars = std::move(exemplars)});
        }
    }
    std::ranges::sort(found, {}, &model::SeriesExemplars::series);
    return found;
}

}  // namespace tsdb
