// Micro-benchmarks: nanoseconds of thread CPU time per operation, the median of several batches.
//
//   void add_base_cases(Suite& suite) {
//       suite.add("crc32c/4KiB", {.bytes = 4096}, [page = make_page()](uint64_t times) {
//           for (uint64_t i = 0; i < times; ++i) {
//               keep(crc32c(page));
//           }
//       });
//   }
//
// A room's cases are one file, bench/micro/<room>_cases.cc, named in cases.h and main.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

// Makes the compiler believe that somebody reads value.
template <class T>
inline void keep(const T& value) {
    asm volatile("" : : "r,m"(value) : "memory");
}

struct CaseOptions {
    uint64_t bytes = 0;  // that one operation works on; 0: no throughput is shown
};

// Does the operation so many times.
using CaseBody = std::function<void(uint64_t times)>;

struct Measurement {
    std::string name;
    double ns_per_op = 0;         // median of kRepeats batches
    double ns_per_op_min = 0;     // the fastest batch
    double bytes_per_second = 0;  // 0: the case has none
};

class Suite {
  public:
    // Batches per case, and how long the shortest may take.
    static constexpr int kRepeats = 9;
    static constexpr double kBatchSeconds = 0.02;

    // name: "what/with what", unique.
    void add(std::string name, CaseOptions options, CaseBody body);

    // The cases whose names contain part, in the order they were added.
    [[nodiscard]] std::vector<std::string> names(std::string_view part) const;
    [[nodiscard]] std::vector<Measurement> run(std::string_view part) const;

  private:
    struct Case {
        std::string name;
        CaseOptions options;
        CaseBody body;
    };

    static Measurement measure(const Case& one);

    std::vector<Case> cases_;
};

}  // namespace bench
