#include "test/support/command.h"

#include <array>
#include <cstdio>
#include <sstream>

#include <sys/wait.h>

namespace test {
namespace {

int exit_code_of(int status) {
    if (status == -1) {
        return 127;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Outcome run_command(const std::string& command) {
    Outcome outcome;
    FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        outcome.exit_code = 127;
        return outcome;
    }
    std::array<char, 4096> buffer{};
    size_t got = 0;
    while ((got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
        if (outcome.output.size() + got <= kOutputMax) {
            outcome.output.append(buffer.data(), got);
        }
    }
    outcome.exit_code = exit_code_of(::pclose(pipe));
    return outcome;
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

}  // namespace test
