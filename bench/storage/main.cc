// The storage alone: fills a data folder, opens it again, cuts it, and tells what that took in time
// and memory. What it leaves is a data folder as a killed server leaves it, for others to start on.
//
// skein-storage …
// fill  FOLDER SERIES SAMPLES INTERVAL_MS  appends; ends without closing
// open  FOLDER                             replays, reads everything; ends without closing
// cut   FOLDER                             replays, then cuts and compacts what is due
// churn FOLDER SERIES HOURS                a tenth of the series replaced every ten minutes,
//                                          scraped once a minute
// head  SERIES SAMPLES                     appends to the head alone, without a log
#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "bench/storage/workload.h"
#include "model/xor_chunk.h"
#include "tsdb/db.h"

namespace {

using bench::kSeriesPerTarget;
using bench::kStart;
using bench::series_labels;
using bench::Values;

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

// Every chunk of floats, decoded once.
void read_all(tsdb::Db& db) {
    std::vector<int64_t> t(UINT16_MAX);
    std::vector<double> v(UINT16_MAX);
    uint64_t samples = 0;
    uint64_t bytes = 0;
    const double began = cpu_seconds();
    const auto querier = db.querier(model::kMinTime, model::kMaxTime);
    auto set = querier.value()->select({}, {}, {});
    model::SeriesBatch batch;
    while (set.value()->next(batch).value()) {
        for (const auto& series : batch.series) {
            for (const auto& chunk : series.chunks) {
                if (model::xor_decode(chunk.bytes, t.data(), v.data())) {
                    samples += model::xor_count(chunk.bytes);
                    bytes += chunk.bytes.size();
                }
            }
        }
    }
    const auto count = static_cast<double>(samples);
    std::printf("read: %.0f samples, %.1f ns of CPU each, %.2f bytes each in chunks\n",
                count,
                (cpu_seconds() - began) / count * 1e9,
                static_cast<double>(bytes) / count);
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
    if (!cut) {
        read_all(storage.db());
    } else {
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

void head_alone(uint32_t series, int samples) {
    base::Budget budget("process");
    tsdb::Head head(budget, {});
    std::vector<tsdb::SlotEntry> slots;
    for (uint32_t i = 0; i < series; ++i) {
        const uint32_t target = i / kSeriesPerTarget;
        const model::Labels labels = series_labels(target, i % kSeriesPerTarget, "v2.13");
        const auto handle = head.resolve(labels, labels.hash(), model::Origin{target}, nullptr);
        slots.push_back(head.at(handle.value().slot));
    }
    Values values;
    std::vector<double> last(series);
    std::vector<tsdb::HeadSample> scraped(series);
    uint64_t appended = 0;
    double spent = 0;
    for (int sample = 0; sample < samples; ++sample) {
        for (uint32_t i = 0; i < series; ++i) {
            last[i] = values.next(i, last[i]);
            scraped[i] = {.series = slots[i],
                          .t = kStart + sample * int64_t{15'000},
                          .bits = std::bit_cast<uint64_t>(last[i])};
        }
        const double began = cpu_seconds();
        for (size_t from = 0; from < series; from += kSeriesPerTarget) {
            const auto of_target =
                std::span(scraped).subspan(from, std::min<size_t>(kSeriesPerTarget, series - from));
            appended += head.apply(of_target, model::kMinTime, [](const auto&, auto) {});
        }
        spent += cpu_seconds() - began;
    }
    std::printf("append without log: %.1f ns of CPU per sample\n",
                spent / static_cast<double>(appended) * 1e9);
    std::fflush(stdout);
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
    } else if (mode == "head" && argc == 4) {
        head_alone(static_cast<uint32_t>(number(2)), static_cast<int>(number(3)));
    } else if (mode == "churn" && argc == 5) {
        churn(argv[2], static_cast<uint32_t>(number(3)), static_cast<int>(number(4)));
    }
    std::fprintf(stderr,
                 "usage: skein-storage fill FOLDER SERIES SAMPLES INTERVAL_MS\n"
                 "       skein-storage open|cut FOLDER\n"
                 "       skein-storage churn FOLDER SERIES HOURS\n"
                 "       skein-storage head SERIES SAMPLES\n");
    return 2;
}
