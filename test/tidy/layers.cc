#include "test/tidy/layers.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>

namespace tidy {
namespace {

using Graph = std::map<std::string, std::set<std::string>>;

std::vector<std::string> words_of(std::string_view line) {
    std::istringstream stream{std::string(line.substr(0, line.find('#')))};
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view path) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
        return matches(pattern, path);
    });
}

std::string join(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text.empty() ? "nothing" : text;
}

bool is_source(const std::filesystem::path& path) {
    return path.extension() == ".h" || path.extension() == ".cc";
}

// The include that a line is, if it is one. Comments never start a line with '#', and a quoted or
// angled name ends on its line, so no lexer is needed.
std::optional<Include> include_of(std::string_view line) {
    const auto skip_blanks = [&] {
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    };
    skip_blanks();
    if (!line.starts_with('#')) {
        return std::nullopt;
    }
    line.remove_prefix(1);
    skip_blanks();
    constexpr std::string_view kWord = "include";
    if (!line.starts_with(kWord)) {
        return std::nullopt;
    }
    line.remove_prefix(kWord.size());
    skip_blanks();
    if (!line.starts_with('"') && !line.starts_with('<')) {
        return std::nullopt;
    }
    const bool quoted = line.front() == '"';
    const auto end = line.find(quoted ? '"' : '>', 1);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    return Include{.name = std::string(line.substr(1, end - 1)), .quoted = quoted};
}

base::Status read_file_includes(const std::filesystem::path& root,
                                const std::string& file,
                                std::vector<Include>& into) {
    std::ifstream stream(root / file);
    if (!stream) {
        return base::fail(base::Code::kIo, "open", (root / file).string());
    }
    size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        if (auto include = include_of(line)) {
            include->from = file;
            include->line = number;
            into.push_back(std::move(*include));
        }
    }
    return base::success();
}

// The header rule that decides for a name, or none.
const Law::HeaderRule* header_rule(const Law& law, const Include& include) {
    for (const auto& rule : law.generated) {
        if (include.name.ends_with(rule.prefix)) {
            return &rule;
        }
    }
    const Law::HeaderRule* best = nullptr;
    for (const auto& rule : law.headers) {
        const bool longer = best == nullptr || rule.prefix.size() > best->prefix.size();
        if (!include.quoted && include.name.starts_with(rule.prefix) && longer) {
            best = &rule;
        }
    }
    return best;
}

// C++'s own headers have no dot and no slash: <vector>.
bool is_standard(const Include& include) {
    return !include.quoted && include.name.find_first_of("./") == std::string::npos;
}

const Law::FolderRule* folder_rule(const Law& law, std::string_view file) {
    for (const auto& rule : law.folders) {
        if (matches(rule.who, file)) {
            return &rule;
        }
    }
    return nullptr;
}

// Why the law forbids an include; empty when it does not.
std::string objection(const Law& law, const std::filesystem::path& root, const Include& include) {
    if (is_standard(include)) {
        return "";
    }
    if (const auto* rule = header_rule(law, include)) {
        return matches_any(rule->where, include.from)
                   ? ""
                   : "\"" + include.name + "\" belongs in " + join(rule->where) + " only";
    }
    if (!include.quoted) {
        return "<" + include.name + "> has no line in the law";
    }
    if (!std::filesystem::exists(root / include.name)) {
        return "\"" + include.name + "\" is no file; write the path from the root";
    }
    const auto* rule = folder_rule(law, include.from);
    if (rule == nullptr) {
        return "the law has no line for this file's folder";
    }
    return matches_any(rule->whom, include.name)
               ? ""
               : rule->who + " may include " + join(rule->whom) + ", not \"" + include.name + "\"";
}

std::string folder_of(const std::string& file) {
    return std::filesystem::path(file).parent_path().string();
}

// One lies inside the other, or they are the same.
bool related(const std::string& a, const std::string& b) {
    return (a + "/").starts_with(b + "/") || (b + "/").starts_with(a + "/");
}

// Depth-first search that reports every edge back into the path walked.
class CycleFinder {
  public:
    explicit CycleFinder(const Graph& graph) : graph_(graph) {}

    std::vector<std::string> find() {
        for (const auto& [node, edges] : graph_) {
            visit(node);
        }
        return found_;
    }

  private:
    void visit(const std::string& node) {
        const auto on_path = std::find(path_.begin(), path_.end(), node);
        if (on_path != path_.end()) {
            report({on_path, path_.end()}, node);
            return;
        }
        if (!done_.insert(node).second) {
            return;
        }
        path_.push_back(node);
        const auto edges = graph_.find(node);
        if (edges != graph_.end()) {
            for (const auto& next : edges->second) {
                visit(next);
            }
        }
        path_.pop_back();
    }

    void report(const std::vector<std::string>& path, const std::string& end) {
        std::string text;
        for (const auto& node : path) {
            text += node + " > ";
        }
        found_.push_back(text + end);
    }

    const Graph& graph_;
    std::vector<std::string> path_;
    std::set<std::string> done_;
    std::vector<std::string> found_;
};

}  // namespace

base::Result<Law> parse_law(std::string_view text) {
    Law law;
    std::istringstream stream{std::string(text)};
    size_t number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        auto words = words_of(line);
        if (words.empty()) {
            continue;
        }
        if (words.size() < 3 || words[2] != ":") {
            return base::fail(
                base::Code::kInvalid, "line", number, "is not 'kind subject : pattern …':", line);
        }
        const std::string kind = words[0];
        std::string subject = words[1];
        words.erase(words.begin(), words.begin() + 3);
        if (kind == "folder") {
            law.folders.push_back({std::move(subject), std::move(words)});
        } else if (kind == "header") {
            law.headers.push_back({std::move(subject), std::move(words)});
        } else if (kind == "generated") {
            law.generated.push_back({std::move(subject), std::move(words)});
        } else {
            return base::fail(base::Code::kInvalid, "line", number, "has an unknown kind:", kind);
        }
    }
    return law;
}

bool matches(std::string_view pattern, std::string_view path) {
    if (pattern.empty()) {
        return path.empty();
    }
    if (pattern.starts_with("**")) {
        const auto rest = pattern.substr(2);
        for (size_t at = 0; at <= path.size(); ++at) {
            if (matches(rest, path.substr(at))) {
                return true;
            }
        }
        return false;
    }
    if (pattern.front() == '*') {
        const auto rest = pattern.substr(1);
        for (size_t at = 0; at <= path.size(); ++at) {
            if (matches(rest, path.substr(at))) {
                return true;
            }
            if (at < path.size() && path[at] == '/') {
                return false;
            }
        }
        return false;
    }
    if (path.empty() || path.front() != pattern.front()) {
        return false;
    }
    if (pattern == "/") {
        return true;  // a folder: everything below it
    }
    return matches(pattern.substr(1), path.substr(1));
}

base::Result<std::vector<Include>> read_includes(const std::filesystem::path& root) {
    std::vector<std::string> files;
    std::error_code error;
    std::filesystem::recursive_directory_iterator walk(root, error);
    for (; !error && walk != std::filesystem::recursive_directory_iterator();
         walk.increment(error)) {
        const auto name = walk->path().filename().string();
        if (walk->is_directory() && (name.starts_with('.') || name == "build")) {
            walk.disable_recursion_pending();
        } else if (walk->is_regular_file() && is_source(walk->path())) {
            files.push_back(std::filesystem::relative(walk->path(), root).string());
        }
    }
    if (error) {
        return base::fail(base::Code::kIo, "walk", root.string(), error.message());
    }
    std::sort(files.begin(), files.end());
    std::vector<Include> includes;
    for (const auto& file : files) {
        TRY(read_file_includes(root, file, includes));
    }
    return includes;
}

std::vector<std::string> violations(const Law& law,
                                    const std::filesystem::path& root,
                                    const std::vector<Include>& includes) {
    std::vector<std::string> found;
    for (const auto& include : includes) {
        const auto why = objection(law, root, include);
        if (!why.empty()) {
            found.push_back(include.from + ":" + std::to_string(include.line) + ": " + why);
        }
    }
    return found;
}

std::vector<std::string> cycles(const std::vector<Include>& includes) {
    Graph files;
    Graph folders;
    for (const auto& include : includes) {
        if (!include.quoted) {
            continue;
        }
        files[include.from].insert(include.name);
        const auto from = folder_of(include.from);
        const auto to = folder_of(include.name);
        if (!related(from, to)) {
            folders[from].insert(to);
        }
    }
    auto found = CycleFinder(files).find();
    const auto of_folders = CycleFinder(folders).find();
    found.insert(found.end(), of_folders.begin(), of_folders.end());
    return found;
}

}  // namespace tidy
