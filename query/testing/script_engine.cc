#include "query/testing/script_engine.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "query/testing/memory_storage.h"
#include "query/testing/runner.h"

namespace query::testing {
namespace {

using base::Result;

constexpr int64_t kScriptSamplesMax = 10'000;

ResultSeries to_series(const VectorSample& sample) {
    return {sample.labels, {{sample.t, sample.v, sample.histogram}}};
}

ResultSeries to_series(const MatrixSeries& series) {
    ResultSeries out{series.labels.to_labels(), {}};
    for (const FloatPoint point : series.floats) {
        out.points.push_back({point.t, point.v, nullptr});
    }
    for (const HistogramPoint& point : series.histograms) {
        out.points.push_back({point.t, 0, point.histogram});
    }
    std::ranges::sort(out.points, {}, &ResultPoint::t_ms);
    return out;
}

}  // namespace

Result<ScriptResult> to_script_result(Result<QueryResult> answer) {
    if (!answer) {
        return base::fail(std::move(answer).error());
    }
    QueryResult& result = answer.value();
    ScriptResult out;
    out.type = type_of(result.value);
    if (const auto* scalar = std::get_if<ScalarValue>(&result.value)) {
        out.scalar = scalar->v;
    } else if (const auto* text = std::get_if<StringValue>(&result.value)) {
        out.text = text->text;
    } else if (const auto* vector = std::get_if<VectorValue>(&result.value)) {
        for (const VectorSample& sample : *vector) {
            out.series.push_back(to_series(sample));
        }
    } else if (const auto* matrix = std::get_if<MatrixValue>(&result.value)) {
        for (const MatrixSeries& series : *matrix) {
            out.series.push_back(to_series(series));
        }
    }
    out.warnings = std::move(result.warnings);
    out.infos = std::move(result.infos);
    return out;
}

namespace {

class MemoryScriptEngine final : public ScriptEngine {
  public:
    explicit MemoryScriptEngine(const Options& options)
        : budget_("scripts"), engine_(options, storage_, clock_, budget_) {}

    base::Status clear() override {
        storage_.clear();
        return base::success();
    }

    base::Status load(std::span<const ScriptSeries> series) override {
        std::vector<model::ChunkSample> samples;
        for (const ScriptSeries& one : series) {
            samples.clear();
            for (const ScriptSample& sample : one.samples) {
                samples.push_back({sample.t_ms, sample.start_ms, sample.value, sample.histogram});
            }
            storage_.add(one.labels, samples);
        }
        return base::success();
    }

    Result<ScriptResult> instant(std::string_view query, int64_t t_ms) override {
        return to_script_result(engine_.instant(query, t_ms));
    }

    Result<ScriptResult> range(std::string_view query,
                               int64_t start_ms,
                               int64_t end_ms,
                               int64_t step_ms) override {
        return to_script_result(engine_.range(query, start_ms, end_ms, step_ms));
    }

  private:
    base::SystemClock clock_;
    base::Budget budget_;
    MemoryStorage storage_;
    Engine engine_;
};

}  // namespace

Options script_options() {
    Options options;
    options.max_samples = kScriptSamplesMax;
    options.experimental_functions = true;
    options.extended_range_selectors = true;
    options.binop_fill_modifiers = true;
    options.delayed_name_removal = true;
    options.use_start_timestamps = true;
    return options;
}

std::unique_ptr<ScriptEngine> make_script_engine(const Options& options) {
    return std::make_unique<MemoryScriptEngine>(options);
}

int run_promql_scripts(const std::vector<std::string>& files, std::ostream& out) {
    ScriptReport report;
    const auto engine = make_script_engine();
    bool unread = false;
    for (const std::string& file : files) {
        std::ifstream in(file, std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        if (!in) {
            out << file << ": cannot be read\n";
            unread = true;
            continue;
        }
        report.merge(run_script(file, text.str(), *engine));
    }
    out << to_text(report);
    return unread || report.failed > 0 ? 1 : 0;
}

}  // namespace query::testing
