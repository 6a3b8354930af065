// Command lines as Prometheus' users know them: --name=value, --name value, --flag, --no-flag,
// repeated flags.
#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace engine {

enum class FlagKind : uint8_t { kText, kBool, kDuration, kSize, kInt, kNumber, kList };

// One flag. `value_default` is its text as --help and /api/v1/status/flags show it.
struct FlagSpec {
    std::string_view name;
    FlagKind kind = FlagKind::kText;
    std::string_view value_default;
    std::string_view help;
    // Not empty: the flag is accepted and has no effect, for this reason; said once in the log when
    // it is given.
    std::string_view ignored = {};
    std::string_view short_name = {};  // a letter: "r" for -r
};

// The values of one parsed command line.
class FlagValues {
  public:
    // A flag's text; its default when it was not given. CHECKed: the flag is in the specification.
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] bool boolean(std::string_view name) const;
    [[nodiscard]] int64_t duration_ms(std::string_view name) const;
    [[nodiscard]] int64_t bytes(std::string_view name) const;
    [[nodiscard]] int64_t integer(std::string_view name) const;
    [[nodiscard]] double number(std::string_view name) const;
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
    [[nodiscard]] bool given(std::string_view name) const;

    [[nodiscard]] const std::vector<std::string>& positional() const { return positional_; }

    // Every flag with its text, sorted by name.
    [[nodiscard]] std::map<std::string, std::string> all() const;

  private:
    friend class CommandLine;

    struct Value {
        std::string text;
        std::vector<std::string> items;
        bool given = false;
    };

    [[nodiscard]] const Value& value(std::string_view name) const;

    std::map<std::string, Value, std::less<>> values_;
    std::vector<std::string> positional_;
};

// What parsing leads to.
struct CliOutcome {
    bool finished = false;  // --help or --version was printed: exit with 0
    FlagValues values;
};

// A program or subcommand: its flags and what it takes besides.
class CommandLine {
  public:
    // `positional` names the operands in --help, e.g. "FILE..."; empty: none are taken.
    CommandLine(std::string name,
                std::string description,
                std::span<const FlagSpec> flags,
                std::string positional = {});

    // Parses the words after the program (and subcommand). Values are checked against their kinds.
    //   errors  kInvalid: an unknown flag (with the nearest known one), a missing or malformed
    //   value
    [[nodiscard]] base::Result<CliOutcome> parse(const std::vector<std::string>& words) const;

  private:
    std::string name_, description_;
    std::span<const FlagSpec> flags_;
    std::string positional_;
};

}  // namespace engine
