#include "base/file.h"

#include <catch2/catch.hpp>
#include <sys/resource.h>

#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/support/skip.h"
#include "test/support/temp_folder.h"

using base::Code;
using base::Files;
using base::FolderEntry;
using test_support::FaultFiles;
using test_support::FileCall;
using test_support::MemoryFiles;

namespace {

std::string all_of(Files& files, const base::Path& path) {
    return base::read_file(files, path, 1 << 20).value();
}

void append(Files& files, const base::Path& path, std::string_view text) {
    auto file = files.open_append(path).value();
    REQUIRE(file->append(text).has_value());
}

// What every Files does, the machine's and the one in memory.
void check_contract(Files& files, const base::Path& root) {
    const base::Path folder = root + "/a/b";
    REQUIRE(files.make_folders(folder).has_value());
    REQUIRE(files.make_folders(folder).has_value());
    const base::Path path = base::join_path(folder, "file");

    CHECK(files.open_read(path).error().code() == Code::kNotFound);
    CHECK(files.stat(path).error().code() == Code::kNotFound);
    CHECK(files.create(root + "/none/file").error().code() == Code::kNotFound);
    CHECK_FALSE(files.exists(path).value());

    auto file = files.create(path).value();
    REQUIRE(file->append("hello ").has_value());
    REQUIRE(file->append("world").has_value());
    REQUIRE(file->write_at(0, "J").has_value());
    CHECK(file->size() == 11);
    REQUIRE(file->sync_data().has_value());
    REQUIRE(file->sync().has_value());
    REQUIRE(file->close().has_value());
    append(files, path, "!");
    CHECK(all_of(files, path) == "Jello world!");
    CHECK(base::read_file(files, path, 12).has_value());
    CHECK(base::read_file(files, path, 11).error().code() == Code::kLimit);

    const auto reader = files.open_read(path).value();
    std::array<uint8_t, 8> buffer{};
    CHECK(reader->read_at(6, buffer).value() == 6);
    CHECK(reader->read_at(100, buffer).value() == 0);
    CHECK(reader->size().value() == 12);

    const auto mapped = files.map(path).value();
    CHECK(mapped->bytes().text() == "Jello world!");
    mapped->advise(base::MappedFile::Advice::kWillNeed);
    {
        auto writer = files.open_append(path).value();
        REQUIRE(writer->write_at(0, "H").has_value());
    }
    CHECK(mapped->bytes().text() == "Hello world!");

    REQUIRE(files.truncate(path, 5).has_value());
    CHECK(all_of(files, path) == "Hello");
    REQUIRE(files.truncate(path, 7).has_value());
    CHECK(all_of(files, path) == std::string("Hello\0\0", 7));

    const base::Path second = base::join_path(folder, "second");
    REQUIRE(files.link(path, second).has_value());
    CHECK(files.link(path, second).error().code() == Code::kInvalid);
    CHECK(files.stat(path).value().inode == files.stat(second).value().inode);
    REQUIRE(files.create(base::join_path(folder, "empty")).has_value());
    CHECK(files.map(base::join_path(folder, "empty")).value()->bytes().empty());
    CHECK(files.list(folder).value() ==
          std::vector<FolderEntry>{{"empty", false}, {"file", false}, {"second", false}});
    CHECK(files.list(root + "/a").value() == std::vector<FolderEntry>{{"b", true}});
    CHECK(files.stat(folder).value().is_directory);
    CHECK(files.list(root + "/none").error().code() == Code::kNotFound);

    REQUIRE(files.rename(second, path).has_value());  // two names of one file: POSIX does nothing
    REQUIRE(files.rename(folder, root + "/a/c").has_value());
    CHECK(all_of(files, root + "/a/c/file").size() == 7);
    CHECK(files.remove(root + "/a").has_error());
    CHECK(files.remove(root + "/a/none").error().code() == Code::kNotFound);
    REQUIRE(files.remove(root + "/a/c/empty").has_value());
    REQUIRE(files.remove_tree(root + "/a").has_value());
    REQUIRE(files.remove_tree(root + "/a").has_value());
    CHECK_FALSE(files.exists(root + "/a").value());

    REQUIRE(base::replace_file(files, root + "/state", "one").has_value());
    REQUIRE(base::replace_file(files, root + "/state", "two").has_value());
    CHECK(all_of(files, root + "/state") == "two");
    CHECK_FALSE(files.exists(root + "/state.tmp").value());

    auto lock = files.lock(root + "/lock").value();
    CHECK(files.lock(root + "/lock").error().code() == Code::kUnavailable);
    lock.reset();
    CHECK(files.lock(root + "/lock").has_value());
    CHECK(files.space(root).value().capacity > 0);
}

}  // namespace

TEST_CASE("the machine's file system keeps the contract of Files", "[base][file]") {
    const test_support::TempFolder folder;
    check_contract(*base::make_posix_files(), folder.path());
}

TEST_CASE("the file system in memory keeps the contract of Files", "[base][file][support]") {
    MemoryFiles files;
    REQUIRE(files.make_folders("/root").has_value());
    check_contract(files, "/root");
}

TEST_CASE("running out of file descriptors is told as not now", "[base][file]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    append(*files, folder / "file", "x");
    // Without descriptors a sanitizer cannot look at objects that it has not seen before.
    REQUIRE(files->open_read(folder / "file"));
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit none{.rlim_cur = 0, .rlim_max = before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    const auto opened = files->open_read(folder / "file");
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE(opened.has_error());
    CHECK(opened.error().code() == Code::kUnavailable);
}

TEST_CASE("paths split and join", "[base][file]") {
    CHECK(base::join_path("a", "b") == "a/b");
    CHECK(base::join_path("a/", "b") == "a/b");
    CHECK(base::join_path("", "b") == "b");
    CHECK(base::parent_path("a/b") == "a");
    CHECK(base::parent_path("/a") == "/");
    CHECK(base::parent_path("a") == ".");
    CHECK(base::file_name("a/b") == "b");
    CHECK(base::file_name("b") == "b");
}

TEST_CASE("a full disk is told as no space", "[base][file]") {
    const auto files = base::make_posix_files();
    auto full = files->open_append("/dev/full");
    if (!full.has_value()) {
        SKEIN_SKIP("no writable /dev/full here");
    }
    const auto outcome = full.value()->append("x");
    REQUIRE(outcome.has_error());
    CHECK(outcome.error().code() == Code::kNoSpace);
    CHECK(outcome.error().message().find("/dev/full") != std::string::npos);
}

TEST_CASE("a power cut leaves what was synced", "[support][file]") {
    MemoryFiles files;
    files.put("/d/kept", "one");
    append(files, "/d/kept", "two");
    append(files, "/d/new", "three");
    REQUIRE(files.rename("/d/kept", "/d/renamed").has_value());

    SECTION("nothing synced: the old name and the old bytes") {
        files.power_cut();
        CHECK(files.content("/d/kept") == "one");
        CHECK(files.list("/d").value().size() == 1);
    }
    SECTION("the folder synced, the files not: new names, old bytes") {
        REQUIRE(files.sync_folder("/d").has_value());
        files.power_cut();
        CHECK(files.content("/d/renamed") == "one");
        CHECK(files.content("/d/new").empty());
        CHECK_FALSE(files.exists("/d/kept").value());
    }
    SECTION("everything synced: nothing lost") {
        REQUIRE(files.open_append("/d/renamed").value()->sync_data().has_value());
        REQUIRE(files.sync_folder("/d").has_value());
        files.power_cut();
        CHECK(files.content("/d/renamed") == "onetwo");
    }
    SECTION("part of an unsynced tail may have made it") {
        base::SeededRandom random(1);
        files.power_cut(random);
        CHECK(std::string("onetwo").starts_with(files.content("/d/kept")));
        CHECK(files.content("/d/kept").size() >= 3);
    }
    SECTION("a new folder is lost with all it holds until its parent is synced") {
        REQUIRE(files.make_folders("/d/sub").has_value());
        append(files, "/d/sub/file", "x");
        REQUIRE(files.sync_folder("/d/sub").has_value());
        files.power_cut();
        CHECK_FALSE(files.exists("/d/sub").value());
    }
    SECTION("a folder renamed into place takes its synced content along") {
        files.put("/d/tmp/file", "x");
        REQUIRE(files.rename("/d/tmp", "/d/final").has_value());
        REQUIRE(files.sync_folder("/d").has_value());
        files.power_cut();
        CHECK(files.content("/d/final/file") == "x");
        CHECK_FALSE(files.exists("/d/tmp").value());
    }
}

TEST_CASE("a file replaced is old or new at every failing step", "[base][file][support]") {
    for (const FileCall call : {FileCall::kOpen,
                                FileCall::kWrite,
                                FileCall::kSync,
                                FileCall::kRename,
                                FileCall::kSyncFolder}) {
        CAPTURE(static_cast<int>(call));
        MemoryFiles memory;
        memory.put("/state", "old");
        FaultFiles files(memory);
        files.fail_at(call, 1, {Code::kNoSpace, 1});
        const auto outcome = base::replace_file(files, "/state", "new");
        REQUIRE(outcome.has_error());
        CHECK(outcome.error().code() == Code::kNoSpace);
        memory.power_cut();
        CHECK(memory.content("/state") == "old");
        REQUIRE(base::replace_file(files, "/state", "new").has_value());
        memory.power_cut();
        CHECK(memory.content("/state") == "new");
    }
}

TEST_CASE("faults hit the call they were set for", "[support][file]") {
    MemoryFiles memory;
    FaultFiles files(memory);
    auto file = files.create("/f").value();
    files.fail_at(FileCall::kWrite, 2, {Code::kIo, 2});
    CHECK(file->append("abc").has_value());
    CHECK(file->append("defg").error().code() == Code::kIo);
    CHECK(memory.content("/f") == "abcde");
    CHECK(file->append("x").has_value());
    CHECK(files.calls(FileCall::kWrite) == 3);
    files.fail_at(FileCall::kSync, 1, {.forever = true});
    CHECK(file->sync().has_error());
    CHECK(file->sync_data().has_error());
    files.heal();
    CHECK(file->sync().has_value());
}

TEST_CASE("a small disk fills up and takes what fits", "[support][file]") {
    MemoryFiles files;
    files.set_capacity(5);
    auto file = files.create("/f").value();
    REQUIRE(file->append("abc").has_value());
    CHECK(file->append("defg").error().code() == Code::kNoSpace);
    CHECK(files.content("/f") == "abcde");
    REQUIRE(file->truncate(0).has_value());
    CHECK(file->append("defg").has_value());
    files.tear_tail("/f", 1);
    files.flip_bit("/f", 0, 0);
    CHECK(files.content("/f") == "eef");
}
