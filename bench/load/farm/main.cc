// skein-farm: plays thousands of metric targets in one cheap process, for load tests and demos.
#include <cstdio>
#include <fstream>
#include <iostream>

#include "base/clock.h"
#include "bench/load/farm/answers.h"
#include "bench/load/farm/dump.h"
#include "bench/load/farm/options.h"
#include "bench/load/farm/oracle.h"
#include "bench/load/farm/population.h"
#include "bench/load/farm/server.h"

namespace {

using namespace bench;

base::Status write_discovery(const FarmOptions& options, uint16_t port) {
    if (options.sd_file.empty()) {
        return base::success();
    }
    // Readers watch the file: it appears whole or not at all.
    const std::string temporary = options.sd_file + ".tmp";
    std::ofstream file(temporary, std::ios::trunc);
    file << discovery_json(options, port);
    file.close();
    if (!file || std::rename(temporary.c_str(), options.sd_file.c_str()) != 0) {
        return base::fail(base::Code::kIo, "--sd-file: cannot write", options.sd_file);
    }
    return base::success();
}

base::Status serve(const FarmOptions& options) {
    const base::SystemClock clock;
    Population population(options);
    Answers answers(options, population, clock);
    TRY(auto server, Server::open(options, answers, clock));
    TRY(write_discovery(options, server->port()));
    std::printf("listening on %s:%u: %u targets of %u series\n",
                options.host.c_str(),
                unsigned{server->port()},
                options.targets,
                options.series);
    std::fflush(stdout);
    return server->run();
}

base::Status serve_oracle(const FarmOptions& options) {
    const base::SystemClock clock;
    Oracle oracle(options, clock);
    TRY(auto server, Server::open(options, oracle, clock));
    std::printf("listening on %s:%u: %u targets\n",
                options.host.c_str(),
                unsigned{server->port()},
                options.targets);
    std::fflush(stdout);
    return server->run();
}

base::Status run(const CommandLine& line) {
    switch (line.command) {
        case Command::kServe:
            return serve(line.options);
        case Command::kOracle:
            return serve_oracle(line.options);
        case Command::kDump:
            return dump(line.options, stdout);
        case Command::kStat:
            return print_statistics(line.options, base::SystemClock().now_ms(), stdout);
    }
    return base::success();
}

}  // namespace

int main(int argc, char** argv) {
    const CommandLine line = parse_command_line(argc, argv);
    if (line.exit_code >= 0) {
        return line.exit_code;
    }
    const base::Status status = run(line);
    if (!status.has_value()) {
        std::cerr << "skein-farm: " << status.error().message() << '\n';
        return 1;
    }
    return 0;
}
