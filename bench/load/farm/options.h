// What the farm is asked to be.
#pragma once

#include <cstdint>
#include <string>

namespace bench {

// Which lines carry an explicit timestamp.
enum class Timestamps : uint8_t {
    kNone,
    kCadvisor,  // those of the cAdvisor targets, as real ones do
    kAll,
};

struct FarmOptions {
    uint32_t targets = 10;
    uint32_t series = 1000;  // per target
    uint64_t seed = 42;
    uint32_t churn_pct = 0;        // percent of the series whose `rev` label changes
    uint32_t churn_sec = 300;      // every so many seconds
    uint32_t restart_hours = 192;  // counters begin anew after so long, at other times per target;
                                   // 0: never
    int64_t quantum_ms = 1;        // values and timestamps are those of the last multiple
    Timestamps timestamps = Timestamps::kNone;

    // serve
    std::string host = "127.0.0.1";
    uint16_t port = 0;   // 0: any free one
    uint16_t ports = 1;  // port, port + 1, …; every target answers on each of them
    bool gzip = false;   // to clients that accept it; kept per target and quantum
    uint32_t delay_min_ms = 0;
    uint32_t delay_max_ms = 0;
    std::string sd_file;  // where to write file_sd JSON for all targets; empty: nowhere

    // dump
    int64_t start_ms = 0;
    int64_t end_ms = 0;  // inclusive
    int64_t step_ms = 15'000;
};

enum class Command : uint8_t { kServe, kOracle, kDump, kStat };

// Limits of what the command line accepts.
inline constexpr uint32_t kTargetsMax = 100'000;
inline constexpr uint32_t kSeriesMax = 1'000'000;
inline constexpr uint16_t kPortsMax = 1000;
inline constexpr uint32_t kDelayMaxMs = 120'000;

struct CommandLine {
    Command command = Command::kServe;
    FarmOptions options;
    int exit_code = -1;  // ≥ 0: nothing is left to do (help was printed, or an error)
};

// Reads the command line; prints help and errors itself.
[[nodiscard]] CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace bench
