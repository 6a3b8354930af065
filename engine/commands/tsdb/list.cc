// `skein tsdb list`: the blocks of a data folder.
#include "engine/commands/tsdb/data_folder.h"
#include "engine/commands/tsdb/tool.h"

namespace engine {
namespace {

constexpr FlagSpec kFlags[] = {
    {.name = "human-readable",
     .kind = FlagKind::kBool,
     .value_default = "false",
     .help = "Print times and sizes for people.",
     .short_name = "r"},
};

}  // namespace

int tsdb_list(const std::vector<std::string>& words) {
    const CommandLine line("skein tsdb list", "Lists the blocks of a data folder.", kFlags, "DATA");
    const Started started = start_command(line, words, 0, 1);
    if (!started.flags) {
        return started.code;
    }
    const auto files = base::make_posix_files();
    const auto listing = list_blocks(*files, operand_or(*started.flags, 0, kDataFolder));
    if (!listing) {
        return say_error(listing.error());
    }
    const bool human_readable = started.flags->boolean("human-readable");
    std::fputs(block_table(listing.value().blocks, true, human_readable).c_str(), stdout);
    for (const std::string& broken : listing.value().broken) {
        std::fprintf(stderr, "skein: %s\n", broken.c_str());
    }
    return listing.value().broken.empty() ? 0 : 1;
}

}  // namespace engine
