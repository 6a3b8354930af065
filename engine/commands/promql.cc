#include <cstdio>
#include <iostream>
#include <iterator>

#include "engine/commands/commands.h"
#include "query/parse_error.h"
#include "query/parser.h"
#include "query/printer.h"

namespace engine {
namespace {

constexpr const char* kUse = "skein promql format EXPRESSION...\n";

// "-" stands for what comes in.
std::string text_of(const std::string& operand) {
    if (operand != "-") {
        return operand;
    }
    return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

bool print_formatted(const std::string& text) {
    const auto expr = query::parse_query(text, query::ParseOptions::everything());
    if (!expr) {
        std::fprintf(stderr, "skein: %s\n", expr.error().message().c_str());
        return false;
    }
    std::printf("%s\n", query::pretty(*expr.value()).c_str());
    return true;
}

}  // namespace

int promql_command(const std::vector<std::string>& words) {
    if (words.size() < 3 || words[1] != "format") {
        std::fprintf(stderr, "skein: promql what? There is: %s", kUse);
        return 2;
    }
    bool good = true;
    for (size_t i = 2; i < words.size(); ++i) {
        good &= print_formatted(text_of(words[i]));
    }
    return good ? 0 : 1;
}

}  // namespace engine
