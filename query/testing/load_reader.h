// Reads a `load` command line by line.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "query/testing/script.h"
#include "query/testing/start_times.h"

namespace query::testing {

class LoadReader {
  public:
    // `head` is the line with `load`.
    [[nodiscard]] base::Status begin(std::string_view head);
    // A series, or the start times of the next one.
    [[nodiscard]] base::Status line(std::string_view text);
    [[nodiscard]] base::Result<LoadCommand> end();

  private:
    void add(ScriptSeries series);

    bool native_ = false;  // load_with_nhcb
    int64_t step_ms_ = 0;
    std::optional<StartTimes> pending_;
    std::vector<ScriptSeries> series_;
    std::map<std::string, size_t, std::less<>> index_;  // by packed labels
};

}  // namespace query::testing
