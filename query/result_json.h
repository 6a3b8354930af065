// Answers as JSON, written in frames so that a large one is never whole in memory as text.
#pragma once

#include <string>

#include "base/json.h"
#include "query/value.h"

namespace query {

// Writes the data of a query's answer: {"resultType":…,"result":…,"stats":…,"explain":…}.
class ResultWriter {
  public:
    // `result` outlives the writer.
    ResultWriter(const QueryResult& result, bool with_stats)
        : result_(result), with_stats_(with_stats) {}

    // Appends at least `bytes` of text, or what is left. Returns false when that was the end.
    bool write(std::string& out, size_t bytes);

  private:
    void begin(std::string& out);
    void end(std::string& out);
    bool write_element(std::string& out);
    // Some points of a series; false when that were the last.
    bool write_points(std::string& out, const MatrixSeries& series);

    const QueryResult& result_;
    bool with_stats_;
    bool begun_ = false;
    size_t next_ = 0;   // of the vector or matrix
    size_t point_ = 0;  // of the series begun, floats before histograms
};

// {"count":"…","sum":"…","buckets":[[rule,"lower","upper","count"],…]}
void append_histogram(std::string& out, const model::FloatHistogram& histogram);

// {"timings":{…},"samples":{…}}
void append_stats(std::string& out, const QueryStats& stats);

// {"name":"value",…}
void append_labels(std::string& out, const model::Labels& labels);

}  // namespace query
