#include "query/testing/load_reader.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "query/testing/text_cursor.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;

std::vector<ScriptSample> samples_of(const std::vector<Point>& points,
                                     const std::vector<std::optional<int64_t>>& starts,
                                     int64_t step_ms) {
    std::vector<ScriptSample> samples;
    for (size_t i = 0; i < points.size(); ++i) {
        const Point& point = points[i];
        if (point.omitted) {
            continue;
        }
        const int64_t t = static_cast<int64_t>(i) * step_ms;
        const bool has_start = i < starts.size() && starts[i];
        samples.push_back({.t_ms = t,
                           .start_ms = has_start ? t + *starts[i] : 0,
                           .value = point.value,
                           .histogram = point.histogram});
    }
    return samples;
}

}  // namespace

base::Status LoadReader::begin(std::string_view head) {
    const std::string_view command = next_word(head);
    native_ = command == "load_with_nhcb";
    if (command != "load" && !native_) {
        return base::fail(Code::kInvalid,
                          "invalid load command. (load[_with_nhcb] <step:duration>)");
    }
    TRY(step_ms_, parse_time(trim(head), "step"));
    return base::success();
}

base::Status LoadReader::line(std::string_view text) {
    if (is_start_times(text)) {
        if (pending_) {
            return base::fail(Code::kInvalid, "@st line has no following sample line");
        }
        TRY(pending_, parse_start_times(text));
        return base::success();
    }
    TRY(SeriesText series, parse_series(text));
    std::vector<std::optional<int64_t>> starts;
    if (pending_) {
        if (series.labels != pending_->labels) {
            return base::fail(Code::kInvalid,
                              "@st metric does not match the following sample line metric");
        }
        if (series.points.size() != pending_->offsets_ms.size()) {
            return base::fail(Code::kInvalid,
                              "@st line and sample line differ in their number of values:",
                              pending_->offsets_ms.size(),
                              "and",
                              series.points.size());
        }
        starts = std::move(pending_->offsets_ms);
        pending_.reset();
    }
    add({series.labels, samples_of(series.points, starts, step_ms_)});
    return base::success();
}

Result<LoadCommand> LoadReader::end() {
    if (pending_) {
        return base::fail(Code::kInvalid, "@st line has no following sample line");
    }
    LoadCommand load{std::move(series_)};
    if (native_) {
        TRY(std::vector<ScriptSeries> native, native_from_classic(load.series));
        std::ranges::move(native, std::back_inserter(load.series));
    }
    return load;
}

// A later line with the same labels replaces the earlier one.
void LoadReader::add(ScriptSeries series) {
    const auto [entry, fresh] =
        index_.try_emplace(std::string(series.labels.packed()), series_.size());
    if (fresh) {
        series_.push_back(std::move(series));
    } else {
        series_[entry->second] = std::move(series);
    }
}

}  // namespace query::testing
