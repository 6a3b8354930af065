// Which metric families a kind of target has, how many of each, and how they move.
#pragma once

#include <cstdint>
#include <span>

#include "bench/load/farm/catalog.h"
#include "bench/load/farm/labels.h"

namespace bench {

enum class Type : uint8_t { kCounter, kGauge, kHistogram, kStart };

struct Family {
    const char* name;
    Type type;
    LabelMaker labels;
    uint16_t permille;  // of the target's series; 0: one series; the last family takes what is left
    double scale;       // counter, histogram: mean growth per second; gauge: its usual width
    uint8_t decimals;
    uint8_t still;  // percent of the series (of whole histograms) that never change
    const char* help;
};

// A kind's families in exposition order.
[[nodiscard]] std::span<const Family> families_of(Kind kind);

}  // namespace bench
