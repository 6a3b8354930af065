// --enable-feature: names separated by commas, the flag repeated at will.
#pragma once

#include <set>
#include <string>

#include "base/log.h"
#include "engine/cli.h"

namespace engine {

class Features {
  public:
    explicit Features(const FlagValues& flags);

    [[nodiscard]] bool has(std::string_view name) const { return names_.contains(name); }

    // Says which are on, which are not built, and which nobody knows.
    void announce(const base::Logger& log) const;

  private:
    std::set<std::string, std::less<>> names_;
};

}  // namespace engine
