// `skein tsdb create-blocks-from openmetrics`: blocks out of a file.
#include "engine/commands/tsdb/backfill.h"
#include "engine/commands/tsdb/data_folder.h"
#include "engine/commands/tsdb/tool.h"
#include "model/labels.h"

namespace engine {
namespace {

constexpr FlagSpec kFlags[] = {
    {.name = "human-readable",
     .kind = FlagKind::kBool,
     .value_default = "false",
     .help = "Print times and sizes for people.",
     .short_name = "r"},
    {.name = "quiet",
     .kind = FlagKind::kBool,
     .value_default = "false",
     .help = "Do not print the blocks made.",
     .short_name = "q"},
    {"max-block-duration",
     FlagKind::kDuration,
     "2h",
     "Longest time a block may span; less than 2h counts as 2h."},
    {"label", FlagKind::kList, "", "NAME=VALUE to put on every series; may be repeated."},
};

base::Result<std::vector<std::pair<std::string, std::string>>> labels_of(const FlagValues& flags) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const std::string& text : flags.list("label")) {
        const size_t equals = text.find('=');
        const std::string name = text.substr(0, equals);
        if (equals == std::string::npos ||
            !model::is_valid_label_name(name, model::NameScheme::kUtf8)) {
            return base::fail(base::Code::kInvalid,
                              "--label: \"" + text + "\" is not NAME=VALUE, such as cluster=east");
        }
        out.emplace_back(name, text.substr(equals + 1));
    }
    return out;
}

base::Result<BackfillReport> create_blocks(base::Files& files, const FlagValues& flags) {
    BackfillOptions options;
    options.block_ms = block_duration_within(flags.duration_ms("max-block-duration"));
    TRY(options.labels, labels_of(flags));
    TRY(const auto page, files.map(flags.positional()[0]));
    page->advise(base::MappedFile::Advice::kSequential);
    const base::SystemClock clock;
    base::SystemRandom random;
    bool header = true;
    const bool human_readable = flags.boolean("human-readable");
    const auto made = [&](const base::Path& folder) -> base::Status {
        if (flags.boolean("quiet")) {
            return base::success();
        }
        TRY(const auto block, stored_block(files, folder));
        std::fputs(block_table({&block, 1}, header, human_readable).c_str(), stdout);
        header = false;
        return base::success();
    };
    return backfill(files,
                    page->bytes().text(),
                    operand_or(flags, 1, kDataFolder),
                    options,
                    clock,
                    random,
                    made);
}

}  // namespace

int tsdb_create_blocks(const std::vector<std::string>& words) {
    if (words.empty() || words[0] != "openmetrics") {
        std::fprintf(stderr,
                     "skein: blocks are made from what? There is: skein tsdb create-blocks-from "
                     "openmetrics FILE [DATA]\n");
        return 2;
    }
    const CommandLine line("skein tsdb create-blocks-from openmetrics",
                           "Makes blocks out of the samples of an OpenMetrics file.",
                           kFlags,
                           "FILE");
    const Started started = start_command(line, {words.begin() + 1, words.end()}, 1, 2);
    if (!started.flags) {
        return started.code;
    }
    const auto files = base::make_posix_files();
    const auto report = create_blocks(*files, *started.flags);
    if (!report) {
        return say_error(report.error());
    }
    if (const uint64_t conflicts = report.value().losses.conflicts; conflicts != 0) {
        std::fprintf(stderr,
                     "skein: %llu samples have the time of another one of their series and were "
                     "left out\n",
                     static_cast<unsigned long long>(conflicts));
    }
    return 0;
}

}  // namespace engine
