// skein-micro [--list] [--json] [PART]: runs the cases whose names contain PART.
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>

#include "bench/micro/cases.h"
#include "bench/micro/harness.h"

namespace {

using namespace bench;

void print_table(const std::vector<Measurement>& results) {
    std::printf("%-40s %12s %12s %10s\n", "case", "ns/op", "fastest", "MB/s");
    for (const Measurement& result : results) {
        std::printf(
            "%-40s %12.2f %12.2f", result.name.c_str(), result.ns_per_op, result.ns_per_op_min);
        if (result.bytes_per_second > 0) {
            std::printf(" %10.0f", result.bytes_per_second / 1e6);
        }
        std::printf("\n");
    }
}

void print_json(const std::vector<Measurement>& results) {
    std::printf("{\"cases\":[");
    const char* separator = "";
    for (const Measurement& result : results) {
        std::printf("%s\n  {\"name\":\"%s\",\"ns_per_op\":%.3f,\"ns_per_op_min\":%.3f,",
                    separator,
                    result.name.c_str(),
                    result.ns_per_op,
                    result.ns_per_op_min);
        if (result.bytes_per_second > 0) {
            std::printf("\"bytes_per_second\":%.0f}", result.bytes_per_second);
        } else {
            std::printf("\"bytes_per_second\":null}");
        }
        separator = ",";
    }
    std::printf("\n]}\n");
}

int usage() {
    std::cerr << "usage: skein-micro [--list] [--json] [PART OF A NAME]\n";
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    bool list = false;
    bool json = false;
    std::string part;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--list") {
            list = true;
        } else if (word == "--json") {
            json = true;
        } else if (word.starts_with("-") || !part.empty()) {
            return usage();
        } else {
            part = word;
        }
    }
    Suite suite;
    add_base_cases(suite);
    const auto names = suite.names(part);
    if (names.empty()) {
        std::cerr << "skein-micro: no case has \"" << part << "\" in its name; try --list\n";
        return 1;
    }
    if (list) {
        for (const std::string& name : names) {
            std::cout << name << '\n';
        }
        return 0;
    }
    json ? print_json(suite.run(part)) : print_table(suite.run(part));
    return 0;
}
