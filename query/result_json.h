// Answers as JSON, written in frames so that a large one is never whole in memory as text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/float_format.h"
#include "base/json.h"
#include "query/value.h"

namespace query {

// How points begin: `,[SECONDS,"`. Most series of an answer have their points at the same times,
// whose texts are kept by the place of the point in its series.
class PointStarts {
  public:
    static constexpr size_t kBytesMax = base::kTimestampMax + 8;  // what write() needs room for

    // Writes the start of point `place` from `at` on; returns its end.
    char* write(char* at, size_t place, int64_t t);

  private:
    static constexpr size_t kPlacesMax = 1024;  // 32 KiB; points behind them are written anew

    struct Text {
        int64_t t = 0;
        uint8_t size = 0;  // 0: none is kept
        std::array<char, 31> text;
    };

    std::vector<Text> texts_;
};

// Writes the data of a query's answer: {"resultType":…,"result":…,"stats":…,"explain":…}.
class ResultWriter {
  public:
    // `result` outlives the writer.
    ResultWriter(const QueryResult& result, bool with_stats)
        : ResultWriter(result, with_stats, 0, elements(result)) {}

    // Only the elements of [first, last) of a vector or matrix: the texts of ranges that follow one
    // another make up the whole.
    ResultWriter(const QueryResult& result, bool with_stats, size_t first, size_t last)
        : result_(result), with_stats_(with_stats), next_(first), last_(last) {}

    // Of a vector or matrix; of other values none.
    [[nodiscard]] static size_t elements(const QueryResult& result);
    // About how many bytes one of them is.
    [[nodiscard]] static size_t element_bytes(const QueryResult& result, size_t element);

    // Appends at least `bytes` of text, or what is left. Returns false when that was the end.
    bool write(std::string& out, size_t bytes);

  private:
    void begin(std::string& out);
    void end(std::string& out);
    bool write_element(std::string& out);
    // Some points of a series; false when that were the last.
    bool write_points(std::string& out, const MatrixSeries& series);
    // The floats of [begin, end).
    void write_floats(std::string& out, const MatrixSeries& series, size_t begin, size_t end);

    const QueryResult& result_;
    bool with_stats_;
    bool begun_ = false;
    size_t next_;       // of the vector or matrix
    size_t last_;       // behind the last one
    size_t point_ = 0;  // of the series begun, floats before histograms
    PointStarts starts_;
};

// {"count":"…","sum":"…","buckets":[[rule,"lower","upper","count"],…]}
void append_histogram(std::string& out, const model::FloatHistogram& histogram);

// {"timings":{…},"samples":{…}}
void append_stats(std::string& out, const QueryStats& stats);

// {"name":"value",…}
void append_labels(std::string& out, const model::Labels& labels);
void append_labels(std::string& out, const AnswerLabels& labels);

}  // namespace query
