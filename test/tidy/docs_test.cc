// Holds the pages of docs/ against the code: the folder table, the flags and the metrics.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include <catch2/catch.hpp>

#include "test/support/command.h"
#include "test/support/skip.h"

namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

constexpr int kFolderDepthMax = 2;  // rooms and the folders inside them; deeper ones are details

// The first cell of every table row of a page that is one name in backquotes, with the row.
std::map<std::string, std::string> table_rows(const fs::path& page) {
    static const std::regex kRow(R"(^\|\s*`([^`]+)`\s*\|.*)");
    std::ifstream stream(page);
    REQUIRE(stream.good());
    std::map<std::string, std::string> rows;
    for (std::string line; std::getline(stream, line);) {
        std::smatch match;
        if (std::regex_match(line, match, kRow)) {
            CAPTURE(page.string(), line);
            CHECK(rows.emplace(match[1].str(), line).second);  // named once
        }
    }
    return rows;
}

Names names_of(const std::map<std::string, std::string>& rows) {
    Names names;
    for (const auto& [name, row] : rows) {
        names.insert(name);
    }
    return names;
}

bool holds_code(const fs::path& folder) {
    for (const auto& entry : fs::directory_iterator(folder)) {
        const auto extension = entry.path().extension();
        const bool code = extension == ".h" || extension == ".cc" || extension == ".proto" ||
                          entry.path().filename() == "CMakeLists.txt";
        if (entry.is_regular_file() && code) {
            return true;
        }
    }
    return false;
}

void collect_folders(const fs::path& root, const fs::path& at, int depth, Names& folders) {
    for (const auto& entry : fs::directory_iterator(at)) {
        const auto name = entry.path().filename().string();
        if (!entry.is_directory() || name.starts_with('.') || name == "build") {
            continue;
        }
        if (holds_code(entry.path())) {
            folders.insert(fs::relative(entry.path(), root).string() + "/");
        }
        if (depth < kFolderDepthMax) {
            collect_folders(root, entry.path(), depth + 1, folders);
        }
    }
}

// A folder of tests mirrors the one it tests, so it needs no row of its own.
bool mirrors_a_room(const std::string& folder) {
    return folder.starts_with("test/") && fs::is_directory(folder.substr(5));
}

std::string binary() {
    const char* chosen = std::getenv("SKEIN_BINARY");  // NOLINT(concurrency-mt-unsafe): one thread
    return chosen != nullptr && *chosen != '\0' ? chosen : SKEIN_BINARY;
}

// The names that `skein self WHAT` prints, one a line.
Names names_in_code(const std::string& what) {
    const auto outcome = test::run_command("'" + binary() + "' self " + what);
    REQUIRE(outcome.exit_code == 0);
    Names names;
    for (const auto& line : test::lines_of(outcome.output)) {
        names.insert(line.substr(0, line.find_first_of(" \t")));
    }
    REQUIRE(!names.empty());
    return names;
}

void compare(const Names& documented, const Names& real, const char* page) {
    for (const auto& name : real) {
        if (!documented.contains(name)) {
            FAIL_CHECK(page << " has no row for `" << name << "`");
        }
    }
    for (const auto& name : documented) {
        if (!real.contains(name)) {
            FAIL_CHECK(page << " has a row for `" << name << "`, which the code does not have");
        }
    }
}

}  // namespace

TEST_CASE("docs/architecture.md names every folder, and marks those that are planned",
          "[tidy][docs]") {
    const auto rows = table_rows("docs/architecture.md");
    Names folders;
    collect_folders(fs::current_path(), fs::current_path(), 1, folders);
    for (const auto& folder : folders) {
        if (!rows.contains(folder) && !mirrors_a_room(folder)) {
            FAIL_CHECK("docs/architecture.md has no row for `" << folder << "`");
        }
    }
    for (const auto& [folder, row] : rows) {
        CAPTURE(row);
        const bool planned = row.find("(planned)") != std::string::npos;
        if (folders.contains(folder) && planned) {
            FAIL_CHECK("the folder is there: take \"(planned)\" out of its row");
        }
        if (!folders.contains(folder) && !planned) {
            FAIL_CHECK("the folder has no code: put \"(planned)\" into its row");
        }
    }
}

TEST_CASE("docs/configuration.md lists the flags that the program has", "[tidy][docs]") {
    if (binary().empty()) {
        SKEIN_SKIP("this tree does not build the skein program; set SKEIN_BINARY to one");
    }
    compare(names_of(table_rows("docs/configuration.md")),
            names_in_code("flags"),
            "docs/configuration.md");
}

TEST_CASE("docs/metrics.md lists the metrics that the program exports", "[tidy][docs]") {
    if (binary().empty()) {
        SKEIN_SKIP("this tree does not build the skein program; set SKEIN_BINARY to one");
    }
    compare(names_of(table_rows("docs/metrics.md")), names_in_code("metrics"), "docs/metrics.md");
}
