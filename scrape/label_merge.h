// From what a target exposes to what is stored: the target's labels merged in, relabelled, checked.
// source: Prometheus, honor_labels and metric_relabel_configs
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "scrape/options.h"
#include "scrape/parse/parser.h"

namespace scrape {

// Scratch for building labels, shared by the targets of a lane. Threads: one.
class LabelMerger {
  public:
    // Final labels of a scraped series; empty when relabelling drops it.
    //   scraped  sorted, unique; empty values count as present
    //   errors   kInvalid: no metric name, or a name the job's scheme refuses; kLimit: one of the
    //            label limits
    [[nodiscard]] base::Result<model::Labels> merge(const SeriesLabels& scraped,
                                                    const model::Labels& target,
                                                    const JobOptions& job);

  private:
    void prefer_target(const SeriesLabels& scraped, const model::Labels& target);
    void prefer_scraped(const SeriesLabels& scraped, const model::Labels& target);
    void export_clashes();

    std::vector<model::LabelView> merged_;
    std::vector<model::LabelView> clashes_;
    std::deque<std::string> names_;  // exported_…; a deque keeps its strings in place
    model::LabelsBuilder builder_;
};

// A series that scraping adds itself: the metric name and the target's labels.
[[nodiscard]] model::Labels report_labels(std::string_view metric, const model::Labels& target);

// errors  kLimit, worded as Prometheus does
[[nodiscard]] base::Status check_label_limits(const model::Labels& labels,
                                              const ScrapeLimits& limits);

}  // namespace scrape
