#include <cstdio>
#include <iostream>

#include "engine/cli.h"
#include "engine/commands/commands.h"
#include "query/testing/script_engine.h"

namespace engine {

int test_command(const std::vector<std::string>& words) {
    if (words.size() < 3 || words[1] != "promql") {
        std::fprintf(stderr, "skein: test what? There is: skein test promql FILE...\n");
        return 2;
    }
    return query::testing::run_promql_scripts({words.begin() + 2, words.end()}, std::cout);
}

}  // namespace engine
