#include "query/testing/series_text.h"

#include <string>
#include <utility>

#include "model/sample.h"
#include "query/parser.h"
#include "query/testing/histogram_literal.h"
#include "query/testing/text_cursor.h"

namespace query::testing {
namespace {

using base::Code;
using base::Result;

auto too_many() {
    return base::fail(
        Code::kLimit, "a series has more than kSeriesPointsMax =", kSeriesPointsMax, "points");
}

class PointsReader {
  public:
    explicit PointsReader(std::string_view text) : text_(text) {}

    Result<std::vector<Point>> read() {
        skip_spaces(text_);
        while (!text_.empty()) {
            TRY(item());
            if (!text_.empty() && text_.front() != ' ' && text_.front() != '\t') {
                return base::fail(Code::kInvalid, "unexpected", shown(), "in series values");
            }
            skip_spaces(text_);
        }
        return std::move(points_);
    }

  private:
    [[nodiscard]] std::string shown() const {
        constexpr size_t kShownMax = 40;
        return '"' + std::string(text_.substr(0, kShownMax)) + '"';
    }

    base::Status item() {
        if (text_.starts_with("{{")) {
            return histogram();
        }
        if (take(text_, "_")) {
            TRY(const uint64_t times, repetition(1));
            return repeat(Point{.omitted = true}, times);
        }
        std::string_view word = text_;
        if (take_name(word) == "stale") {
            text_ = word;
            return repeat(Point{.value = model::kStaleNan}, 1);
        }
        return number();
    }

    base::Status number() {
        auto value = take_number(text_);
        if (value.has_error()) {
            return base::fail(Code::kInvalid,
                              "unexpected",
                              shown(),
                              "in series values, expected number or \"stale\"");
        }
        double current = value.value();
        const bool steps = text_.starts_with('+') || text_.starts_with('-');
        if (!steps) {
            TRY(const uint64_t more, repetition(0));
            return repeat(Point{.value = current}, more + 1);
        }
        TRY(const double step, take_number(text_));
        TRY(const uint64_t more, required_repetition());
        for (uint64_t i = 0; i <= more; ++i) {
            TRY(repeat(Point{.value = current}, 1));
            current += step;
        }
        return base::success();
    }

    base::Status histogram() {
        TRY(HistogramLiteral first, take_histogram(text_));
        const bool plus = text_.starts_with("+{{");
        if (!plus && !text_.starts_with("-{{")) {
            TRY(const uint64_t more, repetition(0));
            return repeat(point_of(std::move(first.histogram), first.hint_given), more + 1);
        }
        text_.remove_prefix(1);
        TRY(const HistogramLiteral step, take_histogram(text_));
        TRY(const uint64_t more, required_repetition());
        model::FloatHistogram current = std::move(first.histogram);
        TRY(repeat(point_of(current, step.hint_given), 1));
        for (uint64_t i = 0; i < more; ++i) {
            TRY(current, stepped(current, step.histogram, plus ? 1 : -1));
            TRY(repeat(point_of(current, step.hint_given), 1));
        }
        return base::success();
    }

    static Point point_of(model::FloatHistogram histogram, bool hint_given) {
        return {.hint_given = hint_given,
                .histogram = std::make_shared<const model::FloatHistogram>(std::move(histogram))};
    }

    // `xN`, or `otherwise` when there is none.
    Result<uint64_t> repetition(uint64_t otherwise) {
        if (!take(text_, "x")) {
            return otherwise;
        }
        TRY(const uint64_t times, take_count(text_));
        if (times > kSeriesPointsMax) {
            return too_many();
        }
        return times;
    }

    Result<uint64_t> required_repetition() {
        if (!text_.starts_with('x')) {
            return base::fail(Code::kInvalid, "expected a repetition like x5 at", shown());
        }
        return repetition(0);
    }

    base::Status repeat(const Point& point, uint64_t times) {
        if (points_.size() + times > kSeriesPointsMax) {
            return too_many();
        }
        points_.insert(points_.end(), times, point);
        return base::success();
    }

    std::string_view text_;
    std::vector<Point> points_;
};

}  // namespace

Result<std::vector<Point>> parse_points(std::string_view text) {
    return PointsReader(text).read();
}

Result<SeriesText> parse_series(std::string_view text) {
    std::string_view rest;
    auto labels = parse_metric_prefix(text, rest);
    if (labels.has_error()) {
        return base::fail(to_error(labels.error(), text));
    }
    TRY(std::vector<Point> points, parse_points(rest));
    return SeriesText{std::move(labels).value(), std::move(points)};
}

}  // namespace query::testing
