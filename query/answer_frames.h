// An answer on its way out: frames of JSON, which threads that are free write ahead of whoever
// sends them.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "query/exec/helpers.h"
#include "query/value.h"

namespace query {

// The data of an answer (query/result_json.h), piece by piece. What is written ahead is bounded.
//   threads   one calls
//   lifetime  the helpers outlive it
class AnswerFrames {
  public:
    // helpers  lend a hand with a large answer; null: nobody does
    AnswerFrames(QueryResult result, bool with_stats, exec::Helpers* helpers);
    ~AnswerFrames();  // waits for those who help
    AnswerFrames(const AnswerFrames&) = delete;
    AnswerFrames& operator=(const AnswerFrames&) = delete;

    // Appends at least `bytes` of text, or what is left. Returns false when that was the end.
    bool write(std::string& out, size_t bytes);

    [[nodiscard]] const QueryResult& result() const { return result_; }

  private:
    class Pieces;

    const QueryResult result_;
    exec::Helpers* const helpers_;
    std::shared_ptr<Pieces> pieces_;
};

}  // namespace query
