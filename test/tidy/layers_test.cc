#include "test/tidy/layers.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

std::string read_text(const fs::path& path) {
    std::ifstream stream(path);
    std::ostringstream text;
    text << stream.rdbuf();
    return std::move(text).str();
}

// A small tree on disk that goes with the object.
class Tree {
  public:
    Tree() : root_(fs::temp_directory_path() / ("skein-layers-" + std::to_string(::getpid()))) {
        fs::remove_all(root_);
        fs::create_directories(root_);
    }

    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    ~Tree() { fs::remove_all(root_); }

    void add(const std::string& file, const std::string& text) const {
        fs::create_directories((root_ / file).parent_path());
        std::ofstream(root_ / file) << text;
    }

    [[nodiscard]] const fs::path& root() const { return root_; }

  private:
    fs::path root_;
};

std::string include_line(const std::string& name) {
    return "#  include " + name + "\n";
}

tidy::Law law_of(const std::string& text) {
    auto law = tidy::parse_law(text);
    REQUIRE(law.has_value());
    return std::move(law).value();
}

std::vector<tidy::Include> includes_of(const fs::path& root) {
    auto includes = tidy::read_includes(root);
    REQUIRE(includes.has_value());
    return std::move(includes).value();
}

const char* const kSmallLaw =
    "folder base/ : base/\n"
    "folder tsdb/ : base/ tsdb/\n"
    "header rocksdb/ : base/kv_store.cc\n"
    "header rocksdb/utilities/ : base/*.h  # the longest prefix decides\n"
    "generated .pb.h : tsdb/**.cc\n";

}  // namespace

TEST_CASE("the tree keeps the law of test/tidy/layers.txt", "[tidy][layers]") {
    const fs::path root = fs::current_path();
    const auto law = law_of(read_text(root / "test/tidy/layers.txt"));
    const auto includes = includes_of(root);
    REQUIRE(includes.size() > 20);
    for (const auto& violation : tidy::violations(law, root, includes)) {
        FAIL_CHECK(violation);
    }
    for (const auto& cycle : tidy::cycles(includes)) {
        FAIL_CHECK("cycle: " << cycle);
    }
}

TEST_CASE("the judge finds an include that the law forbids", "[tidy][layers]") {
    const Tree tree;
    tree.add("tsdb/db.h", "");
    tree.add("base/kv_store.cc", include_line("<rocksdb/db.h>") + include_line("<vector>"));
    const auto check = [&](const std::string& file, const std::string& name, const char* want) {
        tree.add(file, "\n" + include_line(name));
        const auto found =
            tidy::violations(law_of(kSmallLaw), tree.root(), includes_of(tree.root()));
        CAPTURE(file, name, found);
        CHECK(found.size() == (*want == '\0' ? 0U : 1U));
        if (!found.empty()) {
            CHECK(found[0].starts_with(file + ":2: "));
            CHECK(found[0].find(want) != std::string::npos);
        }
        fs::remove(tree.root() / file);
    };
    check("tsdb/a.cc", "\"tsdb/db.h\"", "");
    check("base/a.cc", "\"tsdb/db.h\"", "base/ may include base/");
    check("base/a.cc", "<rocksdb/db.h>", "belongs in base/kv_store.cc only");
    check("base/a.h", "<rocksdb/utilities/x.h>", "");
    check("base/kv.cc", "<rocksdb/utilities/x.h>", "belongs in base/*.h only");
    check("tsdb/a.cc", "\"db.h\"", "write the path from the root");
    check("tsdb/a.cc", "<unheard/of.h>", "has no line in the law");
    check("attic/a.cc", "\"tsdb/db.h\"", "no line for this file's folder");
    check("tsdb/wal/a.cc", "\"proto/x.pb.h\"", "");
    check("base/a.cc", "\"proto/x.pb.h\"", "belongs in tsdb/**.cc only");
}

TEST_CASE("the judge finds cycles of files and of folders", "[tidy][layers]") {
    const Tree tree;
    tree.add("tsdb/a.h", include_line("\"tsdb/b.h\""));
    tree.add("tsdb/b.h", include_line("\"tsdb/c.h\""));
    tree.add("tsdb/c.h", "");
    CHECK(tidy::cycles(includes_of(tree.root())).empty());

    tree.add("tsdb/c.h", include_line("\"tsdb/a.h\""));
    CHECK(tidy::cycles(includes_of(tree.root())) ==
          std::vector<std::string>{"tsdb/a.h > tsdb/b.h > tsdb/c.h > tsdb/a.h"});

    tree.add("tsdb/c.h", "");
    tree.add("tsdb/head/x.cc", include_line("\"tsdb/wal/y.h\""));
    tree.add("tsdb/wal/y.h", "");
    tree.add("tsdb/wal/z.cc", include_line("\"tsdb/head/w.h\""));
    tree.add("tsdb/head/w.h", "");
    CHECK(tidy::cycles(includes_of(tree.root())) ==
          std::vector<std::string>{"tsdb/head > tsdb/wal > tsdb/head"});
}

TEST_CASE("a folder and a folder inside it may use one another", "[tidy][layers]") {
    const Tree tree;
    tree.add("tsdb/db.cc", include_line("\"tsdb/head/head.h\""));
    tree.add("tsdb/head/head.h", include_line("\"tsdb/postings.h\""));
    tree.add("tsdb/postings.h", "");
    CHECK(tidy::cycles(includes_of(tree.root())).empty());
}

TEST_CASE("patterns match files, folders and globs", "[tidy][layers]") {
    const auto check = [](const char* pattern, const char* path, bool want) {
        CAPTURE(pattern, path);
        CHECK(tidy::matches(pattern, path) == want);
    };
    check("base/result.h", "base/result.h", true);
    check("base/result.h", "base/result.hh", false);
    check("base/", "base/http/server.cc", true);
    check("base/", "database/x.h", false);
    check("base/*.cc", "base/a.cc", true);
    check("base/*.cc", "base/http/a.cc", false);
    check("base/**.cc", "base/http/a.cc", true);
    check("**.cc", "a.h", false);
    check("**/options.h", "tsdb/head/options.h", true);
    check("**", "anything/at/all.h", true);
}

TEST_CASE("a law that cannot be read names the line", "[tidy][layers]") {
    const auto check = [](const char* text, const char* want) {
        const auto law = tidy::parse_law(text);
        REQUIRE(law.has_error());
        CHECK(law.error().message().find(want) != std::string::npos);
    };
    check("# good\nfolder base/ base/\n", "line 2 is not 'kind subject : pattern");
    check("floor base/ : base/\n", "line 1 has an unknown kind: floor");
}
