#include "bench/load/farm/dump.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <vector>

#include "bench/load/farm/number.h"
#include "bench/load/farm/population.h"

namespace bench {
namespace {

using base::Code;
using base::fail;

struct DumpedSeries {
    uint32_t target;
    std::string suffix;
    std::string labels;  // all of them; the digits of `rev` are filled in later
    size_t revision_at;  // where those digits stand; 0: none
    Slot slot;
};

struct DumpedFamily {
    std::string help;
    std::string type;
    std::vector<DumpedSeries> series;
};

// Gathers the targets' series by family.
class Gatherer final : public SeriesSink {
  public:
    explicit Gatherer(const FarmOptions& options) : options_(options) {}

    void begin_target(uint32_t target) {
        target_ = target;
        index_ = 0;
        scrape_labels_ = "cluster=\"prod-eu-1\",instance=\"" + instance_of(target) + "\",job=\"";
        scrape_labels_.append(job_of(kind_of(target))).append("\"");
    }

    void family(std::string_view name, std::string_view help, std::string_view type) override {
        family_ = &families_[std::string(name)];
        family_->help = help;
        family_->type = type;
    }

    void series(std::string_view suffix,
                std::string_view labels,
                std::string_view le,
                const Slot& slot) override {
        DumpedSeries series{target_, std::string(suffix), scrape_labels_, 0, slot};
        if (!labels.empty()) {
            series.labels.append(",").append(labels);
        }
        if (is_churned(options_, target_, index_++)) {
            series.labels.append(",rev=\"");
            series.revision_at = series.labels.size();
            series.labels.append(kRevisionDigits, '0').append("\"");
        }
        if (!le.empty()) {
            // OpenMetrics writes bounds as floats; Prometheus 3 makes the same of "1".
            const bool integer = le.find_first_of(".eI") == le.npos;
            series.labels.append(",le=\"").append(le).append(integer ? ".0\"" : "\"");
        }
        family_->series.push_back(std::move(series));
    }

    [[nodiscard]] std::map<std::string, DumpedFamily>& families() { return families_; }

  private:
    const FarmOptions& options_;
    uint32_t target_ = 0;
    uint32_t index_ = 0;
    std::string scrape_labels_;
    DumpedFamily* family_ = nullptr;
    std::map<std::string, DumpedFamily> families_;
};

void append_seconds(std::string& line, int64_t ms) {
    const std::string fraction = std::to_string(1000 + ms % 1000);
    line.append(std::to_string(ms / 1000)).append(".").append(fraction, 1);
}

bool write_series(const FarmOptions& options,
                  const std::string& name,
                  DumpedSeries& series,
                  std::FILE* out) {
    std::string lines;
    for (int64_t t = options.start_ms; t <= options.end_ms; t += options.step_ms) {
        const Moment moment = moment_of(options, series.target, t);
        if (series.revision_at != 0) {
            write_revision(series.labels.data() + series.revision_at,
                           revision_of(options, moment.now_ms));
        }
        char value[kNumberMax];
        lines.append(name).append(series.suffix).append("{").append(series.labels).append("} ");
        lines.append(value, write_value(value, series.slot, moment)).append(" ");
        append_seconds(lines, t);
        lines.append("\n");
    }
    return std::fwrite(lines.data(), 1, lines.size(), out) == lines.size();
}

// OpenMetrics names a counter's family without _total.
std::string_view family_name(std::string_view name, std::string_view type) {
    constexpr std::string_view kTotal = "_total";
    const bool cut = type == "counter" && name.ends_with(kTotal);
    return cut ? name.substr(0, name.size() - kTotal.size()) : name;
}

}  // namespace

base::Status dump(const FarmOptions& options, std::FILE* out) {
    Gatherer gatherer(options);
    for (uint32_t target = 0; target < options.targets; ++target) {
        gatherer.begin_target(target);
        describe_target(options.seed, target, options.series, gatherer);
    }
    for (auto& [name, family] : gatherer.families()) {
        std::string head = "# HELP ";
        const std::string_view shown = family_name(name, family.type);
        head.append(shown).append(" ").append(family.help).append("\n# TYPE ");
        head.append(shown).append(" ").append(family.type).append("\n");
        bool written = std::fwrite(head.data(), 1, head.size(), out) == head.size();
        for (DumpedSeries& series : family.series) {
            written = written && write_series(options, name, series, out);
        }
        if (!written) {
            return fail(Code::kIo, "write the dump: standard output takes no more");
        }
    }
    if (std::fputs("# EOF\n", out) < 0 || std::fflush(out) != 0) {
        return fail(Code::kIo, "write the dump: standard output takes no more");
    }
    return base::success();
}

namespace {

std::vector<std::string> value_lines(Exposition& target, std::string& buffer, int64_t now_ms) {
    buffer.resize(target.size_max());
    buffer.resize(static_cast<size_t>(target.render(buffer.data(), now_ms) - buffer.data()));
    std::vector<std::string> lines;
    for (size_t at = 0; at < buffer.size();) {
        const size_t end = buffer.find('\n', at);
        if (buffer[at] != '#') {
            lines.push_back(buffer.substr(at, end - at));
        }
        at = end + 1;
    }
    return lines;
}

size_t count_equal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
    size_t equal = 0;
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        equal += a[i] == b[i] ? 1 : 0;
    }
    return equal;
}

}  // namespace

base::Status print_statistics(const FarmOptions& options, int64_t now_ms, std::FILE* out) {
    constexpr int64_t kScrapeMs = 15'000;
    constexpr int64_t kLongMs = 600'000;
    constexpr double kScrapeLabels = 4;  // __name__, and job, instance, cluster of the scrape
    Population population(options);
    double bytes = 0;
    double labels = 0;
    double series = 0;
    double same_soon = 0;
    double same_long = 0;
    std::string buffer;
    for (uint32_t i = 0; i < population.size(); ++i) {
        Exposition& target = population.target(i);
        const auto first = value_lines(target, buffer, now_ms);
        bytes += static_cast<double>(buffer.size());
        series += static_cast<double>(first.size());
        for (const std::string& line : first) {
            labels += kScrapeLabels + static_cast<double>(std::ranges::count(line, '"')) / 2;
        }
        const auto soon = value_lines(target, buffer, now_ms + kScrapeMs);
        same_soon += static_cast<double>(count_equal(first, soon));
        const auto later = value_lines(target, buffer, now_ms + kLongMs);
        same_long += static_cast<double>(count_equal(first, later));
    }
    std::fprintf(out,
                 "series %.0f\nbytes_per_series %.1f\nlabels_per_series %.2f\n"
                 "unchanged_after_15s_pct %.1f\nunchanged_after_10m_pct %.1f\n",
                 series,
                 bytes / series,
                 labels / series,
                 100 * same_soon / series,
                 100 * same_long / series);
    return base::success();
}

}  // namespace bench
