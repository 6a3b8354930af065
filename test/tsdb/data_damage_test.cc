// Data folders with bits flipped, and data folders gone bad in every way we know of: the storage
// opens, and what it answers is right or said to be incomplete.
#include <filesystem>
#include <functional>
#include <iostream>

#include <catch2/catch.hpp>

#include "base/random.h"
#include "test/support/memory_files.h"
#include "test/support/seed.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/storage_model.h"
#include "tsdb/quarantine.h"

namespace {

using test_support::MemoryFiles;
using tsdb_test::Answers;
using tsdb_test::Process;
using tsdb_test::Staged;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'006'400'000;

// Content of every file by its path.
using Image = std::map<std::string, std::string>;

tsdb::TsdbOptions options_of(const std::string& path = "/data") {
    tsdb::TsdbOptions options;
    options.path = path;
    options.min_block_duration = std::chrono::minutes(10);
    options.max_block_duration = std::chrono::minutes(10);  // nothing is compacted
    options.samples_per_chunk = 6;
    options.retention = {};
    return options;
}

void read_folder(base::Files& files, const std::string& folder, Image& image) {
    const auto entries = files.list(folder);
    REQUIRE(entries);
    for (const auto& entry : entries.value()) {
        const std::string path = base::join_path(folder, entry.name);
        if (entry.is_directory) {
            read_folder(files, path, image);
        } else {
            auto bytes = base::read_file(files, path, size_t{64} << 20);
            REQUIRE(bytes);
            image[path] = std::move(bytes).value();
        }
    }
}

void write_image(base::Files& files, const Image& image) {
    for (const auto& [path, bytes] : image) {
        REQUIRE(files.make_folders(base::parent_path(path)));
        auto file = files.create(path);
        REQUIRE(file);
        REQUIRE(file.value()->append(bytes));
    }
}

// A small storage with blocks, a checkpoint, segments and head chunks.
struct Sample {
    Image image;
    Answers want;

    Sample() {
        MemoryFiles files;
        Answers maybe;
        int64_t now = kStart;
        for (int life = 0; life < 4; ++life) {
            Process process(files, options_of());
            REQUIRE(process.start());
            for (int i = 0; i < 20; ++i) {
                now += kMinute / 2;
                std::vector<Staged> samples;
                for (int series = 0; series < 4; ++series) {
                    samples.push_back(
                        {.labels = model::Labels{{"__name__", "m"}, {"i", std::to_string(series)}},
                         .sample = {.t = now, .v = static_cast<double>(now % 7001 + series)}});
                }
                REQUIRE(tsdb_test::commit(process.db(), samples, want, maybe));
            }
            REQUIRE(process.db().run_upkeep());
            process.end();
        }
        read_folder(files, "/data", image);
        image.erase("/data/lock");
    }
};

const Sample& sample() {
    static const Sample sample;
    return sample;
}

// Opens the storage and asks it for everything.
struct Outcome {
    std::string wrong;   // a promise that was broken
    bool told = false;   // damage was reported, or the query failed
    bool whole = false;  // the answer has everything
};

//   silently  what is gone leaves no trace that anybody could tell of
Outcome examine(base::Files& files,
                const tsdb::TsdbOptions& options,
                const Answers& want,
                bool silently = false) {
    Outcome outcome;
    Process process(files, options);
    if (const base::Status started = process.start(); !started) {
        outcome.wrong = "not opened: " + std::string(started.error().message());
        return outcome;
    }
    const auto got = tsdb_test::ask(process.db());
    outcome.told =
        !got || !process.db().replay_report().damages.empty() || !process.db().findings().empty();
    if (!got) {
        if (got.error().code() == base::Code::kInternal || got.error().message().empty()) {
            outcome.wrong = "bad answer: " + std::string(got.error().message());
        }
        return outcome;
    }
    outcome.wrong = tsdb_test::surplus(got.value(), want);
    const std::string missing = tsdb_test::surplus(want, got.value());
    outcome.whole = missing.empty();
    if (outcome.wrong.empty() && !outcome.whole && !outcome.told && !silently) {
        outcome.wrong = "silently lost: " + missing;
    }
    return outcome;
}

void flip_bits(uint64_t count) {
    const uint64_t seed = test_support::test_seed();
    base::SeededRandom random(seed);
    std::vector<std::string> paths;
    for (const auto& [path, bytes] : sample().image) {
        if (!bytes.empty()) {
            paths.push_back(path);
        }
    }
    uint64_t told = 0;
    for (uint64_t i = 0; i < count; ++i) {
        Image image = sample().image;
        const std::string& path = paths[random.below(paths.size())];
        std::string& bytes = image[path];
        const size_t at = random.below(bytes.size());
        const unsigned bit = static_cast<unsigned>(random.below(8));
        bytes[at] = static_cast<char>(static_cast<uint8_t>(bytes[at]) ^ (1U << bit));
        MemoryFiles files;
        write_image(files, image);
        const Outcome outcome = examine(files, options_of(), sample().want);
        told += outcome.told ? 1 : 0;
        if (!outcome.wrong.empty()) {
            FAIL_CHECK(path << " byte " << at << " bit " << bit << ": " << outcome.wrong);
        }
    }
    std::cout << count << " bit flips from SKEIN_SEED=" << seed << ", " << told << " told\n";
}

// The image's folders and files by what they are.
std::vector<std::string> blocks_of(const Image& image) {
    std::vector<std::string> blocks;
    for (const auto& [path, bytes] : image) {
        if (path.ends_with("/meta.json")) {
            blocks.push_back(base::parent_path(path));
        }
    }
    return blocks;
}

std::vector<std::string> files_under(const Image& image, const std::string& folder) {
    std::vector<std::string> found;
    for (const auto& [path, bytes] : image) {
        if (path.starts_with(folder)) {
            found.push_back(path);
        }
    }
    return found;
}

void remove_under(Image& image, const std::string& folder) {
    for (const std::string& path : files_under(image, folder)) {
        image.erase(path);
    }
}

void copy_folder(Image& image, const std::string& from, const std::string& to) {
    for (const std::string& path : files_under(image, from + "/")) {
        image[to + path.substr(from.size())] = image[path];
    }
}

void replace_in(std::string& text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
}

struct Fixture {
    std::string name;
    std::function<void(Image&)> spoil;
    bool silently = false;  // nothing is left that could tell of what was taken away
};

std::vector<Fixture> fixtures() {
    std::vector<Fixture> all;
    const std::string block = blocks_of(sample().image).front();
    const std::string second = blocks_of(sample().image).at(1);
    const std::string last = blocks_of(sample().image).back();
    const std::vector<std::string> parts = {
        "/meta.json", "/index", "/chunks/000001", "/tombstones", "/checksums"};
    for (const std::string& part : parts) {
        all.push_back({"missing" + part, [=](Image& image) { image.erase(block + part); }});
        all.push_back({"empty" + part, [=](Image& image) { image[block + part] = ""; }});
        all.push_back({"halved" + part, [=](Image& image) {
                           std::string& bytes = image[block + part];
                           bytes.resize(bytes.size() / 2);
                       }});
        all.push_back({"zeroed" + part, [=](Image& image) {
                           std::string& bytes = image[block + part];
                           bytes.assign(bytes.size(), '\0');
                       }});
        all.push_back({"of another block" + part,
                       [=](Image& image) { image[block + part] = image[second + part]; }});
    }
    all.push_back({"index and chunks swapped", [=](Image& image) {
                       std::swap(image[block + "/index"], image[block + "/chunks/000001"]);
                   }});
    all.push_back({"a block twice", [=](Image& image) {
                       copy_folder(image, block, "/data/01BX5ZZKBKACTAV9WEVGEMMVRZ");
                   }});
    all.push_back({"a block of the future", [=](Image& image) {
                       replace_in(image[block + "/meta.json"], "\"version\": 1", "\"version\": 9");
                   }});
    all.push_back(
        {"an index of the future", [=](Image& image) { image[block + "/index"][4] = 9; }});
    all.push_back({"a foreign block", [=](Image& image) {
                       copy_folder(image, block, "/data/01BX5ZZKBKACTAV9WEVGEMMVRZ");
                       image.erase("/data/01BX5ZZKBKACTAV9WEVGEMMVRZ/checksums");
                       image["/data/01BX5ZZKBKACTAV9WEVGEMMVRZ/meta.json"] = "<xml/>";
                   }});
    all.push_back({"a block being written",
                   [=](Image& image) { copy_folder(image, block, block + ".tmp-for-creation"); }});
    all.push_back({"a block being deleted", [=](Image& image) {
                       copy_folder(
                           image, block, "/data/01BX5ZZKBKACTAV9WEVGEMMVRZ.tmp-for-deletion");
                   }});
    all.push_back(
        {"no newest block", [=](Image& image) { remove_under(image, last + "/"); }, true});
    all.push_back({"no blocks",
                   [](Image& image) {
                       for (const std::string& folder : blocks_of(image)) {
                           remove_under(image, folder + "/");
                       }
                   },
                   true});
    all.push_back({"a block without a name of text",
                   [=](Image& image) { copy_folder(image, block, "/data/\xff\xfe\x80"); }});
    all.push_back({"a file with a block's name",
                   [](Image& image) { image["/data/01BX5ZZKBKACTAV9WEVGEMMVRZ"] = "nothing"; }});
    all.push_back({"an empty folder's worth of a block", [](Image& image) {
                       image["/data/01BX5ZZKBKACTAV9WEVGEMMVRZ/chunks/000001"] = "";
                   }});

    const auto logs = files_under(sample().image, "/data/wal/0");
    const auto checkpoint = files_under(sample().image, "/data/wal/checkpoint.");
    REQUIRE(logs.size() >= 2);
    for (size_t i = 0; i < logs.size() && i < 4; ++i) {
        const std::string path = logs[i];
        all.push_back({"missing " + path, [=](Image& image) { image.erase(path); }});
        all.push_back({"empty " + path, [=](Image& image) { image[path] = ""; }, true});
        all.push_back({"noise in " + path,
                       [=](Image& image) { image[path].replace(0, 64, std::string(64, '\x5a')); }});
    }
    for (const std::string& path : checkpoint) {
        all.push_back({"missing " + path, [=](Image& image) { image.erase(path); }});
        all.push_back({"empty " + path, [=](Image& image) { image[path] = ""; }});
        all.push_back({"noise in " + path,
                       [=](Image& image) { image[path].replace(0, 64, std::string(64, '\x5a')); }});
    }
    all.push_back({"segments swapped",
                   [=](Image& image) { std::swap(image[logs.front()], image[logs.back()]); }});
    all.push_back({"no log", [](Image& image) { remove_under(image, "/data/wal/"); }, true});
    all.push_back(
        {"a segment with a strange name", [](Image& image) { image["/data/wal/\xff.seg"] = "x"; }});
    all.push_back({"a checkpoint being written", [](Image& image) {
                       image["/data/wal/checkpoint.00000099.tmp/00000000"] = "x";
                   }});
    const auto chunks = files_under(sample().image, "/data/chunks_head/");
    for (const std::string& path : chunks) {
        all.push_back({"missing " + path, [=](Image& image) { image.erase(path); }});
        all.push_back({"empty " + path, [=](Image& image) { image[path] = ""; }});
        all.push_back(
            {"halved " + path, [=](Image& image) { image[path].resize(image[path].size() / 2); }});
    }
    all.push_back(
        {"no head chunks", [](Image& image) { remove_under(image, "/data/chunks_head/"); }});
    all.push_back({"head chunks that are none", [](Image& image) {
                       image["/data/chunks_head/000099"] = std::string(4096, '\x77');
                       image["/data/chunks_head/readme"] = "hello";
                   }});
    return all;
}

}  // namespace

TEST_CASE("db opens any folder with a flipped bit, and answers right or tells",
          "[tsdb][proof][damage]") {
    flip_bits(300);
}

TEST_CASE("db survives 100,000 flipped bits, one at a time", "[.nightly][tsdb][proof][damage]") {
    flip_bits(100'000);
}

TEST_CASE("db opens every kind of bad data folder, and tells what is wrong",
          "[tsdb][proof][damage]") {
    const std::vector<Fixture> all = fixtures();
    CHECK(all.size() >= 40);
    for (const Fixture& fixture : all) {
        INFO(fixture.name);
        Image image = sample().image;
        fixture.spoil(image);
        MemoryFiles files;
        write_image(files, image);
        CHECK(examine(files, options_of(), sample().want, fixture.silently).wrong == "");
        // What was set aside or mended does not come back.
        CHECK(examine(files, options_of(), sample().want, true).wrong == "");
    }
}

TEST_CASE("db opens a folder with a link that leads to itself", "[tsdb][proof][damage]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    Image image;
    for (const auto& [path, bytes] : sample().image) {
        image[folder / path.substr(1)] = bytes;
    }
    write_image(*files, image);
    std::filesystem::create_directory_symlink("01BX5ZZKBKACTAV9WEVGEMMVRZ",
                                              folder / "data/01BX5ZZKBKACTAV9WEVGEMMVRZ");
    const Outcome outcome = examine(*files, options_of(folder / "data"), sample().want);
    CHECK(outcome.wrong == "");
    CHECK(outcome.whole);
}
