#include <cstdio>

#include "engine/commands/commands.h"
#include "engine/flags.h"
#include "engine/node.h"

namespace engine {

int self_command(const std::vector<std::string>& words) {
    const std::string what = words.size() >= 2 ? words[1] : "";
    const bool markdown = words.size() == 3 && words[2] == "--markdown";
    if (what == "flags") {
        for (const FlagSpec& flag : server_flags()) {
            std::printf("--%.*s\n", static_cast<int>(flag.name.size()), flag.name.data());
        }
        return 0;
    }
    if (what == "metrics") {
        for (const base::MetricDescription& metric : server_metrics()) {
            if (markdown) {
                std::printf("| `%s` | %s |\n", metric.name.c_str(), metric.help.c_str());
            } else {
                std::printf("%s\n", metric.name.c_str());
            }
        }
        return 0;
    }
    std::fprintf(stderr, "skein: self flags, or self metrics [--markdown]\n");
    return 2;
}

}  // namespace engine
