// The law of who may include what (test/tidy/layers.txt), and its judge. The law's language is
// described at the top of that file.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidy {

// One include line of a source file.
struct Include {
    std::string from;  // the file, from the root: "tsdb/db.cc"
    size_t line = 0;   // 1-based
    std::string name;  // what stands between the quotes or angles
    bool quoted = false;
};

struct Law {
    // Files that match `who` may include files of the tree that match one of `whom`. The first rule
    // whose `who` matches decides, so exceptions stand above the rule.
    struct FolderRule {
        std::string who;
        std::vector<std::string> whom;
    };

    // Headers that start with `prefix` may be included by files that match one of `where`. The
    // longest prefix decides.
    struct HeaderRule {
        std::string prefix;
        std::vector<std::string> where;
    };

    std::vector<FolderRule> folders;
    std::vector<HeaderRule> headers;
    std::vector<HeaderRule> generated;  // `prefix` is a suffix here: ".pb.h"
};

// Reads a law. Errors (kInvalid) name the line.
base::Result<Law> parse_law(std::string_view text);

// A file's path matches a pattern when they are equal, when the pattern ends in '/' and the path
// lies below it, or as a glob: '*' stands for anything but '/', '**' for anything.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view path);

// The includes of every .h and .cc file below `root`, in the order of their paths. Hidden folders
// and build/ are not entered.
base::Result<std::vector<Include>> read_includes(const std::filesystem::path& root);

// What the law forbids, one sentence each, "file:line: …", in the order of the includes. An include
// that no rule allows is forbidden: a new folder or library needs a line in the law.
std::vector<std::string> violations(const Law& law,
                                    const std::filesystem::path& root,
                                    const std::vector<Include>& includes);

// Cycles of files, and of folders beside each other ("a.h > b.h > a.h"). A folder and a folder
// inside it may use one another: they are one room.
std::vector<std::string> cycles(const std::vector<Include>& includes);

}  // namespace tidy
