#include "engine/commands/tsdb/backfill.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "engine/commands/tsdb/tool.h"
#include "scrape/parse/parser.h"

namespace engine {
namespace {

constexpr int kBlockRanges = 10;
constexpr int64_t kBlockRangeStep = 3;
// So many samples are begun with at once: at a few bytes each they take a part of the memory.
constexpr uint64_t kPassSamples = uint64_t{64} << 20;

// The start of the aligned window that holds t.
int64_t window_start(int64_t t, int64_t width) {
    const int64_t rest = t % width;
    return t - (rest < 0 ? rest + width : rest);
}

size_t line_number(std::string_view page, std::string_view line) {
    return 1 + static_cast<size_t>(std::count(page.data(), line.data(), '\n'));
}

// Calls `use` with the parser at every sample. errors  the page's, those of `use`
template <class Use>
base::Status for_each_sample(std::string_view page, const Use& use) {
    const auto parser = scrape::make_parser(scrape::Format::kOpenMetrics, page);
    while (true) {
        const auto kind = parser->next();
        if (kind == scrape::EntryKind::kEnd) {
            return base::success();
        }
        if (kind == scrape::EntryKind::kError) {
            return base::fail(parser->error());
        }
        if (kind == scrape::EntryKind::kSeries) {
            TRY(use(*parser));
        }
    }
}

// Numbers of series by their text and by their labels.
class SeriesNumbers {
  public:
    explicit SeriesNumbers(const BackfillOptions& options) : options_(options) {}

    base::Result<uint32_t> number(const scrape::Parser& parser) {
        const std::string_view text = parser.series().text;
        if (text == last_text_) {
            return last_;
        }
        last_text_ = text;
        if (const auto found = by_text_.find(text); found != by_text_.end()) {
            last_ = found->second;
            return last_;
        }
        TRY(parser.labels(scratch_));
        std::vector<model::LabelView> views = scratch_.labels;
        for (const auto& [name, value] : options_.labels) {
            views.push_back({name, value});  // of equal names the last one stays
        }
        auto labels = model::Labels::from_unsorted(std::move(views));
        const auto [at, made] =
            by_labels_.try_emplace(labels, static_cast<uint32_t>(labels_.size()));
        if (made) {
            labels_.push_back(std::move(labels));
        }
        by_text_.emplace(text, at->second);
        last_ = at->second;
        return last_;
    }

    const std::vector<model::Labels>& labels() const { return labels_; }

  private:
    const BackfillOptions& options_;
    std::unordered_map<std::string_view, uint32_t> by_text_;
    std::unordered_map<model::Labels, uint32_t> by_labels_;
    std::vector<model::Labels> labels_;
    scrape::SeriesLabels scratch_;
    std::string_view last_text_;
    uint32_t last_ = 0;
};

class Backfill {
  public:
    Backfill(base::Files& files,
             std::string_view page,
             const base::Path& data_folder,
             const BackfillOptions& options,
             const base::Clock& clock,
             base::Random& random)
        : files_(files),
          page_(page),
          data_folder_(data_folder),
          options_(options),
          clock_(clock),
          random_(random) {}

    // How many samples fall into which window; whether every line is good.
    base::Status look() {
        return for_each_sample(page_, [&](const scrape::Parser& parser) -> base::Status {
            const auto& series = parser.series();
            if (!series.has_timestamp) {
                return base::fail(base::Code::kInvalid,
                                  "line",
                                  line_number(page_, parser.line()),
                                  "has no timestamp:",
                                  parser.line());
            }
            if (series.text != looked_at_) {
                looked_at_ = series.text;
                TRY(base::context(
                    parser.labels(labels_), "line", line_number(page_, parser.line())));
            }
            ++windows_[window_start(series.timestamp_ms, options_.block_ms)];
            ++report_.samples;
            progress_.tick([&] { return "looked at " + count(report_.samples); });
            return base::success();
        });
    }

    // Gathers and writes the next windows. Call while more().
    base::Status pass(const std::function<base::Status(const base::Path&)>& made) {
        ++report_.passes;
        std::map<int64_t, BackfillWindow> gathered = begin_windows();
        SeriesNumbers numbers(options_);
        uint64_t read = 0;
        uint64_t taken = 0;
        TRY(for_each_sample(page_, [&](const scrape::Parser& parser) -> base::Status {
            const auto& series = parser.series();
            progress_.tick([&] {
                return "pass " + std::to_string(report_.passes) + ": read " + count(read) + " of " +
                       count(report_.samples);
            });
            ++read;
            const auto window = gathered.find(window_start(series.timestamp_ms, options_.block_ms));
            if (window == gathered.end()) {
                return base::success();
            }
            TRY(const uint32_t number, numbers.number(parser));
            window->second.add(number, series.timestamp_ms, series.value);
            hold_memory(gathered, ++taken);
            return base::success();
        }));
        for (auto& [start, window] : gathered) {
            const auto ulid = tsdb::block::Ulid::make(clock_.now_ms(), random_);
            TRY(const auto folder,
                window.write(files_, data_folder_, ulid, numbers.labels(), report_.losses));
            windows_.erase(start);
            if (folder) {
                TRY(made(*folder));
            }
        }
        return base::success();
    }

    bool more() const { return !windows_.empty(); }

    const BackfillReport& report() const { return report_; }

  private:
    static std::string count(uint64_t samples) { return std::to_string(samples) + " samples"; }

    std::map<int64_t, BackfillWindow> begin_windows() const {
        std::map<int64_t, BackfillWindow> out;
        uint64_t samples = 0;
        for (const auto& [start, in_window] : windows_) {
            samples += in_window;
            if (!out.empty() && samples > kPassSamples) {
                break;
            }
            out[start];
        }
        return out;
    }

    // Leaves the newest windows to a later pass when all of them together grow too large.
    void hold_memory(std::map<int64_t, BackfillWindow>& gathered, uint64_t taken) const {
        constexpr uint64_t kLookEvery = 1024;
        if (taken % kLookEvery != 0) {
            return;
        }
        size_t memory = 0;
        for (const auto& [start, window] : gathered) {
            memory += window.memory();
        }
        while (memory > options_.memory_max && gathered.size() > 1) {
            const auto last = std::prev(gathered.end());
            memory -= last->second.memory();
            gathered.erase(last);
        }
    }

    base::Files& files_;
    const std::string_view page_;
    const base::Path& data_folder_;
    const BackfillOptions& options_;
    const base::Clock& clock_;
    base::Random& random_;
    std::map<int64_t, uint64_t> windows_;  // samples by start; those not written yet
    std::string_view looked_at_;
    scrape::SeriesLabels labels_;
    BackfillReport report_;
    Progress progress_;
};

}  // namespace

int64_t block_duration_within(int64_t max_ms) {
    int64_t duration = BackfillOptions::kBlockMs;
    for (int i = 1; i < kBlockRanges && duration * kBlockRangeStep <= max_ms; ++i) {
        duration *= kBlockRangeStep;
    }
    return duration;
}

base::Result<BackfillReport> backfill(base::Files& files,
                                      std::string_view page,
                                      const base::Path& data_folder,
                                      const BackfillOptions& options,
                                      const base::Clock& clock,
                                      base::Random& random,
                                      const std::function<base::Status(const base::Path&)>& made) {
    Backfill work(files, page, data_folder, options, clock, random);
    TRY(work.look());
    TRY(files.make_folders(data_folder));
    while (work.more()) {
        TRY(work.pass(made));
    }
    return work.report();
}

}  // namespace engine
