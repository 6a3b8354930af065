#include <cstdio>

#include "engine/commands/commands.h"
#include "engine/flags.h"
#include "engine/node.h"

namespace engine {

int self_command(const std::vector<std::string>& words) {
    const std::string what = words.size() == 2 ? words[1] : "";
    if (what == "flags") {
        for (const FlagSpec& flag : server_flags()) {
            std::printf("--%.*s\n", static_cast<int>(flag.name.size()), flag.name.data());
        }
        return 0;
    }
    if (what == "metrics") {
        for (const base::MetricDescription& metric : server_metrics()) {
            std::printf("%s\n", metric.name.c_str());
        }
        return 0;
    }
    std::fprintf(stderr, "skein: self flags or self metrics\n");
    return 2;
}

}  // namespace engine
