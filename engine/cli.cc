#include "engine/cli.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include <CLI/CLI.hpp>

#include "base/byte_size.h"
#include "base/check.h"
#include "base/duration.h"

namespace engine {
namespace {

// The text of a flag must be of its kind; the message names the flag and shows an example.
base::Status check_value(const FlagSpec& flag, const std::string& text) {
    const auto wrong = [&](std::string_view want) {
        return base::fail(
            base::Code::kInvalid,
            "--" + std::string(flag.name) + ": \"" + text + "\" is not " + std::string(want));
    };
    if (text.empty() || text == flag.value_default) {
        return base::success();
    }
    char* end = nullptr;
    switch (flag.kind) {
        case FlagKind::kDuration:
            return base::parse_duration_ms(text).has_value()
                       ? base::Status(base::success())
                       : wrong("a duration such as 15s or 1h30m");
        case FlagKind::kSize:
            return base::parse_byte_size(text).has_value() ? base::Status(base::success())
                                                           : wrong("a size such as 512MB");
        case FlagKind::kInt:
            std::strtoll(text.c_str(), &end, 10);
            return *end == '\0' ? base::Status(base::success()) : wrong("a whole number");
        case FlagKind::kNumber:
            std::strtod(text.c_str(), &end);
            return *end == '\0' ? base::Status(base::success()) : wrong("a number");
        case FlagKind::kText:
        case FlagKind::kBool:
        case FlagKind::kList:
            return base::success();
    }
    return base::success();
}

struct Words {
    std::vector<std::string> reversed;  // as CLI11 wants them
    std::set<std::string> emptied;      // flags that were given as --name=
};

// CLI11 takes the next word for the value of `--name=`.
Words take_emptied(const std::vector<std::string>& words,
                   const std::set<std::string, std::less<>>& names) {
    Words taken;
    for (auto word = words.rbegin(); word != words.rend(); ++word) {
        const bool ends = word->starts_with("--") && word->ends_with('=');
        const std::string name = ends ? word->substr(2, word->size() - 3) : "";
        if (names.contains(name)) {
            taken.emptied.insert(name);
        } else {
            taken.reversed.push_back(*word);
        }
    }
    return taken;
}

constexpr size_t kFlagsUngroupedMax = 20;

// The first word of a flag's name, when others begin with it and there are many flags: --help
// shows those together.
std::string group_of(const FlagSpec& flag, std::span<const FlagSpec> flags) {
    const auto first_word = [](std::string_view name) {
        return name.substr(0, name.find_first_of(".-"));
    };
    const std::string_view word = first_word(flag.name);
    const auto alike = std::count_if(flags.begin(), flags.end(), [&](const FlagSpec& other) {
        return first_word(other.name) == word;
    });
    return flags.size() > kFlagsUngroupedMax && alike > 1 ? std::string(word) : "Options";
}

}  // namespace

const FlagValues::Value& FlagValues::value(std::string_view name) const {
    const auto found = values_.find(name);
    SKEIN_CHECK(found != values_.end(), "no such flag", name);
    return found->second;
}

const std::string& FlagValues::text(std::string_view name) const {
    return value(name).text;
}

bool FlagValues::boolean(std::string_view name) const {
    return value(name).text == "true";
}

int64_t FlagValues::duration_ms(std::string_view name) const {
    const std::string& written = text(name);
    return written.empty() ? 0 : base::parse_duration_ms(written).value();
}

int64_t FlagValues::bytes(std::string_view name) const {
    const std::string& written = text(name);
    return written.empty() ? 0 : base::parse_byte_size(written).value();
}

int64_t FlagValues::integer(std::string_view name) const {
    return std::strtoll(text(name).c_str(), nullptr, 10);
}

double FlagValues::number(std::string_view name) const {
    return std::strtod(text(name).c_str(), nullptr);
}

std::vector<std::string> FlagValues::list(std::string_view name) const {
    return value(name).items;
}

bool FlagValues::given(std::string_view name) const {
    return value(name).given;
}

std::map<std::string, std::string> FlagValues::all() const {
    std::map<std::string, std::string> out;
    for (const auto& [name, entry] : values_) {
        out.emplace(name, entry.text);
    }
    return out;
}

CommandLine::CommandLine(std::string name,
                         std::string description,
                         std::span<const FlagSpec> flags,
                         std::string positional)
    : name_(std::move(name)),
      description_(std::move(description)),
      flags_(flags),
      positional_(std::move(positional)) {}

base::Result<CliOutcome> CommandLine::parse(const std::vector<std::string>& words) const {
    CliOutcome outcome;
    std::map<std::string, std::vector<std::string>> lists;
    std::map<std::string, bool> flags;
    std::set<std::string, std::less<>> with_value;
    CLI::App app(description_, name_);
    app.set_help_flag("-h,--help", "Show what can be said on the command line.");
    for (const FlagSpec& flag : flags_) {
        const std::string name(flag.name);
        std::string help(flag.help);
        if (!flag.ignored.empty()) {
            help += " (accepted, no effect: " + std::string(flag.ignored) + ")";
        }
        const std::string short_form =
            flag.short_name.empty() ? "" : "-" + std::string(flag.short_name) + ",";
        if (flag.kind == FlagKind::kBool) {
            flags[name] = flag.value_default == "true";
            app.add_flag(short_form + "--" + name + ",!--no-" + name, flags[name], help)
                ->group(group_of(flag, flags_));
        } else {
            with_value.insert(name);
            app.add_option(short_form + "--" + name, lists[name], help)
                ->expected(1)
                ->take_all()
                ->allow_extra_args(false)
                ->default_str(std::string(flag.value_default))
                ->group(group_of(flag, flags_));
        }
    }
    if (!positional_.empty()) {
        app.add_option(positional_, outcome.values.positional_, "");
    }
    auto [reversed, emptied] = take_emptied(words, with_value);
    try {
        app.parse(reversed);
    } catch (const CLI::CallForHelp&) {
        std::fputs(app.help().c_str(), stdout);
        outcome.finished = true;
        return outcome;
    } catch (const CLI::ParseError& error) {
        return base::fail(base::Code::kInvalid,
                          std::string(error.what()) + "; see " + name_ + " --help");
    }
    for (const FlagSpec& flag : flags_) {
        const std::string name(flag.name);
        FlagValues::Value& value = outcome.values.values_[name];
        const CLI::Option* option = app.get_option("--" + name);
        value.given = option->count() > 0 || emptied.contains(name);
        if (flag.kind == FlagKind::kBool) {
            value.text = flags[name] ? "true" : "false";
            continue;
        }
        value.items = lists[name];
        if (value.items.empty() && emptied.contains(name)) {
            value.items.emplace_back();
        }
        if (value.items.empty() && !flag.value_default.empty()) {
            value.items.emplace_back(flag.value_default);
        }
        for (const std::string& item : value.items) {
            TRY(check_value(flag, item));
            const bool joins = flag.kind == FlagKind::kList && !value.text.empty();
            value.text = joins ? value.text + "," + item : item;
        }
    }
    return outcome;
}

}  // namespace engine
