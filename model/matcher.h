// Label matchers: =, !=, =~, !~ with RE2, anchored, dot matching newline; with short cuts that the
// index can use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace model {

// The numbers are those of remote read and the StoreAPI.
enum class MatchType : uint8_t { kEqual = 0, kNotEqual = 1, kRegex = 2, kNotRegex = 3 };

[[nodiscard]] std::string_view match_operator(MatchType type);

// Limits on a regular expression; errors name them.
inline constexpr size_t kMaxRegexBytes = 256 * 1024;       // of its text
inline constexpr int64_t kMaxRegexProgramBytes = 8 << 20;  // of its compiled program
inline constexpr size_t kMaxSetMatches = 65536;            // alternatives kept as a set

// An anchored regular expression, ^(?s:…)$.
//   threads  immutable; share freely
class Regex {
  public:
    // errors  kInvalid with RE2's reason; kLimit naming kMaxRegexBytes or kMaxRegexProgramBytes
    [[nodiscard]] static base::Result<std::shared_ptr<const Regex>> compile(
        std::string_view pattern);
    ~Regex();

    [[nodiscard]] bool matches(std::string_view text) const;
    // Matches and fills `groups` with the text of group 0, 1, … (an absent group is "").
    [[nodiscard]] bool match_groups(std::string_view text,
                                    std::vector<std::string_view>& groups) const;
    // Expands $1, ${1}, ${name}, $$ as Go's Regexp.Expand does.
    void expand(std::string_view pattern,
                const std::vector<std::string_view>& groups,
                std::string& out) const;

    [[nodiscard]] const std::string& pattern() const;
    // The finite set of texts it matches, sorted; empty when it is not such a set (or too large).
    [[nodiscard]] std::span<const std::string> set_matches() const;
    // A literal every match starts with; "" when there is none.
    [[nodiscard]] std::string_view prefix() const;
    // True for .* (everything) and .+ (everything but "").
    [[nodiscard]] bool matches_everything() const;
    [[nodiscard]] bool matches_any_nonempty() const;

  private:
    Regex();
    struct Program;
    std::unique_ptr<Program> program_;
};

// One condition on one label; a missing label counts as "".
//   threads  immutable; copies share the compiled expression
class Matcher {
  public:
    // errors  as Regex::compile
    [[nodiscard]] static base::Result<Matcher> create(MatchType type,
                                                      std::string name,
                                                      std::string value);
    [[nodiscard]] static Matcher equal(std::string name, std::string value);

    [[nodiscard]] bool matches(std::string_view value) const;

    [[nodiscard]] bool matches_empty() const { return matches(""); }

    [[nodiscard]] MatchType type() const { return type_; }

    [[nodiscard]] const std::string& name() const { return name_; }

    [[nodiscard]] const std::string& value() const { return value_; }

    // Null unless the type is kRegex or kNotRegex.
    [[nodiscard]] const Regex* regex() const { return regex_.get(); }

    // name=~"value"
    [[nodiscard]] std::string to_string() const;

  private:
    Matcher(MatchType type,
            std::string name,
            std::string value,
            std::shared_ptr<const Regex> regex);

    MatchType type_;
    std::string name_;
    std::string value_;
    std::shared_ptr<const Regex> regex_;
};

}  // namespace model
