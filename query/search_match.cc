#include "query/search_match.h"

#include <algorithm>

#include "base/rune.h"

namespace query {
namespace {

using Runes = std::vector<uint32_t>;

// A match that is not the whole text stays below one that is.
constexpr double kNotWhole = 0.999;
constexpr size_t kPrefixMax = 4;       // characters that Winkler looks at
constexpr double kPrefixWeight = 0.1;  // of each
constexpr double kTrailing = 0.5;      // of what a character before or between costs
constexpr double kSpread = 0.9;        // between a match in front and one at the end

double square(size_t size) {
    return static_cast<double>(size) * static_cast<double>(size);
}

// The term's characters from `start` on, each at the first place that is left: pieces count with
// the square of their length, other characters against it. Nothing when they are not all there.
std::optional<double> pieces_from(const Runes& term, const Runes& text, size_t start) {
    const auto length = static_cast<double>(text.size());
    double score = 0;
    size_t others = start;
    size_t found = 0;
    size_t at = start;
    while (found < term.size()) {
        const size_t begin = at;
        while (at < text.size() && text[at] != term[found]) {
            ++at;
        }
        others += at - begin;
        const size_t piece = at;
        while (at < text.size() && found < term.size() && text[at] == term[found]) {
            ++at;
            ++found;
        }
        if (piece == at) {
            return std::nullopt;
        }
        score += square(at - piece);
    }
    return score -
           (static_cast<double>(others) + kTrailing * static_cast<double>(text.size() - at)) /
               length;
}

// The best of all places that the first character is at. 0: none.
double subsequence_score(const Runes& term, const Runes& text) {
    double best = 0;
    for (size_t start = 0; start + term.size() <= text.size(); ++start) {
        if (text[start] != term.front()) {
            continue;
        }
        const auto score = pieces_from(term, text, start);
        if (!score) {
            break;  // further behind there is less of the text
        }
        best = std::max(best, *score);
    }
    return best / square(term.size()) * kNotWhole;
}

// Characters of both that are equal and not too far apart, and how many of them change places.
struct Common {
    double count = 0;
    double swapped = 0;
};

Common common_characters(const Runes& one, const Runes& other) {
    const size_t reach = std::max<size_t>(other.size() / 2, 1) - 1;
    std::vector<bool> in_one(one.size());
    std::vector<bool> in_other(other.size());
    Common common;
    for (size_t i = 0; i < one.size(); ++i) {
        const size_t end = std::min(i + reach + 1, other.size());
        for (size_t j = i > reach ? i - reach : 0; j < end; ++j) {
            if (!in_other[j] && one[i] == other[j]) {
                in_one[i] = in_other[j] = true;
                ++common.count;
                break;
            }
        }
    }
    size_t j = 0;
    for (size_t i = 0; i < one.size(); ++i) {
        if (!in_one[i]) {
            continue;
        }
        while (!in_other[j]) {
            ++j;
        }
        common.swapped += one[i] == other[j] ? 0 : 0.5;
        ++j;
    }
    return common;
}

double jaro_winkler_score(const Runes& term, const Runes& text) {
    const bool shorter = term.size() <= text.size();
    const Runes& one = shorter ? term : text;
    const Runes& other = shorter ? text : term;
    if (one == other) {
        return 1;
    }
    const Common common = common_characters(one, other);
    if (common.count == 0) {
        return 0;
    }
    const double jaro = (common.count / static_cast<double>(one.size()) +
                         common.count / static_cast<double>(other.size()) +
                         (common.count - common.swapped) / common.count) /
                        3;
    size_t prefix = 0;
    while (prefix < std::min(one.size(), kPrefixMax) && one[prefix] == other[prefix]) {
        ++prefix;
    }
    return jaro + static_cast<double>(prefix) * kPrefixWeight * (1 - jaro);
}

}  // namespace

SearchMatcher::SearchMatcher(const std::vector<std::string>& terms, const SearchOptions& options)
    : options_(options) {
    for (const std::string& term : terms) {
        if (!term.empty()) {
            terms_.push_back(read(term));
        }
    }
}

SearchMatcher::Runes SearchMatcher::read(std::string_view text) const {
    Runes out;
    out.reserve(text.size());
    while (!text.empty()) {
        const base::Rune rune = base::decode_rune(text);
        const bool capital = rune.value >= 'A' && rune.value <= 'Z';
        out.push_back(capital && !options_.case_sensitive ? rune.value + ('a' - 'A') : rune.value);
        text.remove_prefix(rune.length);
    }
    return out;
}

std::optional<double> SearchMatcher::score_of(const Runes& term, const Runes& text) const {
    const auto found = std::ranges::search(text, term);
    if (found.begin() == text.begin() && !found.empty()) {
        return 1;
    }
    double score = 0;
    if (options_.algorithm == SearchAlgorithm::kSubsequence) {
        score = subsequence_score(term, text);
    } else if (!found.empty()) {
        const auto place = static_cast<double>(found.begin() - text.begin());
        return 1 - kSpread * place / static_cast<double>(text.size() - term.size());
    } else if (options_.threshold > 0) {
        score = jaro_winkler_score(term, text);
    }
    return score > 0 && score >= options_.threshold ? std::optional(score) : std::nullopt;
}

std::optional<double> SearchMatcher::score(std::string_view text) const {
    if (terms_.empty()) {
        return 1;
    }
    const Runes runes = read(text);
    std::optional<double> best;
    for (const Runes& term : terms_) {
        if (const auto one = score_of(term, runes); one && (!best || *one > *best)) {
            best = one;
        }
    }
    return best;
}

}  // namespace query
