// Appends, queries, cuts and compactions beside one another.
#include <algorithm>
#include <array>
#include <atomic>
#include <thread>

#include <catch2/catch.hpp>

#include "base/sync.h"
#include "model/sample.h"
#include "test/support/memory_files.h"
#include "test/tsdb/storage_model.h"

namespace {

using test_support::MemoryFiles;
using tsdb_test::Process;

constexpr int64_t kStart = 1'700'006'400'000;
constexpr int64_t kStep = 20'000;
constexpr int kWriters = 3;
constexpr int kReaders = 2;
constexpr int64_t kChurnSteps = 90;  // then a series gives way to another

model::Labels labels_of(int writer, int series, int64_t step) {
    return model::Labels{{"__name__", "c"},
                         {"epoch", std::to_string(series == 0 ? 0 : step / kChurnSteps)},
                         {"id", std::to_string(writer * 10 + series)}};
}

double value_of(int writer, int series, int64_t step) {
    return static_cast<double>(step * 100 + writer * 10 + series);
}

class Bustle {
  public:
    // Goes on for that long, and on a busy machine until everything has got its turn.
    explicit Bustle(std::chrono::milliseconds duration)
        : duration_(duration), process_(files_, options()) {}

    std::string run() {
        if (const base::Status started = process_.start(); !started) {
            return std::string(started.error().message());
        }
        until_ = std::chrono::steady_clock::now() + duration_;
        std::vector<std::thread> threads;
        for (int i = 0; i < kWriters; ++i) {
            threads.emplace_back([this, i] { write(i); });
        }
        for (int i = 0; i < kReaders; ++i) {
            threads.emplace_back([this] { read(); });
        }
        while (!over()) {
            if (const base::Status done = process_.db().run_upkeep(); !done) {
                complain("upkeep: " + std::string(done.error().message()));
            }
            static_cast<void>(process_.db().cardinality(10));
            ++upkeeps_;
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        check_answer(process_.db());
        return wrong();
    }

    [[nodiscard]] int64_t steps(int writer) const { return done_[static_cast<size_t>(writer)]; }

    [[nodiscard]] uint64_t queries() const { return queries_; }

    [[nodiscard]] size_t blocks() { return process_.db().blocks().size(); }

  private:
    static constexpr int kSeries = 4;
    static constexpr std::chrono::seconds kPatience{60};
    static constexpr std::chrono::milliseconds kBlockRange = std::chrono::minutes(10);
    static constexpr std::chrono::milliseconds kHeadSpanMax = 3 * kBlockRange;

    static tsdb::TsdbOptions options() {
        tsdb::TsdbOptions options;
        options.path = "/data";
        options.min_block_duration = kBlockRange;
        options.samples_per_chunk = 8;
        options.retention = {};
        return options;
    }

    [[nodiscard]] bool over() {
        const auto now = std::chrono::steady_clock::now();
        return !wrong().empty() || (now >= until_ && (had_turns() || now >= until_ + kPatience));
    }

    [[nodiscard]] bool had_turns() {
        return queries_ > 0 && blocks() > 0 &&
               std::ranges::all_of(done_, [](const auto& steps) { return steps.load() > 0; });
    }

    void write(int writer) {
        const auto appender = process_.db().appender(static_cast<model::Origin>(writer));
        for (int64_t step = 0; !over(); ++step) {
            wait_for_upkeep();
            wait_for_others(writer, step);
            bool whole = false;
            for (int attempt = 0; attempt < 1000 && !whole; ++attempt) {
                whole = write_step(*appender, writer, step);
            }
            if (!whole) {
                complain("a commit is refused again and again");
            }
            done_[static_cast<size_t>(writer)].store(step + 1);
        }
    }

    // Time goes by a thousand times faster here than for a server, and a cut takes as long: writers
    // that did not wait for it would leave the upkeep hours of it to cut, long after they ended.
    void wait_for_upkeep() {
        const auto is_behind = [&] {
            const tsdb::HeadStats head = process_.db().stats();
            return head.min_time <= head.max_time &&
                   head.max_time - head.min_time > kHeadSpanMax.count();
        };
        while (is_behind() && !over()) {
            std::this_thread::yield();
        }
    }

    // No writer falls behind what the head still accepts.
    void wait_for_others(int writer, int64_t step) {
        for (size_t i = 0; i < kWriters; ++i) {
            while (static_cast<int>(i) != writer && done_[i].load() + 8 < step && !over()) {
                std::this_thread::yield();
            }
        }
    }

    // A series that was let go between resolve() and commit() is resolved again; what was stored
    // before is the same sample again.
    bool write_step(model::Appender& appender, int writer, int64_t step) {
        model::AppendBatch batch;
        for (int series = 0; series < kSeries; ++series) {
            const model::Labels labels = labels_of(writer, series, step);
            const auto handle = appender.resolve(labels, labels.hash(), nullptr);
            if (!handle) {
                complain(std::string(handle.error().message()));
                return true;
            }
            batch.floats.push_back({.series = handle.value(),
                                    .t = kStart + step * kStep,
                                    .v = value_of(writer, series, step)});
        }
        const auto report = model::commit_and_wait(appender, std::move(batch));
        if (!report) {
            complain(std::string(report.error().message()));
            return true;
        }
        for (const model::Rejected& rejected : report.value().rejected) {
            if (rejected.reason != model::RejectReason::kUnknownSeries) {
                complain("rejected for reason " +
                         std::to_string(static_cast<int>(rejected.reason)));
            }
        }
        return report.value().rejected.empty();
    }

    void read() {
        while (!over()) {
            check_answer(process_.db());
            static_cast<void>(blocks());
            ++queries_;
        }
    }

    // Everything that was acknowledged before the query is in the answer, and nothing is wrong.
    void check_answer(tsdb::Db& db) {
        std::array<int64_t, kWriters> steps{};
        for (size_t i = 0; i < kWriters; ++i) {
            steps[i] = done_[i].load();
        }
        const auto got = tsdb_test::ask(db);
        if (!got) {
            complain("query: " + std::string(got.error().message()));
            return;
        }
        for (int writer = 0; writer < kWriters; ++writer) {
            for (int64_t step = 0; step < steps[static_cast<size_t>(writer)]; ++step) {
                for (int series = 0; series < kSeries; ++series) {
                    check_sample(got.value(), writer, series, step);
                }
            }
        }
    }

    void check_sample(const tsdb_test::Answers& got, int writer, int series, int64_t step) {
        const std::string name = labels_of(writer, series, step).to_series_string();
        const auto line = got.find(name);
        const auto at = line == got.end() ? tsdb_test::Line::const_iterator()
                                          : line->second.find(kStart + step * kStep);
        if (line == got.end() || at == line->second.end()) {
            complain(name + " misses step " + std::to_string(step));
        } else if (at->second != tsdb_test::value_text({.v = value_of(writer, series, step)})) {
            complain(name + " is wrong at step " + std::to_string(step));
        }
    }

    void complain(const std::string& what) EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        wrong_ = wrong_.empty() ? what : wrong_;
    }

    [[nodiscard]] std::string wrong() EXCLUDES_LOCK(mutex_) {
        const base::MutexLock lock(mutex_);
        return wrong_;
    }

    const std::chrono::milliseconds duration_;
    std::chrono::steady_clock::time_point until_;
    MemoryFiles files_;
    std::array<std::atomic<int64_t>, kWriters> done_{};
    std::atomic<uint64_t> queries_{0};
    uint64_t upkeeps_ = 0;
    base::Mutex mutex_;
    std::string wrong_ GUARDED_BY(mutex_);
    Process process_;
};

void bustle_for(std::chrono::milliseconds duration) {
    Bustle bustle(duration);
    CHECK(bustle.run() == "");
    CHECK(bustle.queries() > 0);
    CHECK(bustle.blocks() > 0);
    for (int i = 0; i < kWriters; ++i) {
        CHECK(bustle.steps(i) > 0);
    }
}

}  // namespace

TEST_CASE("db answers in full while it is appended to, cut and compacted",
          "[tsdb][proof][threads]") {
    bustle_for(std::chrono::seconds(1));
}

TEST_CASE("db answers in full through ten seconds of everything at once",
          "[.nightly][tsdb][proof][threads]") {
    bustle_for(std::chrono::seconds(10));
}
