#include "bench/load/farm/options.h"

#include <iostream>
#include <map>

#include <CLI/CLI.hpp>

namespace bench {
namespace {

void add_population(CLI::App& app, FarmOptions& options) {
    app.add_option("--targets", options.targets, "Number of targets")
        ->check(CLI::Range(1u, kTargetsMax))
        ->capture_default_str();
    app.add_option("--series", options.series, "Series per target")
        ->check(CLI::Range(1u, kSeriesMax))
        ->capture_default_str();
    app.add_option("--seed", options.seed, "Same seed, same series and values")
        ->capture_default_str();
    app.add_option("--churn-pct", options.churn_pct, "Percent of series with a changing rev label")
        ->check(CLI::Range(0u, 100u))
        ->capture_default_str();
    app.add_option("--churn-sec", options.churn_sec, "Seconds from one rev to the next")
        ->check(CLI::Range(1u, 86'400u))
        ->capture_default_str();
    app.add_option("--restart-hours",
                   options.restart_hours,
                   "Hours until a target's counters begin anew; 0: never")
        ->check(CLI::Range(0u, 87'600u))
        ->capture_default_str();
    app.add_option(
           "--quantum-ms", options.quantum_ms, "Values and timestamps stand still for so long")
        ->check(CLI::Range(int64_t{1}, int64_t{86'400'000}))
        ->capture_default_str();
}

void add_serve(CLI::App& app, FarmOptions& options) {
    static const std::map<std::string, Timestamps> kTimestamps = {
        {"none", Timestamps::kNone},
        {"cadvisor", Timestamps::kCadvisor},
        {"all", Timestamps::kAll}};
    app.add_option("--timestamps",
                   options.timestamps,
                   "Lines with explicit timestamps: none, cadvisor, all")
        ->transform(CLI::CheckedTransformer(kTimestamps).description(""));
    app.add_option("--host", options.host, "IPv4 address to listen on")->capture_default_str();
    app.add_option("--port", options.port, "First port; 0: any free one")->capture_default_str();
    app.add_option("--ports", options.ports, "Number of consecutive ports")
        ->check(CLI::Range(uint16_t{1}, kPortsMax))
        ->capture_default_str();
    app.add_flag("--gzip", options.gzip, "Compress for clients that accept it");
    app.add_option("--delay-min-ms", options.delay_min_ms, "Shortest delay of an answer")
        ->check(CLI::Range(0u, kDelayMaxMs))
        ->capture_default_str();
    app.add_option("--delay-max-ms", options.delay_max_ms, "Longest delay of an answer")
        ->check(CLI::Range(0u, kDelayMaxMs))
        ->capture_default_str();
    app.add_option("--sd-file", options.sd_file, "Write file_sd JSON with all targets here");
}

void add_dump(CLI::App& app, FarmOptions& options) {
    app.add_option("--start-ms", options.start_ms, "First sample, Unix milliseconds")->required();
    app.add_option("--end-ms", options.end_ms, "Last sample, Unix milliseconds")->required();
    app.add_option("--step-ms", options.step_ms, "From one sample to the next")
        ->check(CLI::Range(int64_t{1}, int64_t{86'400'000}))
        ->capture_default_str();
}

// What no single option's range can tell. Empty: all is well.
std::string contradiction(const CommandLine& line) {
    const FarmOptions& options = line.options;
    if (options.delay_min_ms > options.delay_max_ms) {
        return "--delay-min-ms is above --delay-max-ms";
    }
    if (options.port != 0 && options.port + options.ports - 1 > UINT16_MAX) {
        return "--port plus --ports goes beyond port 65535";
    }
    if (line.command == Command::kDump && options.end_ms < options.start_ms) {
        return "--end-ms is before --start-ms";
    }
    return {};
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
    CommandLine line;
    CLI::App app{"A farm of synthetic metric targets for load tests.", "skein-farm"};
    app.require_subcommand(1);
    CLI::App& serve = *app.add_subcommand("serve", "Answer scrapes of /t/<i>/metrics");
    CLI::App& oracle = *app.add_subcommand(
        "oracle", "Answer scrapes of /t/<i>, and tell when each was served and to whom");
    oracle.add_option("--targets", line.options.targets, "Number of targets")
        ->check(CLI::Range(1u, kTargetsMax))
        ->capture_default_str();
    oracle.add_option("--host", line.options.host, "IPv4 address to listen on")
        ->capture_default_str();
    oracle.add_option("--port", line.options.port, "Port; 0: any free one")->capture_default_str();
    CLI::App& dump = *app.add_subcommand("dump", "Print OpenMetrics with timestamps");
    CLI::App& stat = *app.add_subcommand("stat", "Print what the exposition is like");
    for (CLI::App* command : {&serve, &dump, &stat}) {
        add_population(*command, line.options);
    }
    add_serve(serve, line.options);
    add_dump(dump, line.options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        line.exit_code = app.exit(error) == 0 ? 0 : 2;
        return line;
    }
    line.command = dump.parsed()     ? Command::kDump
                   : stat.parsed()   ? Command::kStat
                   : oracle.parsed() ? Command::kOracle
                                     : Command::kServe;
    if (const std::string why = contradiction(line); !why.empty()) {
        std::cerr << "skein-farm: " << why << '\n';
        line.exit_code = 2;
    }
    return line;
}

}  // namespace bench
