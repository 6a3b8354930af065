#include "engine/process_metrics.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "engine/version.h"

namespace engine {
namespace {

std::string read_small_file(const char* path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double open_files() {
    DIR* const folder = opendir("/proc/self/fd");
    if (folder == nullptr) {
        return 0;
    }
    double count = -3;                    // ".", ".." and the folder itself
    while (readdir(folder) != nullptr) {  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
        ++count;
    }
    closedir(folder);
    return count;
}

double max_files() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<double>(limit.rlim_cur);
}

double threads() {
    const std::string status = read_small_file("/proc/self/status");
    const size_t at = status.find("Threads:");
    return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + 8, nullptr);
}

}  // namespace

ProcessMemory process_memory() {
    const std::string statm = read_small_file("/proc/self/statm");
    char* next = nullptr;
    const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
    const double total = std::strtod(statm.c_str(), &next);
    const double resident = std::strtod(next, &next);
    const double shared = std::strtod(next, nullptr);
    return {resident * page, (resident - shared) * page, total * page};
}

std::vector<base::MetricCallback> register_process_metrics(base::Registry& registry,
                                                           const base::Clock& clock) {
    using base::MetricKind;
    std::vector<base::MetricCallback> out;
    const auto add =
        [&](MetricKind kind, const char* name, const char* help, std::function<double()> value) {
            out.push_back(registry.computed(kind, name, help, std::move(value)));
        };
    const double started = static_cast<double>(clock.now_ms()) / 1000;
    add(MetricKind::kCounter,
        "process_cpu_seconds_total",
        "User and system CPU time spent, in seconds.",
        cpu_seconds);
    add(MetricKind::kGauge, "process_resident_memory_bytes", "Resident memory.", [] {
        return process_memory().resident;
    });
    add(MetricKind::kGauge, "process_virtual_memory_bytes", "Virtual memory.", [] {
        return process_memory().virtual_size;
    });
    add(MetricKind::kGauge, "process_open_fds", "Open file descriptors.", open_files);
    add(MetricKind::kGauge,
        "process_max_fds",
        "Most file descriptors that may be open.",
        max_files);
    add(MetricKind::kGauge,
        "process_start_time_seconds",
        "Start of the process, seconds since the Unix epoch.",
        [started] { return started; });
    add(MetricKind::kGauge, "process_threads", "Threads of the process.", threads);
    out.push_back(registry.computed(
        MetricKind::kGauge,
        "prometheus_build_info",
        "Constant 1, labelled with the version of the API and of Skein.",
        {"version", "revision", "branch", "goversion", "skein_version"},
        [](base::MetricEmitter& emitter) {
            emitter.emit({kPrometheusVersion, "skein", "main", "none", kVersion}, 1);
        }));
    return out;
}

}  // namespace engine
