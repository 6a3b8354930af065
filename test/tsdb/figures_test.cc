// Figures, printed: bytes per series, nanoseconds per sample. Hidden; run tsdb_test "[.figures]" of
// an optimised build.
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <thread>

#include <malloc.h>
#include <unistd.h>

#include "base/random.h"
#include "test/support/temp_folder.h"
#include "test/tsdb/db_fixture.h"

namespace {

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int kTargets = 100;
constexpr int kSeriesPerTarget = 1000;
constexpr double kSeries = kTargets * kSeriesPerTarget;

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double resident_bytes() {
    std::ifstream file("/proc/self/statm");
    double pages = 0;
    file >> pages >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// A series as exporters have them: ten labels, most of them the target's.
model::Labels series_labels(int target, int series) {
    const std::string instance = "10.0.12." + std::to_string(target) + ":9100";
    const std::string pod = "checkout-7f9c6d5b8-" + std::to_string(target * 7919 + 10000);
    const std::string name = "http_request_metric_" + std::to_string(series / 10) + "_total";
    const std::string path = "/api/v1/orders/" + std::to_string(series % 10);
    return model::Labels::from_unsorted({{"__name__", name},
                                         {"instance", instance},
                                         {"job", "checkout"},
                                         {"namespace", "shop"},
                                         {"pod", pod},
                                         {"node", instance},
                                         {"method", series % 2 == 0 ? "GET" : "POST"},
                                         {"code", "200"},
                                         {"handler", path},
                                         {"version", "v2.13"}});
}

class Value {
  public:
    explicit Value(base::Random& random) : random_(random) {}

    // A third of the series stand still, half are counters that often do, the others are gauges
    // with two decimals.
    double next(int series, double before) {
        const int kind = series % 6;
        if (kind < 2 || random_.below(100) < 30) {
            return before;
        }
        if (kind == 5) {
            return static_cast<double>(random_.below(1000)) / 100;
        }
        return before + static_cast<double>(1 + random_.below(20));
    }

  private:
    base::Random& random_;
};

// Several targets' commits at once, as a tick of scrapes makes them.
class CountingListener final : public model::CommitListener {
  public:
    void committed(base::Result<model::CommitReport> report, model::AppendBatch&&) override {
        const base::MutexLock lock(mutex_);
        accepted_ += report ? report.value().accepted : 0;
        ++answered_;
        changed_.notify_one();
    }

    void wait_for(int answers) {
        const base::MutexLock lock(mutex_);
        while (answered_ < answers) {
            changed_.wait(mutex_);
        }
    }

    uint64_t accepted() {
        const base::MutexLock lock(mutex_);
        return accepted_;
    }

  private:
    base::Mutex mutex_;
    base::CondVar changed_;
    int answered_ GUARDED_BY(mutex_) = 0;
    uint64_t accepted_ GUARDED_BY(mutex_) = 0;
};

void print_memory(const tsdb::HeadMemory& memory, double resident) {
    for (size_t i = 0; i < tsdb::kHeadParts; ++i) {
        std::printf("  %-14s %7.1f B/series\n",
                    std::string(tsdb::kHeadPartNames[i]).c_str(),
                    static_cast<double>(memory.bytes(static_cast<tsdb::HeadPart>(i))) / kSeries);
    }
    std::printf(
        "  %-14s %7.1f B/series\n", "accounted", static_cast<double>(memory.total()) / kSeries);
    std::printf("  %-14s %7.1f B/series\n", "resident", resident / kSeries);
}

}  // namespace

TEST_CASE("figures of the head and its log", "[.figures]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    tsdb::TsdbOptions options;
    options.path = folder.path();
    const double resident_before = resident_bytes();
    auto node = std::make_unique<tsdb_test::Node>(*files, options);
    base::SeededRandom random(1);
    Value values(random);
    std::vector<std::unique_ptr<model::Appender>> appenders;
    std::vector<std::vector<model::SeriesHandle>> handles(kTargets);
    double resolving = 0;
    for (int target = 0; target < kTargets; ++target) {
        appenders.push_back(
            node->db().appender(model::origin_of("checkout", std::to_string(target))));
        std::vector<model::Labels> labels;
        for (int series = 0; series < kSeriesPerTarget; ++series) {
            labels.push_back(series_labels(target, series));
        }
        const double began = cpu_seconds();
        for (const auto& of_series : labels) {
            handles[target].push_back(
                appenders[target]->resolve(of_series, of_series.hash(), nullptr).value());
        }
        resolving += cpu_seconds() - began;
    }
    std::printf("new series: %.0f ns\n", resolving / kSeries * 1e9);
    print_memory(node->db().memory(), resident_bytes() - resident_before);

    std::vector<double> last(static_cast<size_t>(kSeries));
    const auto scrape = [&](int64_t t) {
        std::vector<model::AppendBatch> batches(kTargets);
        for (int target = 0; target < kTargets; ++target) {
            for (int series = 0; series < kSeriesPerTarget; ++series) {
                double& v = last[static_cast<size_t>(target * kSeriesPerTarget + series)];
                v = values.next(series, v);
                batches[target].floats.push_back({handles[target][series], t + target * 7, v});
            }
        }
        return batches;
    };
    double commits = 0;
    int scrapes = 0;
    uint64_t accepted = 0;
    for (; scrapes < 120; ++scrapes) {
        auto batches = scrape(kNow + int64_t{scrapes} * 15000);
        CountingListener listener;
        const double began = cpu_seconds();
        for (int target = 0; target < kTargets; ++target) {
            appenders[target]->commit(std::move(batches[target]), listener);
        }
        listener.wait_for(kTargets);
        commits += cpu_seconds() - began;
        accepted += listener.accepted();
        if (scrapes == 59) {
            std::printf("after 60 samples per series:\n");
            print_memory(node->db().memory(), resident_bytes() - resident_before);
        }
    }
    REQUIRE(accepted == static_cast<uint64_t>(kSeries) * 120);
    // The log forgets what it kept for a failing sync; the allocator what the burst needed.
    std::this_thread::sleep_for(options.wal_sync_interval * 2);
    malloc_trim(0);
    std::printf("after 120 samples per series, at rest:\n");
    print_memory(node->db().memory(), resident_bytes() - resident_before);
    std::printf("commit with log: %.1f ns/sample\n", commits / kSeries / scrapes * 1e9);

    // Everything read and decoded once.
    std::vector<int64_t> t(1000);
    std::vector<double> v(1000);
    uint64_t decoded = 0;
    uint64_t chunk_bytes = 0;
    const double began_read = cpu_seconds();
    {
        auto querier = node->db().querier(model::kMinTime, model::kMaxTime);
        auto set = querier.value()->select({}, {}, {});
        model::SeriesBatch batch;
        while (set.value()->next(batch).value()) {
            for (const auto& series : batch.series) {
                for (const auto& chunk : series.chunks) {
                    if (model::xor_decode(chunk.bytes, t.data(), v.data())) {
                        decoded += model::xor_count(chunk.bytes);
                        chunk_bytes += chunk.bytes.size();
                    }
                }
            }
        }
    }
    std::printf("select and decode: %.1f ns/sample\n",
                (cpu_seconds() - began_read) / static_cast<double>(decoded) * 1e9);
    REQUIRE(decoded == accepted);
    std::printf("chunks: %.2f B/sample\n",
                static_cast<double>(chunk_bytes) / static_cast<double>(decoded));

    node.reset();
    uint64_t log_bytes = 0;
    const auto entries = files->list(folder.path() + "/wal");
    for (const auto& entry : entries.value()) {
        log_bytes += files->stat(folder.path() + "/wal/" + entry.name).value().size;
    }
    std::printf("log: %.2f B/sample\n",
                static_cast<double>(log_bytes) / static_cast<double>(accepted));
    const double began_replay = cpu_seconds();
    const auto wall = std::chrono::steady_clock::now();
    node = std::make_unique<tsdb_test::Node>(*files, options);
    std::printf("replay: %.1f ns of CPU per sample, %.2f s\n",
                (cpu_seconds() - began_replay) / static_cast<double>(accepted) * 1e9,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count());
    REQUIRE(node->db().replay_report().samples == accepted);
}

TEST_CASE("figures of appending without the log", "[.figures]") {
    base::Budget budget("figures");
    tsdb::Head head(budget, {});
    base::SeededRandom random(1);
    Value values(random);
    std::vector<tsdb::SlotEntry> slots;
    for (int target = 0; target < kTargets; ++target) {
        for (int series = 0; series < kSeriesPerTarget; ++series) {
            const auto labels = series_labels(target, series);
            const auto handle =
                head.resolve(labels, labels.hash(), static_cast<model::Origin>(target), nullptr);
            slots.push_back(head.at(handle.value().slot));
        }
    }
    std::vector<double> last(slots.size());
    double spent = 0;
    int scrapes = 0;
    for (; scrapes < 100; ++scrapes) {
        std::vector<tsdb::HeadSample> samples(slots.size());
        for (size_t i = 0; i < slots.size(); ++i) {
            last[i] = values.next(static_cast<int>(i), last[i]);
            samples[i] = {.series = slots[i],
                          .t = kNow + int64_t{scrapes} * 15000,
                          .bits = std::bit_cast<uint64_t>(last[i]),
                          .index = 0};
        }
        const double began = cpu_seconds();
        for (int target = 0; target < kTargets; ++target) {
            const auto of_target = std::span(samples).subspan(
                static_cast<size_t>(target) * kSeriesPerTarget, kSeriesPerTarget);
            REQUIRE(head.apply(of_target, model::kMinTime, [](const auto&, auto) {}) ==
                    kSeriesPerTarget);
        }
        spent += cpu_seconds() - began;
    }
    std::printf("append without log: %.1f ns/sample\n", spent / kSeries / scrapes * 1e9);
}
