// `skein tsdb analyze`: churn and cardinality of a block.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/duration.h"
#include "engine/commands/tsdb/data_folder.h"
#include "engine/commands/tsdb/fullness.h"
#include "engine/commands/tsdb/selectors.h"
#include "engine/commands/tsdb/tool.h"
#include "tsdb/block/block.h"

namespace engine {
namespace {

using tsdb::block::Block;
using tsdb::block::SeriesId;

constexpr FlagSpec kFlags[] = {
    {"limit", FlagKind::kInt, "20", "How many items to show in each list."},
    {"extended", FlagKind::kBool, "false", "Look at the chunks too: how full they are."},
    {"match", FlagKind::kList, "", "Series selector; may be repeated. Other series do not count."},
};

// How many series have it, and how much of the block's time they leave uncovered, in ms.
struct Share {
    uint64_t series = 0;
    uint64_t uncovered = 0;
};

// Labels by their symbols in the block's table.
struct Statistics {
    std::unordered_map<uint64_t, Share> pairs;  // name << 32 | value
    std::unordered_map<uint32_t, Share> names;
    uint64_t series = 0;
    uint64_t entries = 0;
};

struct Line {
    std::string key;
    uint64_t number = 0;
};

void print_top(const char* title, std::vector<Line> lines, size_t limit) {
    const size_t shown = std::min(limit, lines.size());
    std::partial_sort(lines.begin(),
                      lines.begin() + static_cast<ptrdiff_t>(shown),
                      lines.end(),
                      [](const Line& left, const Line& right) {
                          return left.number != right.number ? left.number > right.number
                                                             : left.key < right.key;
                      });
    std::printf("\n%s:\n", title);
    for (size_t i = 0; i < shown; ++i) {
        std::printf(
            "%llu %s\n", static_cast<unsigned long long>(lines[i].number), lines[i].key.c_str());
    }
}

base::Result<Statistics> collect(const Block& block, std::span<const SeriesId> ids) {
    Statistics statistics;
    Progress progress;
    const auto whole =
        static_cast<uint64_t>(block.meta().max_t) - static_cast<uint64_t>(block.meta().min_t);
    std::vector<model::LabelSymbols> labels;
    std::vector<tsdb::block::ChunkMeta> chunks;
    for (const SeriesId id : ids) {
        TRY(block.index().series(id, labels, &chunks));
        const uint64_t covered = chunks.empty() ? 0
                                                : static_cast<uint64_t>(chunks.back().max_t) -
                                                      static_cast<uint64_t>(chunks.front().min_t);
        const uint64_t uncovered = whole - covered;
        for (const auto& label : labels) {
            for (Share* share : {&statistics.pairs[uint64_t{label.name} << 32 | label.value],
                                 &statistics.names[label.name]}) {
                ++share->series;
                share->uncovered += uncovered;
            }
        }
        ++statistics.series;
        statistics.entries += labels.size();
        progress.tick([&] { return "read " + std::to_string(statistics.series) + " series"; });
    }
    return statistics;
}

// The series that any of the selectors selects.
base::Result<std::vector<SeriesId>> select(const Block& block,
                                           std::span<const Matchers> selectors) {
    std::vector<SeriesId> ids;
    if (selectors.empty()) {
        TRY(const auto all, block.index().all_postings());
        for (size_t i = 0; i < all.size(); ++i) {
            ids.push_back(all[i]);
        }
    }
    for (const Matchers& matchers : selectors) {
        TRY(const auto matched, block.index().match(matchers, {}));
        ids.insert(ids.end(), matched.begin(), matched.end());
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

class Report {
  public:
    Report(const Block& block, const Statistics& statistics, size_t limit)
        : block_(block), statistics_(statistics), limit_(limit) {}

    void print() const {
        std::printf("Label names: %zu\n", statistics_.names.size());
        std::printf("Postings (unique label pairs): %zu\n", statistics_.pairs.size());
        std::printf("Postings entries (total label pairs): %llu\n",
                    static_cast<unsigned long long>(statistics_.entries));
        print_pairs("Label pairs most involved in churning", true);
        print_churning_names();
        print_pairs("Most common label pairs", false);
        print_values();
        print_metrics();
    }

  private:
    std::string text(uint32_t symbol) const { return std::string(block_.index().text(symbol)); }

    std::string pair_text(uint64_t pair) const {
        return text(static_cast<uint32_t>(pair >> 32)) + "=" + text(static_cast<uint32_t>(pair));
    }

    // Series whose time is wholly uncovered would count one each.
    uint64_t churn(const Share& share) const {
        const auto& meta = block_.meta();
        return static_cast<uint64_t>(static_cast<double>(share.uncovered) /
                                     static_cast<double>(meta.max_t - meta.min_t));
    }

    void print_pairs(const char* title, bool churning) const {
        std::vector<Line> lines;
        for (const auto& [pair, share] : statistics_.pairs) {
            lines.push_back({pair_text(pair), churning ? churn(share) : share.series});
        }
        print_top(title, std::move(lines), limit_);
    }

    void print_churning_names() const {
        std::vector<Line> lines;
        for (const auto& [name, share] : statistics_.names) {
            lines.push_back({text(name), churn(share)});
        }
        print_top("Label names most involved in churning", std::move(lines), limit_);
    }

    void print_values() const {
        std::map<uint32_t, std::pair<uint64_t, uint64_t>> values;  // how many, their bytes
        for (const auto& [pair, share] : statistics_.pairs) {
            auto& [count, bytes] = values[static_cast<uint32_t>(pair >> 32)];
            ++count;
            bytes += block_.index().text(static_cast<uint32_t>(pair)).size();
        }
        std::vector<Line> lengths;
        std::vector<Line> counts;
        for (const auto& [name, figures] : values) {
            lengths.push_back({text(name), figures.second});
            counts.push_back({text(name), figures.first});
        }
        print_top(
            "Label names with highest cumulative label value length", std::move(lengths), limit_);
        print_top("Highest cardinality labels", std::move(counts), limit_);
    }

    void print_metrics() const {
        std::vector<Line> lines;
        for (const auto& [pair, share] : statistics_.pairs) {
            if (block_.index().text(static_cast<uint32_t>(pair >> 32)) == model::kMetricName) {
                lines.push_back({text(static_cast<uint32_t>(pair)), share.series});
            }
        }
        print_top("Highest cardinality metric names", std::move(lines), limit_);
    }

    const Block& block_;
    const Statistics& statistics_;
    const size_t limit_;
};

base::Status analyze(const Block& block, const FlagValues& flags) {
    TRY(const auto selectors, parse_selectors(flags.list("match")));
    const auto& meta = block.meta();
    const auto whole = static_cast<uint64_t>(meta.max_t) - static_cast<uint64_t>(meta.min_t);
    std::printf("Block ID: %s\n", meta.ulid.text().c_str());
    std::printf("Duration: %s\n",
                base::format_go_duration_ns(static_cast<int64_t>(whole * 1'000'000)).c_str());
    std::printf("Series: %llu\n", static_cast<unsigned long long>(meta.stats.series));
    TRY(const auto ids, select(block, selectors));
    for (const std::string& selector : flags.list("match")) {
        std::printf("Matcher: %s\n", selector.c_str());
    }
    if (!selectors.empty()) {
        std::printf("Matched series: %zu\n", ids.size());
    }
    TRY(const auto statistics, collect(block, ids));
    Report(block, statistics, static_cast<size_t>(std::max<int64_t>(0, flags.integer("limit"))))
        .print();
    return flags.boolean("extended") ? print_fullness(block, ids) : base::success();
}

// The block named, or the newest.
base::Result<base::Path> find_block(base::Files& files,
                                    const base::Path& folder,
                                    const std::string& name) {
    TRY(const auto listing, list_blocks(files, folder));
    for (auto block = listing.blocks.rbegin(); block != listing.blocks.rend(); ++block) {
        if (name.empty() || block->meta.ulid.text() == name) {
            return block->folder;
        }
    }
    if (!listing.broken.empty()) {
        return base::fail(base::Code::kCorrupt, listing.broken.front());
    }
    return base::fail(base::Code::kNotFound,
                      name.empty() ? "there is no block in " + folder
                                   : "block " + name + " not found in " + folder);
}

}  // namespace

int tsdb_analyze(const std::vector<std::string>& words) {
    const CommandLine line("skein tsdb analyze",
                           "Shows churn and cardinality of a block, the newest if none is named.",
                           kFlags,
                           "DATA");
    const Started started = start_command(line, words, 0, 2);
    if (!started.flags) {
        return started.code;
    }
    const auto files = base::make_posix_files();
    const auto folder = find_block(
        *files, operand_or(*started.flags, 0, kDataFolder), operand_or(*started.flags, 1, ""));
    if (!folder) {
        return say_error(folder.error());
    }
    const auto block = Block::open(*files, folder.value());
    if (!block) {
        return say_error(block.error());
    }
    const auto done = analyze(*block.value(), *started.flags);
    return done ? 0 : say_error(done.error());
}

}  // namespace engine
