#include "query/testing/runner.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "query/parser.h"
#include "query/printer.h"
#include "query/testing/compare.h"
#include "query/testing/pin.h"

namespace query::testing {
namespace {

using base::Code;
using base::Status;

constexpr int64_t kMinuteMs = 60'000;

// A query to ask, and when.
struct Question {
    std::string query;
    int64_t t_ms = 0;
};

// The other ways to ask an instant query that must give the same answer.
std::vector<Question> pinned_questions(const EvalCommand& eval) {
    auto expr = parse_expr(eval.query, ParseOptions::everything());
    if (expr.has_error()) {
        return {};  // the engine has said so already, or the script expects it to fail
    }
    const auto query = pinned(*expr.value(), eval.at_ms);
    if (!query) {
        return {};
    }
    const int64_t t = eval.at_ms;
    std::vector<int64_t> times = {-10 * t, 0, t / 5, t, 10 * t};
    if (t == 0) {
        times = {-1000, 0, 1000};
    }
    std::vector<Question> questions;
    for (const int64_t time : times) {
        questions.push_back({*query, time});
    }
    return questions;
}

// Whether the text has a call that means something else in a range query.
bool asks_about_the_query(std::string_view query) {
    for (const std::string_view call : {"start()", "end()", "range()", "step()"}) {
        if (query.find(call) != std::string_view::npos) {
            return true;
        }
    }
    return false;
}

// The points of a range query at one time, as an instant query would give them.
ScriptResult at_time(const ScriptResult& matrix, int64_t t_ms, ValueType type) {
    ScriptResult out;
    out.type = type;
    for (const ResultSeries& series : matrix.series) {
        const auto point = std::ranges::find(series.points, t_ms, &ResultPoint::t_ms);
        if (point == series.points.end()) {
            continue;
        }
        out.scalar = point->value;
        out.series.push_back({series.labels, {*point}});
    }
    if (type == ValueType::kScalar && out.series.size() != 1) {
        out.type = ValueType::kVector;  // no scalar after all
    }
    return out;
}

Status failed(std::string_view how, const Question& question, const base::Error& error) {
    return base::fail(error.code(),
                      std::string(how) + ' ' + question.query + " at " +
                          std::to_string(question.t_ms) + "ms: " + error.message());
}

// One eval against one engine.
class Evaluation {
  public:
    Evaluation(const EvalCommand& eval, ScriptEngine& engine) : eval_(eval), engine_(engine) {}

    Status run() {
        if (eval_.is_range) {
            return range();
        }
        TRY(instant({eval_.query, eval_.at_ms}));
        for (const Question& question : pinned_questions(eval_)) {
            TRY(instant(question));
        }
        return base::success();
    }

  private:
    Status range() {
        return check(engine_.range(eval_.query, eval_.start_ms, eval_.end_ms, eval_.step_ms),
                     nullptr);
    }

    Status instant(const Question& question) {
        ScriptResult got;
        if (Status status = check(engine_.instant(question.query, question.t_ms), &got);
            status.has_error()) {
            return failed("asked as", question, status.error());
        }
        const bool only_instant = eval_.expects(ExpectKind::kFail) || eval_.text ||
                                  eval_.expects_range_vector ||
                                  asks_about_the_query(question.query);
        return only_instant ? base::success() : middle_of_range(question, got.type);
    }

    // Annotations and value, or the failure that is expected. The value goes to `out`, if given.
    Status check(base::Result<ScriptResult> answer, ScriptResult* out) {
        const bool must_fail = eval_.expects(ExpectKind::kFail);
        if (answer.has_error()) {
            return must_fail ? check_failure(eval_, answer.error().message())
                             : base::fail(std::move(answer).error());
        }
        if (must_fail) {
            return base::fail(Code::kInvalid, "expected error evaluating query but got none");
        }
        TRY(check_annotations(eval_, answer.value()));
        TRY(check_value(eval_, answer.value()));
        if (out != nullptr) {
            *out = std::move(answer).value();
        }
        return base::success();
    }

    Status middle_of_range(const Question& question, ValueType type) {
        auto answer = engine_.range(
            question.query, question.t_ms - kMinuteMs, question.t_ms + kMinuteMs, kMinuteMs);
        if (answer.has_error()) {
            return failed("in range mode, asked as", question, answer.error());
        }
        if (eval_.expects(ExpectKind::kOrdered)) {
            return base::success();  // a range query sorts by labels
        }
        const ScriptResult middle = at_time(answer.value(), question.t_ms, type);
        if (Status status = check_value(eval_, middle); status.has_error()) {
            return failed("in range mode, asked as", question, status.error());
        }
        return base::success();
    }

    const EvalCommand& eval_;
    ScriptEngine& engine_;
};

class ScriptRun {
  public:
    ScriptRun(std::string_view file, ScriptEngine& engine) : file_(file), engine_(engine) {}

    void run(const Command& command) {
        line_ = command.line;
        std::visit([this](const auto& what) { execute(what); }, command.what);
    }

    void clear() { note(engine_.clear(), "clear"); }

    [[nodiscard]] ScriptReport take() { return std::move(report_); }

  private:
    void execute(const LoadCommand& load) { note(engine_.load(load.series), "load"); }

    void execute(const ClearCommand& /*clear*/) { clear(); }

    void execute(const EvalCommand& eval) {
        const Status status = Evaluation(eval, engine_).run();
        if (status.has_error()) {
            fail("eval " + eval.query + ": " + status.error().message());
        } else {
            ++report_.passed;
        }
    }

    void execute(const BadCommand& bad) { fail(bad.message); }

    void note(const Status& status, std::string_view what) {
        if (status.has_error()) {
            fail(std::string(what) + ": " + status.error().message());
        }
    }

    void fail(std::string message) {
        ++report_.failed;
        report_.failures.push_back({file_, line_, std::move(message)});
    }

    std::string file_;
    ScriptEngine& engine_;
    int line_ = 1;
    ScriptReport report_;
};

}  // namespace

void ScriptReport::merge(ScriptReport other) {
    passed += other.passed;
    failed += other.failed;
    std::ranges::move(other.failures, std::back_inserter(failures));
}

ScriptReport run_script(std::string_view file, std::string_view text, ScriptEngine& engine) {
    ScriptRun run(file, engine);
    run.clear();
    for (const Command& command : parse_script(text)) {
        run.run(command);
    }
    return run.take();
}

std::string to_text(const ScriptReport& report) {
    std::string out;
    for (const ScriptFailure& failure : report.failures) {
        out += failure.file + ':' + std::to_string(failure.line) + ": " + failure.message + '\n';
    }
    out +=
        std::to_string(report.passed) + " passed, " + std::to_string(report.failed) + " failed\n";
    return out;
}

}  // namespace query::testing
