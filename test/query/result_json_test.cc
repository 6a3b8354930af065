#include "query/result_json.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "base/float_format.h"
#include "query/exec/label_set.h"
#include "query/value.h"

namespace {

using query::MatrixSeries;

// The same series written point by point.
std::string plain(const query::MatrixValue& matrix) {
    std::string out = R"({"resultType":"matrix","result":[)";
    for (size_t s = 0; s < matrix.size(); ++s) {
        out += s == 0 ? R"({"metric":)" : R"(,{"metric":)";
        query::append_labels(out, matrix[s].labels);
        for (size_t i = 0; i < matrix[s].floats.size(); ++i) {
            out += i == 0 ? R"(,"values":[[)" : ",[";
            base::append_timestamp_ms(out, matrix[s].floats[i].t);
            out += ",\"";
            base::append_sample_value(out, matrix[s].floats[i].v);
            out += "\"]";
        }
        out += matrix[s].floats.empty() ? "}" : "]}";
    }
    return out + "]}";
}

// In frames of about so many bytes.
std::string written(const query::QueryResult& result, size_t frame_bytes) {
    query::ResultWriter writer(result, false);
    std::string all;
    for (bool more = true; more;) {
        std::string frame;
        more = writer.write(frame, frame_bytes);
        all += frame;
    }
    return all;
}

MatrixSeries series(const std::vector<int64_t>& times,
                    const std::vector<double>& values,
                    const std::string& id) {
    const auto table = std::make_shared<query::exec::LabelTable>();
    std::vector<query::exec::LabelPair> pairs = {{table->intern("__name__"), table->intern("m")},
                                                 {table->intern("id"), table->intern(id)}};
    MatrixSeries out;
    out.labels = {table, table->store_unsorted(pairs)};
    query::FloatPoints::Layout layout;
    layout.look(times, values);
    out.floats = query::FloatPoints(layout);
    out.floats.append(times, values);
    return out;
}

// Without the points from `gap_begin` to before `gap_end`.
MatrixSeries series(int64_t first_t,
                    int64_t step,
                    size_t points,
                    const std::string& id,
                    size_t gap_begin = 0,
                    size_t gap_end = 0) {
    std::vector<int64_t> times;
    std::vector<double> values;
    for (size_t i = 0; i < points; ++i) {
        if (i < gap_begin || i >= gap_end) {
            const auto at = static_cast<int64_t>(i);
            times.push_back(first_t + at * step);
            values.push_back(static_cast<double>(at) / 7);
        }
    }
    return series(times, values, id);
}

}  // namespace

TEST_CASE("series with points at the same and at other times are written alike",
          "[query][result_json]") {
    const size_t frame = GENERATE(size_t{1}, size_t{4096}, size_t{1} << 20);
    CAPTURE(frame);
    query::MatrixValue matrix;
    matrix.push_back(series(0, 30'000, 200, "from zero"));
    matrix.push_back(series(1'738'364'400'000, 30'000, 3000, "longer than what is kept"));
    matrix.push_back(series(1'738'364'400'000, 30'000, 3000, "the same times"));
    matrix.push_back(series(1'738'364'415'007, 30'001, 3000, "other times, with fractions"));
    matrix.push_back(series(1'738'364'400'000, 30'000, 3000, "gaps", 5, 70));
    matrix.push_back(series(INT64_MIN, 1, 65, "the earliest times"));
    matrix.push_back(series(1'738'364'400'000, 30'000, 0, "none"));
    matrix.push_back(series(INT64_MAX - 1024, 1, 1025, "the latest times"));
    const std::string wanted = plain(matrix);
    query::QueryResult result;
    result.value = std::move(matrix);
    CHECK(written(result, frame) == wanted);
}
