// What becomes of a storage when one call of its disk fails, whichever it is.
#include <iostream>

#include <catch2/catch.hpp>

#include "test/support/fault_files.h"
#include "test/support/memory_files.h"
#include "test/tsdb/storage_model.h"

namespace {

using test_support::FaultFiles;
using test_support::FileCall;
using test_support::FileFault;
using test_support::kFileCalls;
using test_support::MemoryFiles;
using tsdb_test::Answers;
using tsdb_test::Process;
using tsdb_test::Staged;

constexpr int64_t kMinute = 60'000;
constexpr int64_t kStart = 1'700'006'400'000;

tsdb::TsdbOptions options_of() {
    tsdb::TsdbOptions options;
    options.path = "/data";
    options.min_block_duration = std::chrono::minutes(10);
    options.samples_per_chunk = 6;
    options.retention = {};
    options.wal_sync_interval = std::chrono::milliseconds(0);
    return options;
}

// A storage's life: filled, cut, compacted, opened again, filled. Whatever fails goes on.
class Life {
  public:
    // returns  what went wrong; empty: nothing
    std::string run(FileCall call, uint64_t nth, const FileFault& fault) {
        if (nth != 0) {
            faults_.fail_at(call, nth, fault);
        }
        for (int round = 0; round < 3; ++round) {
            live_once(round);
        }
        faults_.heal();
        Process process(faults_, options_of());
        if (const base::Status started = process.start(); !started) {
            return "open on a healed disk: " + std::string(started.error().message());
        }
        const auto got = tsdb_test::ask(process.db());
        if (!got) {
            return "query on a healed disk: " + std::string(got.error().message());
        }
        compare(got.value());
        const auto more = tsdb_test::commit(process.db(), scrape(), want_, maybe_);
        if (!more || !more.value()) {
            return wrong_ + "nothing can be appended on a healed disk\n";
        }
        if (const base::Status done = process.db().run_upkeep(); !done) {
            wrong_ += "upkeep on a healed disk: " + std::string(done.error().message()) + "\n";
        }
        return wrong_;
    }

    [[nodiscard]] uint64_t calls(FileCall call) const { return faults_.calls(call); }

  private:
    void live_once(int round) {
        Process process(faults_, options_of());
        if (!note(process.start(), "open")) {
            return;
        }
        for (int i = 0; i < 14; ++i) {
            const auto done = tsdb_test::commit(process.db(), scrape(), want_, maybe_);
            note_result(done, "commit");
        }
        note(process.db().run_upkeep(), "upkeep");
        if (round == 1) {
            note(process.db().cut_head(now_ - 3 * kMinute), "cut");
        }
        const auto got = tsdb_test::ask(process.db());
        note_result(got, "query");
        note(process.db().stop(), "stop");
    }

    // Whether it went well. An error says which file it is about.
    bool note(const base::Status& status, const std::string& what) {
        const bool ours = status || status.error().message().find('/') != std::string::npos;
        if (!ours) {
            wrong_ +=
                what + ": the error names no file: " + std::string(status.error().message()) + "\n";
        }
        return status.has_value();
    }

    template <class T>
    void note_result(const base::Result<T>& result, const std::string& what) {
        if (!result) {
            note(base::fail(result.error()), what);
        }
    }

    std::vector<Staged> scrape() {
        now_ += 2 * kMinute;
        std::vector<Staged> samples;
        for (int i = 0; i < 3; ++i) {
            samples.push_back({.labels = model::Labels{{"__name__", "m"}, {"i", std::to_string(i)}},
                               .sample = {.t = now_, .v = static_cast<double>(now_ % 7001 + i)}});
        }
        return samples;
    }

    // All that was acknowledged is there; of the rest only what was tried.
    void compare(const Answers& got) {
        if (const std::string lost = tsdb_test::surplus(want_, got); !lost.empty()) {
            wrong_ += "lost: " + lost + "\n";
        }
        Answers allowed = want_;
        for (const auto& [series, line] : maybe_) {
            allowed[series].insert(line.begin(), line.end());
        }
        if (const std::string extra = tsdb_test::surplus(got, allowed); !extra.empty()) {
            wrong_ += "invented: " + extra + "\n";
        }
    }

    MemoryFiles disk_;
    FaultFiles faults_{disk_};
    int64_t now_ = kStart;
    Answers want_;
    Answers maybe_;
    std::string wrong_;
};

// Each call of each kind fails, or every `stride`-th does. returns  faults injected
uint64_t inject_everywhere(uint64_t stride) {
    Life healthy;
    REQUIRE(healthy.run(FileCall::kOpen, 0, {}).empty());
    const std::vector<FileFault> faults = {
        {.code = base::Code::kIo},
        {.code = base::Code::kNoSpace, .bytes_written = 7},
        {.code = base::Code::kIo, .forever = true},
    };
    uint64_t injected = 0;
    uint64_t turn = 0;
    for (size_t kind = 0; kind < kFileCalls; ++kind) {
        const auto call = static_cast<FileCall>(kind);
        for (uint64_t nth = 1; nth <= healthy.calls(call); ++nth) {
            for (size_t i = 0; i < faults.size(); ++i) {
                // Reading cannot run out of space.
                const bool writes = call == FileCall::kWrite || call == FileCall::kSync ||
                                    call == FileCall::kTruncate || call == FileCall::kMakeFolders;
                if ((!writes && faults[i].code == base::Code::kNoSpace) || turn++ % stride != 0) {
                    continue;
                }
                const std::string wrong = Life().run(call, nth, faults[i]);
                ++injected;
                INFO("kind " << kind << ", call " << nth << ", fault " << i);
                if (!wrong.empty()) {
                    FAIL_CHECK(wrong);
                }
            }
        }
    }
    return injected;
}

}  // namespace

TEST_CASE("db loses nothing when a call of its disk fails", "[tsdb][proof][fault]") {
    CHECK(inject_everywhere(37) > 0);
}

TEST_CASE("db loses nothing whichever call of its disk fails", "[.nightly][tsdb][proof][fault]") {
    const uint64_t injected = inject_everywhere(1);
    std::cout << injected << " faults\n";
    CHECK(injected >= 2000);
}
