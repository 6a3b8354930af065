// `skein tsdb VERB`: the verbs, and what they have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "engine/cli.h"

namespace engine {

// Each takes the words behind its verb and returns the exit code.
[[nodiscard]] int tsdb_list(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_analyze(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_dump(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_dump_openmetrics(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_verify(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_create_blocks(const std::vector<std::string>& words);
[[nodiscard]] int tsdb_snapshot(const std::vector<std::string>& words);

inline constexpr std::string_view kDataFolder = "data/";  // when none is named

// The flags of a command line; without a value the command ends with `code`.
struct Started {
    std::optional<FlagValues> flags;
    int code = 0;
};

// operands_min, operands_max  how many operands the verb takes
[[nodiscard]] Started start_command(const CommandLine& line,
                                    const std::vector<std::string>& words,
                                    size_t operands_min,
                                    size_t operands_max);
// The operand, or what stands for it when it was not given.
[[nodiscard]] std::string operand_or(const FlagValues& flags,
                                     size_t index,
                                     std::string_view otherwise);
// Says the error on standard error; returns 1.
[[nodiscard]] int say_error(const base::Error& error);

// A line on standard error now and then, so that long work is seen to go on.
class Progress {
  public:
    static constexpr std::chrono::seconds kEvery{2};

    Progress() : next_(std::chrono::steady_clock::now() + kEvery) {}

    // Cheap between two lines. `text` makes the line.
    template <class Text>
    void tick(const Text& text) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= next_) {
            next_ = now + kEvery;
            say(text());
        }
    }

  private:
    static void say(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

    std::chrono::steady_clock::time_point next_;
};

// Standard output in large pieces.
class Output {
  public:
    Output() = default;

    ~Output() { flush(); }

    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // Append here, then call full().
    [[nodiscard]] std::string& text() { return text_; }

    // Writes when enough is there. Returns false when nobody reads any more.
    bool pass() { return text_.size() < kPieceBytes || flush(); }

    bool flush() {
        const bool good = std::fwrite(text_.data(), 1, text_.size(), stdout) == text_.size() &&
                          std::fflush(stdout) == 0;
        text_.clear();
        return good;
    }

  private:
    static constexpr size_t kPieceBytes = 64 * 1024;

    std::string text_;
};

}  // namespace engine
