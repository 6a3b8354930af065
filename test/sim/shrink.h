// Makes a failing run easier to read: leaves out what it fails without.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace sim {

// Delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and Isolating Failure-Inducing Input").
//   fails    whether it still fails with these alone, in their order
//   tries    runs, at most
//   returns  a part of `all` with which it fails and, unless the tries ran out, of which no single
//            one can be left out. `all` itself must fail.
[[nodiscard]] std::vector<uint32_t> shrink(
    std::vector<uint32_t> all,
    const std::function<bool(const std::vector<uint32_t>&)>& fails,
    uint32_t tries);

}  // namespace sim
