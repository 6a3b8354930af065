// Regular expressions: RE2 for the general case, and what a walk over the pattern's text can tell
// without it.
//
// The short cuts come from our own reading of the pattern into sequences of literal alternatives:
// "a(b|c)d" is the set {abd, acd}; "prod-.*" starts with "prod-". Whatever the reader does not
// understand it leaves to RE2.
#include <algorithm>
#include <optional>

#include <re2/re2.h>

#include "model/matcher.h"

namespace model {
namespace {

constexpr std::string_view kSpecial = "\\.+*?()|[]{}^$";
constexpr size_t kMaxDepth = 32;

bool is_quantifier(char c) {
    return c == '*' || c == '+' || c == '?' || c == '{';
}

// Reads a pattern as a finite set of literal texts. Any construct beyond literals, groups and
// alternation gives up.
class SetReader {
  public:
    explicit SetReader(std::string_view pattern) : rest_(pattern) {}

    std::optional<std::vector<std::string>> read() {
        auto set = alternation(0);
        if (!set || !rest_.empty()) {
            return std::nullopt;
        }
        return set;
    }

  private:
    using Set = std::vector<std::string>;

    std::optional<Set> alternation(size_t depth) {
        if (depth > kMaxDepth) {
            return std::nullopt;
        }
        Set all;
        while (true) {
            auto branch = sequence(depth);
            if (!branch || all.size() + branch->size() > kMaxSetMatches) {
                return std::nullopt;
            }
            all.insert(all.end(),
                       std::make_move_iterator(branch->begin()),
                       std::make_move_iterator(branch->end()));
            if (rest_.empty() || rest_.front() != '|') {
                return all;
            }
            rest_.remove_prefix(1);
        }
    }

    std::optional<Set> sequence(size_t depth) {
        Set set{""};
        while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
            auto next = rest_.front() == '(' ? group(depth) : literal();
            if (!next || (!rest_.empty() && is_quantifier(rest_.front())) ||
                !multiply(set, *next)) {
                return std::nullopt;
            }
        }
        return set;
    }

    std::optional<Set> group(size_t depth) {
        rest_.remove_prefix(1);
        if (rest_.starts_with("?:")) {
            rest_.remove_prefix(2);
        } else if (rest_.starts_with("?")) {
            return std::nullopt;  // flags, names
        }
        auto inside = alternation(depth + 1);
        if (!inside || rest_.empty() || rest_.front() != ')') {
            return std::nullopt;
        }
        rest_.remove_prefix(1);
        return inside;
    }

    // A run of literal bytes; its last one stays behind when a quantifier follows it.
    std::optional<Set> literal() {
        std::string text;
        while (!rest_.empty()) {
            size_t length = 1;
            char byte = rest_.front();
            if (byte == '\\') {
                if (rest_.size() < 2 || kSpecial.find(rest_[1]) == std::string_view::npos) {
                    return rest_.size() >= 2 && (rest_[1] == '-' || rest_[1] == '/') ? escaped(text)
                                                                                     : std::nullopt;
                }
                byte = rest_[1];
                length = 2;
            } else if (kSpecial.find(byte) != std::string_view::npos) {
                break;
            }
            text += byte;
            rest_.remove_prefix(length);
        }
        if (text.empty()) {
            return std::nullopt;
        }
        return Set{std::move(text)};
    }

    std::optional<Set> escaped(std::string& text) {
        text += rest_[1];
        rest_.remove_prefix(2);
        return Set{std::move(text)};
    }

    static bool multiply(Set& set, const Set& next) {
        if (set.size() * next.size() > kMaxSetMatches) {
            return false;
        }
        if (next.size() == 1) {
            for (std::string& text : set) {
                text += next.front();
            }
            return true;
        }
        Set product;
        product.reserve(set.size() * next.size());
        for (const std::string& front : set) {
            for (const std::string& back : next) {
                product.push_back(front + back);
            }
        }
        set = std::move(product);
        return true;
    }

    std::string_view rest_;
};

// The literal in front of the first special character, when the pattern is one plain sequence.
std::string literal_prefix(std::string_view pattern) {
    if (pattern.find('|') != std::string_view::npos) {
        return {};
    }
    std::string prefix;
    while (!pattern.empty()) {
        size_t length = 1;
        char byte = pattern.front();
        if (byte == '\\') {
            if (pattern.size() < 2 || kSpecial.find(pattern[1]) == std::string_view::npos) {
                break;
            }
            byte = pattern[1];
            length = 2;
        } else if (kSpecial.find(byte) != std::string_view::npos) {
            break;
        }
        pattern.remove_prefix(length);
        prefix += byte;
        if (!pattern.empty() && is_quantifier(pattern.front())) {
            // The quantifier is about the last code point: take all of its bytes off.
            while (!prefix.empty() && (static_cast<unsigned char>(prefix.back()) & 0xc0) == 0x80) {
                prefix.pop_back();
            }
            prefix.pop_back();
            break;
        }
    }
    return prefix;
}

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

// How to decide a match, cheapest first.
enum class Shape : uint8_t { kEverything, kNonEmpty, kSet, kPrefix, kSuffix, kContains, kGeneral };

struct Regex::Program {
    std::string pattern;
    Shape shape = Shape::kGeneral;
    std::vector<std::string> set;   // sorted
    std::string prefix;             // literal start (all shapes)
    std::string literal;            // kPrefix, kSuffix, kContains
    std::unique_ptr<re2::RE2> re2;  // always there: groups need it

    void classify();
};

void Regex::Program::classify() {
    if (pattern == ".*") {
        shape = Shape::kEverything;
        return;
    }
    if (pattern == ".+") {
        shape = Shape::kNonEmpty;
        return;
    }
    if (auto texts = SetReader(pattern).read()) {
        std::sort(texts->begin(), texts->end());
        texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
        set = std::move(*texts);
        shape = Shape::kSet;
        return;
    }
    prefix = literal_prefix(pattern);
    std::string_view middle = pattern;
    const bool open_front = middle.starts_with(".*");
    if (open_front) {
        middle.remove_prefix(2);
    }
    const bool open_back = middle.ends_with(".*") && !middle.ends_with("\\.*");
    if (open_back) {
        middle.remove_suffix(2);
    }
    if (!open_front && !open_back) {
        return;
    }
    auto texts = SetReader(middle).read();
    if (!texts || texts->size() != 1) {
        return;
    }
    literal = texts->front();
    shape = open_front && open_back ? Shape::kContains
            : open_front            ? Shape::kSuffix
                                    : Shape::kPrefix;
}

Regex::Regex() = default;
Regex::~Regex() = default;

base::Result<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern) {
    if (pattern.size() > kMaxRegexBytes) {
        return base::fail(base::Code::kLimit,
                          "regular expression of",
                          pattern.size(),
                          "bytes is longer than kMaxRegexBytes =",
                          kMaxRegexBytes);
    }
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_dot_nl(true);
    options.set_max_mem(kMaxRegexProgramBytes);
    auto program = std::make_unique<Program>();
    program->pattern = pattern;
    // (?s:…) is what dot_nl does; the group keeps an alternation inside the anchors (FullMatch
    // anchors).
    program->re2 =
        std::make_unique<re2::RE2>(re2::StringPiece(pattern.data(), pattern.size()), options);
    if (!program->re2->ok()) {
        if (program->re2->error_code() == re2::RE2::ErrorPatternTooLarge) {
            return base::fail(
                base::Code::kLimit,
                "regular expression needs a program larger than kMaxRegexProgramBytes =",
                kMaxRegexProgramBytes,
                "bytes");
        }
        return base::fail(base::Code::kInvalid, "error parsing regexp: " + program->re2->error());
    }
    program->classify();
    std::shared_ptr<Regex> regex(new Regex());
    regex->program_ = std::move(program);
    return std::shared_ptr<const Regex>(std::move(regex));
}

bool Regex::matches(std::string_view text) const {
    const Program& program = *program_;
    switch (program.shape) {
        case Shape::kEverything:
            return true;
        case Shape::kNonEmpty:
            return !text.empty();
        case Shape::kSet:
            return std::binary_search(program.set.begin(), program.set.end(), text);
        case Shape::kPrefix:
            return text.starts_with(program.literal);
        case Shape::kSuffix:
            return text.ends_with(program.literal);
        case Shape::kContains:
            return text.find(program.literal) != std::string_view::npos;
        case Shape::kGeneral:
            break;
    }
    return text.starts_with(program.prefix) &&
           re2::RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *program.re2);
}

bool Regex::match_groups(std::string_view text, std::vector<std::string_view>& groups) const {
    const int count = program_->re2->NumberOfCapturingGroups() + 1;
    std::vector<re2::StringPiece> pieces(static_cast<size_t>(count));
    const re2::StringPiece input(text.data(), text.size());
    if (!program_->re2->Match(input, 0, text.size(), re2::RE2::ANCHOR_BOTH, pieces.data(), count)) {
        return false;
    }
    groups.clear();
    for (const re2::StringPiece& piece : pieces) {
        groups.emplace_back(piece.data() == nullptr ? std::string_view()
                                                    : std::string_view(piece.data(), piece.size()));
    }
    return true;
}

void Regex::expand(std::string_view pattern,
                   const std::vector<std::string_view>& groups,
                   std::string& out) const {
    while (!pattern.empty()) {
        const size_t dollar = pattern.find('$');
        if (dollar == std::string_view::npos || dollar + 1 == pattern.size()) {
            out.append(pattern);
            return;
        }
        out.append(pattern.substr(0, dollar));
        pattern.remove_prefix(dollar + 1);
        if (pattern.front() == '$') {
            out += '$';
            pattern.remove_prefix(1);
            continue;
        }
        const bool braces = pattern.front() == '{';
        std::string_view name = braces ? pattern.substr(1) : pattern;
        size_t length = 0;
        while (length < name.size() && is_name_char(name[length])) {
            ++length;
        }
        if (length == 0 || (braces && (length == name.size() || name[length] != '}'))) {
            out += '$';  // malformed: the dollar stands for itself
            continue;
        }
        name = name.substr(0, length);
        pattern.remove_prefix(length + (braces ? 2 : 0));
        const bool number =
            std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
        if (number) {
            size_t group = 0;
            for (const char digit : name.substr(0, 9)) {
                group = group * 10 + static_cast<size_t>(digit - '0');
            }
            if (name.size() <= 9 && group < groups.size()) {
                out.append(groups[group]);
            }
            continue;
        }
        const auto& named = program_->re2->NamedCapturingGroups();
        if (const auto found = named.find(std::string(name)); found != named.end()) {
            out.append(groups[static_cast<size_t>(found->second)]);
        }
    }
}

const std::string& Regex::pattern() const {
    return program_->pattern;
}

std::span<const std::string> Regex::set_matches() const {
    return program_->set;
}

std::string_view Regex::prefix() const {
    return program_->shape == Shape::kPrefix ? program_->literal : program_->prefix;
}

bool Regex::matches_everything() const {
    return program_->shape == Shape::kEverything;
}

bool Regex::matches_any_nonempty() const {
    return program_->shape == Shape::kNonEmpty;
}

}  // namespace model
