#include "query/testing/script.h"

#include <algorithm>
#include <utility>

#include "base/duration.h"
#include "query/lexer.h"
#include "query/literals.h"
#include "query/testing/load_reader.h"
#include "query/testing/text_cursor.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;

// Trimmed lines; comments are blank.
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (true) {
        const size_t end = text.find('\n');
        const std::string_view line = trim(text.substr(0, end));
        lines.push_back(line.starts_with('#') ? std::string_view() : line);
        if (end == std::string_view::npos) {
            return lines;
        }
        text.remove_prefix(end + 1);
    }
}

// A string in quotes, with nothing behind it.
Result<std::string> parse_quoted(std::string_view text) {
    Lexer lexer(text);
    auto token = lexer.next();
    const bool good = token.has_value() && token.value().is(TokenKind::kString) &&
                      static_cast<size_t>(token.value().position.end) == text.size();
    if (!good) {
        return base::fail(Code::kInvalid, "expect string needs a string in quotes");
    }
    return unquote(token.value().text);
}

// A line that is one number: the answer is a scalar.
std::optional<double> parse_scalar(std::string_view line) {
    const bool negative = line.starts_with('-');
    const std::string_view digits = negative || line.starts_with('+') ? line.substr(1) : line;
    if (digits.find_first_of(" \t{") != std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view rest = digits;
    if (auto plain = take_number(rest); plain.has_value() && rest.empty()) {
        return negative ? -plain.value() : plain.value();
    }
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        if (auto hex = parse_number(digits); hex.has_value()) {
            return negative ? -hex.value() : hex.value();
        }
    }
    return std::nullopt;
}

std::optional<ExpectKind> expect_kind(std::string_view name) {
    constexpr std::pair<std::string_view, ExpectKind> kKinds[] = {
        {"fail", ExpectKind::kFail},
        {"warn", ExpectKind::kWarn},
        {"no_warn", ExpectKind::kNoWarn},
        {"info", ExpectKind::kInfo},
        {"no_info", ExpectKind::kNoInfo},
        {"ordered", ExpectKind::kOrdered},
    };
    for (const auto& [word, kind] : kKinds) {
        if (word == name) {
            return kind;
        }
    }
    return std::nullopt;
}

base::Status set_pattern(Expectation& expectation, std::string_view pattern) {
    // Found anywhere: our expressions are anchored.
    auto compiled = model::Regex::compile(".*(?:" + std::string(pattern) + ").*");
    if (compiled.has_error()) {
        return base::fail(
            Code::kInvalid,
            "invalid regexp '" + std::string(pattern) + "': " + compiled.error().message());
    }
    expectation.pattern = std::move(compiled).value();
    expectation.pattern_text = pattern;
    return base::success();
}

// `warn msg: text`, behind `expect`.
Result<Expectation> parse_expect(std::string_view rest) {
    Expectation out;
    const auto kind = expect_kind(next_word(rest));
    if (!kind) {
        return base::fail(Code::kInvalid,
                          "invalid expect statement, must match `expect <type> <match_type>: "
                          "<string>` format");
    }
    out.kind = *kind;
    rest = trim(rest);
    if (rest.empty()) {
        return out;
    }
    if (take(rest, "msg:")) {
        out.message = std::string(trim(rest));
        return out;
    }
    if (take(rest, "regex:")) {
        TRY(set_pattern(out, trim(rest)));
        return out;
    }
    return base::fail(
        Code::kInvalid, "after the type of an expectation come msg: or regex:, not", rest);
}

base::Status check_expectations(const EvalCommand& eval) {
    const auto both = [&](ExpectKind some, ExpectKind none) {
        return eval.expects(some) && eval.expects(none);
    };
    if (both(ExpectKind::kInfo, ExpectKind::kNoInfo)) {
        return base::fail(Code::kInvalid,
                          "invalid expect lines, info and no_info cannot be used together");
    }
    if (both(ExpectKind::kWarn, ExpectKind::kNoWarn)) {
        return base::fail(Code::kInvalid,
                          "invalid expect lines, warn and no_warn cannot be used together");
    }
    const auto is_fail = [](const Expectation& e) {
        return e.kind == ExpectKind::kFail && !e.old_form;
    };
    if (std::ranges::count_if(eval.expectations, is_fail) > 1) {
        return base::fail(Code::kInvalid,
                          "invalid expect lines, multiple expect fail lines are not allowed");
    }
    return base::success();
}

struct Times {
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    int64_t step_ms = 0;
};

// `from A to B step C`, with whatever follows left in `rest`.
Result<Times> parse_times(std::string_view& rest) {
    Times times;
    const auto keyword = [&](std::string_view word) { return next_word(rest) == word; };
    const auto wrong = [] {
        return base::fail(Code::kInvalid, "expected from <start> to <end> step <step>");
    };
    if (!keyword("from")) {
        return wrong();
    }
    TRY(times.start_ms, parse_time(next_word(rest), "start timestamp"));
    if (!keyword("to")) {
        return wrong();
    }
    TRY(times.end_ms, parse_time(next_word(rest), "end timestamp"));
    if (!keyword("step")) {
        return wrong();
    }
    TRY(times.step_ms, parse_time(next_word(rest), "step"));
    if (times.end_ms < times.start_ms) {
        return base::fail(Code::kInvalid,
                          "invalid test definition, end timestamp is before start timestamp");
    }
    return times;
}

void set_times(EvalCommand& eval, const Times& times) {
    eval.start_ms = times.start_ms;
    eval.end_ms = times.end_ms;
    eval.step_ms = times.step_ms;
}

// The modifier of the old forms: eval_fail, eval_warn, eval_info, eval_ordered.
base::Status apply_old_modifier(EvalCommand& eval, std::string_view command) {
    const size_t underscore = command.find('_');
    if (underscore == std::string_view::npos) {
        return base::success();
    }
    const std::string_view name = command.substr(underscore + 1);
    const auto kind = expect_kind(name);
    if (!kind || *kind == ExpectKind::kNoInfo || *kind == ExpectKind::kNoWarn) {
        return base::fail(Code::kInvalid, "invalid evaluation command", command);
    }
    eval.expectations.push_back({.kind = *kind, .old_form = true});
    return base::success();
}

Result<EvalCommand> parse_eval_head(std::string_view line) {
    EvalCommand eval;
    const std::string_view command = next_word(line);
    TRY(apply_old_modifier(eval, command));
    const std::string_view kind = next_word(line);
    if (kind == "instant" && next_word(line) == "at") {
        TRY(eval.at_ms, parse_time(next_word(line), "timestamp"));
        eval.start_ms = eval.at_ms;
        eval.end_ms = eval.at_ms;
    } else if (kind == "range") {
        eval.is_range = true;
        TRY(const Times times, parse_times(line));
        set_times(eval, times);
    } else {
        return base::fail(Code::kInvalid,
                          "invalid evaluation command. Must be either 'eval instant at "
                          "<offset:duration> <query>' or 'eval range from <from> to <to> step "
                          "<step> <query>'");
    }
    eval.query = trim(line);
    if (eval.query.empty()) {
        return base::fail(Code::kInvalid, "the evaluation has no query");
    }
    return eval;
}

base::Status add_series(EvalCommand& eval, std::string_view line, size_t position) {
    TRY(SeriesText series, parse_series(line));
    if (series.points.empty()) {
        return base::fail(Code::kInvalid, "the expected series has no values");
    }
    if (series.points.size() > 1 && !eval.is_range && !eval.expects_range_vector) {
        return base::fail(Code::kInvalid,
                          "expecting multiple values in instant evaluation not allowed. consider "
                          "using 'expect range vector' directive to enable a range vector result "
                          "for an instant query");
    }
    const auto same = std::ranges::find(eval.series, series.labels, &ExpectedSeries::labels);
    if (same != eval.series.end()) {
        eval.series.erase(same);
    }
    eval.series.push_back({std::move(series.labels), std::move(series.points), position});
    return base::success();
}

// One line below an eval. `last` is set when nothing may follow it.
base::Status add_expectation(EvalCommand& eval, std::string_view line, bool& last) {
    std::string_view rest = line;
    const std::string_view word = next_word(rest);
    rest = trim(rest);
    if (word == "expected_fail_message" || word == "expected_fail_regexp") {
        last = true;
        const auto fail =
            std::ranges::find(eval.expectations, ExpectKind::kFail, &Expectation::kind);
        if (fail == eval.expectations.end()) {
            return base::fail(Code::kInvalid, word, "is only for eval_fail");
        }
        if (word == "expected_fail_regexp") {
            return set_pattern(*fail, rest);
        }
        fail->message = std::string(rest);
        return base::success();
    }
    if (word == "expect" && take(rest, "range vector")) {
        TRY(const Times times, parse_times(rest));
        set_times(eval, times);
        eval.at_ms = times.end_ms;
        eval.expects_range_vector = true;
        return base::success();
    }
    if (word == "expect" && take(rest, "string")) {
        TRY(eval.text, parse_quoted(trim(rest)));
        return base::success();
    }
    if (word == "expect") {
        TRY(Expectation expectation, parse_expect(rest));
        eval.expectations.push_back(std::move(expectation));
        return check_expectations(eval);
    }
    if (const auto scalar = parse_scalar(line)) {
        eval.scalar = scalar;
        eval.series.clear();
        last = true;
        return base::success();
    }
    eval.scalar.reset();
    return add_series(eval, line, eval.series.size() + 1);
}

// `clear`, in any case.
bool is_clear(std::string_view word) {
    constexpr std::string_view kClear = "clear";
    return std::ranges::equal(word, kClear, [](char a, char b) { return (a | 0x20) == b; });
}

// An annotation without what a query adds to it: ` (line:column)` at its end, and between which
// buckets and when counts fell. Messages of scripts from before these were compared have neither.
std::string_view without_place(std::string_view text) {
    constexpr std::string_view kInside = "0123456789:";
    constexpr std::string_view kBuckets = ", from buckets ";
    const size_t open = text.rfind(" (");
    if (open == std::string_view::npos || !text.ends_with(')')) {
        return text;
    }
    const std::string_view inside = text.substr(open + 2, text.size() - open - 3);
    const bool position = inside.find(':') != std::string_view::npos &&
                          inside.find_first_not_of(kInside) == std::string_view::npos;
    if (!position) {
        return text;
    }
    text = text.substr(0, open);
    return text.substr(0, text.find(kBuckets));
}

class ScriptReader {
  public:
    explicit ScriptReader(std::string_view text) : lines_(lines_of(text)) {}

    std::vector<Command> read() {
        while (next_ < lines_.size()) {
            const std::string_view line = lines_[next_];
            ++next_;
            if (!line.empty()) {
                command(line);
            }
        }
        return std::move(commands_);
    }

  private:
    void command(std::string_view line) {
        line_ = static_cast<int>(next_);
        std::string_view rest = line;
        const std::string_view word = next_word(rest);
        if (is_clear(word)) {
            add(ClearCommand{});
        } else if (word.starts_with("load")) {
            load(line);
        } else if (word.starts_with("eval")) {
            eval(line);
        } else {
            bad("invalid command \"" + std::string(line) + '"', false);
        }
    }

    void load(std::string_view head) {
        LoadReader reader;
        base::Status good = reader.begin(head);
        while (good.has_value() && in_block()) {
            good = reader.line(lines_[next_++]);
        }
        if (good.has_error()) {
            return give_up(good.error(), false);
        }
        auto done = reader.end();
        if (done.has_error()) {
            return give_up(done.error(), false);
        }
        add(std::move(done).value());
    }

    void eval(std::string_view head) {
        auto parsed = parse_eval_head(head);
        if (parsed.has_error()) {
            return give_up(parsed.error(), true);
        }
        EvalCommand eval = std::move(parsed).value();
        bool last = false;
        while (!last && in_block()) {
            if (auto good = add_expectation(eval, lines_[next_++], last); good.has_error()) {
                return give_up(good.error(), true);
            }
        }
        add(std::move(eval));
    }

    [[nodiscard]] bool in_block() const { return next_ < lines_.size() && !lines_[next_].empty(); }

    // Notes what is wrong with the line read last and passes over the rest of its command.
    void give_up(const base::Error& error, bool is_eval) {
        line_ = static_cast<int>(next_);
        bad(error.message(), is_eval);
        while (in_block()) {
            ++next_;
        }
    }

    void bad(std::string message, bool is_eval) { add(BadCommand{std::move(message), is_eval}); }

    template <class What>
    void add(What what) {
        commands_.push_back({line_, std::move(what)});
    }

    std::vector<std::string_view> lines_;
    size_t next_ = 0;
    int line_ = 0;  // of the command being read, from 1
    std::vector<Command> commands_;
};

}  // namespace

bool Expectation::matches(std::string_view text) const {
    if (message) {
        return *message == text || *message == without_place(text);
    }
    return pattern == nullptr || pattern->matches(text);
}

std::string Expectation::describe() const {
    if (message) {
        return "message \"" + *message + '"';
    }
    return "pattern \"" + (pattern ? pattern_text : std::string(".*")) + '"';
}

bool EvalCommand::expects(ExpectKind kind) const {
    return std::ranges::find(expectations, kind, &Expectation::kind) != expectations.end();
}

std::vector<Command> parse_script(std::string_view text) {
    return ScriptReader(text).read();
}

}  // namespace query::testing
