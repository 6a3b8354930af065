// The metric families of the four kinds of target the farm plays, and their labels.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "bench/load/farm/value.h"

namespace bench {

// Out of ten targets, five are applications, two cAdvisors, two node exporters, one
// kube-state-metrics.
enum class Kind : uint8_t { kApp, kCadvisor, kNode, kKubeState };

[[nodiscard]] Kind kind_of(uint32_t target);

// The job label of a kind: "app", "cadvisor", "node", "kube-state-metrics".
[[nodiscard]] std::string_view job_of(Kind kind);

// Takes a target's series in exposition order: all of a family directly after family().
class SeriesSink {
  public:
    virtual ~SeriesSink() = default;
    // type: counter, gauge or histogram.
    virtual void family(std::string_view name, std::string_view help, std::string_view type) = 0;
    //   suffix   "", "_bucket", "_sum" or "_count"
    //   labels   `a="b",c="d"` without braces and without le; may be empty
    //   le       the bucket's upper bound; empty where there is none
    virtual void series(std::string_view suffix,
                        std::string_view labels,
                        std::string_view le,
                        const Slot& slot) = 0;
};

// Describes exactly `count` series of a target.
void describe_target(uint64_t seed, uint32_t target, uint32_t count, SeriesSink& sink);

}  // namespace bench
