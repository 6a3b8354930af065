#include "bench/micro/harness.h"

#include <algorithm>
#include <array>
#include <ctime>

#include "base/check.h"

namespace bench {
namespace {

double thread_cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double seconds_of(const CaseBody& body, uint64_t times) {
    const double begin = thread_cpu_seconds();
    body(times);
    return thread_cpu_seconds() - begin;
}

// How many operations fill a batch; warms the caches on the way.
uint64_t batch_size(const CaseBody& body) {
    constexpr uint64_t kTimesMax = uint64_t{1} << 40;
    uint64_t times = 1;
    while (seconds_of(body, times) < Suite::kBatchSeconds && times < kTimesMax) {
        times *= 2;
    }
    return times;
}

}  // namespace

void Suite::add(std::string name, CaseOptions options, CaseBody body) {
    const bool known =
        std::ranges::any_of(cases_, [&](const Case& one) { return one.name == name; });
    SKEIN_CHECK(!known, "two cases of one name", name);
    cases_.push_back({std::move(name), options, std::move(body)});
}

std::vector<std::string> Suite::names(std::string_view part) const {
    std::vector<std::string> found;
    for (const Case& one : cases_) {
        if (one.name.find(part) != one.name.npos) {
            found.push_back(one.name);
        }
    }
    return found;
}

std::vector<Measurement> Suite::run(std::string_view part) const {
    std::vector<Measurement> results;
    for (const Case& one : cases_) {
        if (one.name.find(part) != one.name.npos) {
            results.push_back(measure(one));
        }
    }
    return results;
}

Measurement Suite::measure(const Case& one) {
    const uint64_t times = batch_size(one.body);
    std::array<double, kRepeats> ns{};
    for (double& batch : ns) {
        batch = seconds_of(one.body, times) * 1e9 / static_cast<double>(times);
    }
    std::ranges::sort(ns);
    Measurement result{one.name, ns[kRepeats / 2], ns[0], 0};
    if (one.options.bytes > 0) {
        result.bytes_per_second = static_cast<double>(one.options.bytes) * 1e9 / result.ns_per_op;
    }
    return result;
}

}  // namespace bench
