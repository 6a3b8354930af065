// How well a name or a value fits what somebody has typed: what the search API ranks by.
// source: Prometheus HTTP API, search; Winkler, "String comparator metrics", 1990
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace query {

enum class SearchAlgorithm : uint8_t { kSubsequence, kJaroWinkler };

struct SearchOptions {
    SearchAlgorithm algorithm = SearchAlgorithm::kSubsequence;
    double threshold = 0;        // 0 .. 1: least score of what is no part of the text
    bool case_sensitive = true;  // false: ASCII letters are equal in both cases
};

// Scores are in (0, 1], 1 for texts that begin with the term.
//   kSubsequence   all characters of the term in their order; the longer the pieces the better, and
//                  the fewer others there are
//   kJaroWinkler   the term as it is, the further in front the better; or, with a threshold, what
//                  is similar to it
//   threads        any; immutable
class SearchMatcher {
  public:
    // One of the terms is enough. Empty ones do not count; without any, everything has the score 1.
    SearchMatcher(const std::vector<std::string>& terms, const SearchOptions& options);

    // Nothing: it does not fit.
    [[nodiscard]] std::optional<double> score(std::string_view text) const;

  private:
    using Runes = std::vector<uint32_t>;

    [[nodiscard]] Runes read(std::string_view text) const;
    [[nodiscard]] std::optional<double> score_of(const Runes& term, const Runes& text) const;

    const SearchOptions options_;
    std::vector<Runes> terms_;
};

}  // namespace query
