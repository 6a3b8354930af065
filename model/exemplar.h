// Exemplars: samples that stand for others, with labels of their own, and the port that finds them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"

namespace model {

struct QueryContext;

struct Exemplar {
    int64_t t = 0;  // ms
    double v = 0;
    Labels labels;  // a trace id, mostly

    bool operator==(const Exemplar&) const = default;
};

struct SeriesExemplars {
    Labels series;
    std::vector<Exemplar> exemplars;  // by time; never empty
};

// Implemented by tsdb::Db, asked by the query API. Threads: any.
class ExemplarQueryable {
  public:
    // The exemplars in [min_t, max_t] (ms) of all series that match one of the groups, sorted by
    // the series' labels.
    //   errors  kCanceled, kTimeout
    [[nodiscard]] virtual base::Result<std::vector<SeriesExemplars>> exemplars(
        std::span<const std::vector<Matcher>> groups,
        int64_t min_t,
        int64_t max_t,
        const QueryContext& context) const = 0;

  protected:
    ~ExemplarQueryable() = default;
};

}  // namespace model
