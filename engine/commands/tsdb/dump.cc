// `skein tsdb dump` and `skein tsdb dump-openmetrics`: every sample of a data folder.
#include <cstdio>
#include <span>

#include "base/float_format.h"
#include "engine/commands/tsdb/data_view.h"
#include "engine/commands/tsdb/sample_text.h"
#include "engine/commands/tsdb/tool.h"
#include "model/quote.h"

namespace engine {
namespace {

constexpr FlagSpec kFlags[] = {
    {"min-time", FlagKind::kInt, "-9223372036854775808", "First time to print, in ms."},
    {"max-time", FlagKind::kInt, "9223372036854775807", "Last time to print, in ms."},
    {"match", FlagKind::kList, "", "Series selector; may be repeated."},
};

// Puts one series into the text.
using Writer = void (*)(std::string& out,
                        const model::Labels& labels,
                        std::span<const model::TypedSample> samples,
                        Output& output);

model::Labels labels_of(const model::SeriesBatch& batch, const model::SeriesView& series) {
    std::vector<model::LabelView> views;
    for (const auto& label : series.labels) {
        views.push_back({batch.text(label.name), batch.text(label.value)});
    }
    return model::Labels::from_sorted(views);
}

void write_plain(std::string& out,
                 const model::Labels& labels,
                 std::span<const model::TypedSample> samples,
                 Output& output) {
    const std::string name = labels.to_string();
    for (const auto& sample : samples) {
        out.append(name).append(1, ' ');
        append_sample_text(out, sample);
        out.append(1, ' ');
        base::append_integer(out, sample.t);
        out.append(1, '\n');
        output.pass();
    }
}

// name{label="value"} without spaces, as the text format has it; {"name",label="value"} for a name
// that cannot stand alone.
std::string openmetrics_name(const model::Labels& labels) {
    std::string out;
    const char* separator = "";
    const std::string_view metric = labels.metric_name();
    if (metric.empty() || model::is_valid_metric_name(metric, model::NameScheme::kLegacy)) {
        out.append(metric).append(1, '{');
    } else {
        out += '{';
        model::append_quoted(out, metric);
        separator = ",";
    }
    for (const auto& [name, value] : labels) {
        if (name != model::kMetricName) {
            out += separator;
            model::append_label_name(out, name);
            out += '=';
            model::append_quoted(out, value);
            separator = ",";
        }
    }
    return out + '}';
}

// Histograms have no form in the text format and are left out.
void write_openmetrics(std::string& out,
                       const model::Labels& labels,
                       std::span<const model::TypedSample> samples,
                       Output& output) {
    const std::string name = openmetrics_name(labels);
    char seconds[32];
    for (const auto& sample : samples) {
        if (!sample.is_float()) {
            continue;
        }
        out.append(name).append(1, ' ');
        base::append_float_g(out, sample.v);
        const auto size =
            std::snprintf(seconds, sizeof seconds, " %.3f\n", static_cast<double>(sample.t) / 1000);
        out.append(seconds, static_cast<size_t>(size));
        output.pass();
    }
}

base::Status dump(DataView& view, std::span<const Matchers> selectors, Writer write) {
    TRY(const auto set, view.select(selectors));
    Output output;
    Progress progress;
    uint64_t series_done = 0;
    model::SeriesBatch batch;
    std::vector<model::TypedSample> samples;
    while (true) {
        TRY(const bool more, set->next(batch));
        if (!more) {
            return base::success();
        }
        for (const auto& series : batch.series) {
            TRY(view.samples(series, samples));
            write(output.text(), labels_of(batch, series), samples, output);
            ++series_done;
        }
        progress.tick([&] { return "dumped " + std::to_string(series_done) + " series"; });
    }
}

int dump_folder(const std::string& name,
                const std::vector<std::string>& words,
                Writer write,
                std::string_view end) {
    const CommandLine line("skein tsdb " + name, "Prints samples.", kFlags, "DATA");
    const Started started = start_command(line, words, 0, 1);
    if (!started.flags) {
        return started.code;
    }
    const auto selectors = parse_selectors(started.flags->list("match"));
    if (!selectors) {
        return say_error(selectors.error());
    }
    const auto files = base::make_posix_files();
    const auto view = DataView::open(*files,
                                     operand_or(*started.flags, 0, kDataFolder),
                                     started.flags->integer("min-time"),
                                     started.flags->integer("max-time"));
    if (!view) {
        return say_error(view.error());
    }
    for (const std::string& problem : view.value()->problems()) {
        std::fprintf(stderr, "skein: %s\n", problem.c_str());
    }
    const auto dumped = dump(*view.value(), selectors.value(), write);
    if (!dumped) {
        return say_error(dumped.error());
    }
    std::fputs(std::string(end).c_str(), stdout);
    return view.value()->problems().empty() ? 0 : 1;
}

}  // namespace

int tsdb_dump(const std::vector<std::string>& words) {
    return dump_folder("dump", words, write_plain, "");
}

int tsdb_dump_openmetrics(const std::vector<std::string>& words) {
    return dump_folder("dump-openmetrics", words, write_openmetrics, "# EOF\n");
}

}  // namespace engine
