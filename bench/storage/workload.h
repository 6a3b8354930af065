// What the storage is given to keep: series as exporters have them, and their values.
#pragma once

#include <cstdint>
#include <string>

#include "base/random.h"
#include "model/labels.h"

namespace bench {

inline constexpr int64_t kStart =
    1'700'006'400'000 / 7'200'000 * 7'200'000;  // ms; a multiple of 2 h
inline constexpr uint32_t kSeriesPerTarget = 1000;

// Ten labels, of which two are the series' own and a third one that of ten.
inline model::Labels series_labels(uint32_t target, uint32_t series, const std::string& version) {
    const std::string instance =
        "10.0." + std::to_string(target / 250) + "." + std::to_string(target % 250) + ":9100";
    const std::string pod = "checkout-7f9c6d5b8-" + std::to_string(target * 7919 + 10000);
    const std::string name = "http_request_metric_" + std::to_string(series / 10) + "_total";
    const std::string path = "/api/v1/orders/" + std::to_string(series % 10);
    return model::Labels::from_unsorted({{"__name__", name},
                                         {"instance", instance},
                                         {"job", "checkout"},
                                         {"namespace", "shop"},
                                         {"pod", pod},
                                         {"node", instance},
                                         {"method", series % 2 == 0 ? "GET" : "POST"},
                                         {"code", "200"},
                                         {"handler", path},
                                         {"version", version}});
}

// A third of the series stand still, half are counters that often do, the others are gauges with
// two decimals.
class Values {
  public:
    double next(uint32_t series, double before) {
        const uint32_t kind = series % 6;
        if (kind < 2 || random_.below(100) < 30) {
            return before;
        }
        if (kind == 5) {
            return static_cast<double>(random_.below(1000)) / 100;
        }
        return before + static_cast<double>(1 + random_.below(20));
    }

  private:
    base::SeededRandom random_{1};
};

}  // namespace bench
