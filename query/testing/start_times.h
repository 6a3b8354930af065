// The `metric@st …` lines of a load: when each sample of the next line was started, as an offset
// from its time: `-30s`, `-1mx2`, `-30s-1mx2`, `_`, `_x3`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"

namespace query::testing {

struct StartTimes {
    model::Labels labels;
    std::vector<std::optional<int64_t>> offsets_ms;  // nothing: no start timestamp
};

// Whether a line of a load is one of these.
[[nodiscard]] bool is_start_times(std::string_view line);

//   errors  kInvalid, kLimit (kSeriesPointsMax)
[[nodiscard]] base::Result<StartTimes> parse_start_times(std::string_view line);

}  // namespace query::testing
