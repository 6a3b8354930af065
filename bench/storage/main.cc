// The storage alone: fills a data folder, opens it again, cuts it, and tells what that took in time
// and memory. What it leaves is a data folder as a killed server leaves it, for others to start on.
//
//   skein-storage fill  FOLDER SERIES SAMPLES INTERVAL_MS   appends; ends without closing
//   skein-storage open  FOLDER                              replays; ends without closing
//   skein-storage cut   FOLDER                              replays, then cuts and compacts what is
//   due skein-storage churn FOLDER SERIES HOURS                 a tenth of the series replaced
//   every ten
//                                                           minutes, scraped once a minute
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "base/random.h"
#include "tsdb/db.h"

namespace {

constexpr int64_t kStart = 1'700'006'400'000 / 7'200'000 * 7'200'000;  // a multiple of two hours
constexpr uint32_t kSeriesPerTarget = 1000;
constexpr size_t kCommitsAhead = 64;

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// "VmRSS" or "RssAnon" or "VmHWM" of this process, in bytes.
double memory_of(const char* field) {
    std::ifstream file("/proc/self/status");
    std::string line;
    while (std::getline(file, line)) {
        if (line.starts_with(field)) {
            return std::strtod(line.c_str() + std::strlen(field) + 1, nullptr) * 1024;
        }
    }
    return 0;
}

void print_memory(const tsdb::Db& db, double before) {
    const auto series = static_cast<double>(db.stats().series);
    for (size_t i = 0; i < tsdb::kHeadParts; ++i) {
        std::printf(
            "  %-14s %7.1f B/series\n",
            std::string(tsdb::kHeadPartNames[i]).c_str(),
            static_cast<double>(db.memory().bytes(static_cast<tsdb::HeadPart>(i))) / series);
    }
    std::printf(
        "  %-14s %7.1f B/series\n", "accounted", static_cast<double>(db.memory().total()) / series);
    std::printf("  %-14s %7.1f B/series, %.1f MiB\n",
                "resident",
                (memory_of("VmRSS") - before) / series,
                memory_of("VmRSS") / 1048576);
    std::printf("  %-14s %7.1f B/series\n", "anonymous", (memory_of("RssAnon") - before) / series);
    std::fflush(stdout);
}

// Ten labels, of which two are the series' own and a third one that of ten.
model::Labels series_labels(uint32_t target, uint32_t series, const std::string& version) {
    const std::string instance =
        "10.0." + std::to_string(target / 250) + "." + std::to_string(target % 250) + ":9100";
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
                                         {"version", version}});
}

// A third of the series stand still, half are counters that often do, the others are gauges with
// two decimals. A function of series and step, so that nothing has to be kept.
class Values {
  public:
    double next(uint32_t series, double before) {
        const uint32_t kind = series % 6;
        if (kind < 2 || random_.below(100) < 30) {
            return before;
        }
        if (kind == 5) {
            return static_cast<double>(random_.below(1000)) / 100;
        }
        return before + static_cast<double>(1 + random_.below(20));
    }

  private:
    base::SeededRandom random_{1};
};

// Keeps a bounded number of commits on their way.
class Window final : public model::CommitListener {
  public:
    void committed(base::Result<model::CommitReport> report, model::AppendBatch&& batch) override {
        const base::MutexLock lock(mutex_);
        if (!report) {
            std::printf("commit failed: %s\n", report.error().message().c_str());
        } else {
            accepted_ += report.value().accepted;
        }
        spare_.push_back(std::move(batch));
        --waiting_;
        changed_.notify_one();
    }

    model::AppendBatch enter(size_t most) {
        const base::MutexLock lock(mutex_);
        while (waiting_ >= most) {
            changed_.wait(mutex_);
        }
        ++waiting_;
        if (spare_.empty()) {
            return {};
        }
        model::AppendBatch batch = std::move(spare_.back());
        spare_.pop_back();
        return batch;
    }

    void wait_for_all() {
        const base::MutexLock lock(mutex_);
        while (waiting_ != 0) {
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
    size_t waiting_ GUARDED_BY(mutex_) = 0;
    uint64_t accepted_ GUARDED_BY(mutex_) = 0;
    std::vector<model::AppendBatch> spare_ GUARDED_BY(mutex_);
};

struct Target {
    std::unique_ptr<model::Appender> appender;
    std::vector<model::SeriesHandle> handles;
    std::vector<float> last;
};

class Storage {
  public:
    explicit Storage(const std::string& folder) {
        tsdb::TsdbOptions options;
        options.path = folder;
        auto opened = tsdb::Db::open(options, *files_, clock_, budget_, {}, registry_, {});
        if (!opened) {
            std::printf("cannot open: %s\n", opened.error().message().c_str());
            std::exit(1);
        }
        db_ = std::move(opened).value();
    }

    tsdb::Db& db() { return *db_; }

    void resolve(Target& target, uint32_t number, const std::string& version) {
        target.appender = db_->appender(model::origin_of("checkout", std::to_string(number)));
        target.handles.clear();
        for (uint32_t series = 0; series < kSeriesPerTarget; ++series) {
            const model::Labels labels = series_labels(number, series, version);
            auto handle = target.appender->resolve(labels, labels.hash(), nullptr);
            if (!handle) {
                std::printf("no series: %s\n", handle.error().message().c_str());
                std::exit(1);
            }
            target.handles.push_back(handle.value());
        }
        target.last.assign(kSeriesPerTarget, 0);
    }

    void scrape(Target& target, int64_t t) {
        model::AppendBatch batch = window_.enter(kCommitsAhead);
        for (uint32_t series = 0; series < kSeriesPerTarget; ++series) {
            float& last = target.last[series];
            last = static_cast<float>(values_.next(series, last));
            batch.floats.push_back({.series = target.handles[series], .t = t, .v = last});
        }
        target.appender->commit(std::move(batch), window_);
    }

    Window& window() { return window_; }

  private:
    std::unique_ptr<base::Files> files_ = base::make_posix_files();
    base::SystemClock clock_;
    base::Budget budget_{"process"};
    base::Registry registry_;
    std::unique_ptr<tsdb::Db> db_;
    Values values_;
    Window window_;
};

void fill(const std::string& folder, uint32_t series, int samples, int64_t interval_ms) {
    const double before = memory_of("VmRSS");
    Storage storage(folder);
    std::vector<Target> targets(series / kSeriesPerTarget);
    double began = cpu_seconds();
    for (uint32_t i = 0; i < targets.size(); ++i) {
        storage.resolve(targets[i], i, "v2.13");
    }
    std::printf("new series: %.0f ns of CPU each\n", (cpu_seconds() - began) / series * 1e9);
    began = cpu_seconds();
    const auto wall = std::chrono::steady_clock::now();
    for (int sample = 0; sample < samples; ++sample) {
        for (uint32_t i = 0; i < targets.size(); ++i) {
            storage.scrape(targets[i], kStart + sample * interval_ms + i % interval_ms);
        }
    }
    storage.window().wait_for_all();
    const auto accepted = static_cast<double>(storage.window().accepted());
    std::printf("append: %.0f samples, %.1f ns of CPU each with the log, %.1f s\n",
                accepted,
                (cpu_seconds() - began) / accepted * 1e9,
                std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count());
    std::this_thread::sleep_for(std::chrono::seconds(3));
    const double own = static_cast<double>(series) * (sizeof(float) + sizeof(model::SeriesHandle));
    print_memory(storage.db(), before + own);
    std::fflush(stdout);
    _exit(0);
}

void open(const std::string& folder, bool cut) {
    const double before = memory_of("VmRSS");
    double began = cpu_seconds();
    auto wall = std::chrono::steady_clock::now();
    Storage storage(folder);
    const auto& report = storage.db().replay_report();
    std::printf(
        "replay: %.2f s, %.2f s of CPU, %llu series, %llu samples, %llu repeated, %llu "
        "chunks mapped, peak %.1f MiB\n",
        std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count(),
        cpu_seconds() - began,
        static_cast<unsigned long long>(report.series),
        static_cast<unsigned long long>(report.samples),
        static_cast<unsigned long long>(report.repeated),
        static_cast<unsigned long long>(report.chunks),
        memory_of("VmHWM") / 1048576);
    print_memory(storage.db(), before);
    if (cut) {
        began = cpu_seconds();
        wall = std::chrono::steady_clock::now();
        const base::Status status = storage.db().run_upkeep();
        std::printf("upkeep: %.2f s, %.2f s of CPU, %zu blocks, peak %.1f MiB%s%s\n",
                    std::chrono::duration<double>(std::chrono::steady_clock::now() - wall).count(),
                    cpu_seconds() - began,
                    storage.db().blocks().size(),
                    memory_of("VmHWM") / 1048576,
                    status ? "" : ": ",
                    status ? "" : status.error().message().c_str());
        print_memory(storage.db(), before);
    }
    std::fflush(stdout);
    _exit(0);
}

void churn(const std::string& folder, uint32_t series, int hours) {
    const double before = memory_of("VmRSS");
    Storage storage(folder);
    std::vector<Target> targets(series / kSeriesPerTarget);
    std::vector<int> generation(targets.size(), 0);
    for (uint32_t i = 0; i < targets.size(); ++i) {
        storage.resolve(targets[i], i, "g0");
    }
    for (int minute = 0; minute < hours * 60; ++minute) {
        for (uint32_t i = 0; i < targets.size(); ++i) {
            if (minute != 0 && static_cast<uint32_t>(minute) % 100 / 10 == i % 10 &&
                minute % 10 == 0) {
                storage.resolve(targets[i], i, "g" + std::to_string(++generation[i]));
            }
            storage.scrape(targets[i], kStart + int64_t{minute} * 60000 + i);
        }
        storage.window().wait_for_all();
        const base::Status status = storage.db().run_upkeep();
        if (!status) {
            std::printf("upkeep: %s\n", status.error().message().c_str());
        }
        if (minute % 30 == 29) {
            std::printf(
                "%3d min: %8llu series in the head, %7.1f MiB accounted, %7.1f MiB "
                "anonymous\n",
                minute + 1,
                static_cast<unsigned long long>(storage.db().stats().series),
                static_cast<double>(storage.db().memory().total()) / 1048576,
                (memory_of("RssAnon") - before) / 1048576);
            std::fflush(stdout);
        }
    }
    _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string mode = argc > 2 ? argv[1] : "";
    const auto number = [&](int i) { return std::strtol(argv[i], nullptr, 10); };
    if (mode == "fill" && argc == 6) {
        fill(argv[2], static_cast<uint32_t>(number(3)), static_cast<int>(number(4)), number(5));
    } else if (mode == "open" || mode == "cut") {
        open(argv[2], mode == "cut");
    } else if (mode == "churn" && argc == 5) {
        churn(argv[2], static_cast<uint32_t>(number(3)), static_cast<int>(number(4)));
    }
    std::fprintf(stderr,
                 "usage: skein-storage fill FOLDER SERIES SAMPLES INTERVAL_MS\n"
                 "       skein-storage open|cut FOLDER\n"
                 "       skein-storage churn FOLDER SERIES HOURS\n");
    return 2;
}
