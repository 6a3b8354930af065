#include "scrape/discovery/file.h"

#include <chrono>
#include <set>

#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

namespace scrape {
namespace {

constexpr std::chrono::milliseconds kSettle{100};  // editors write in several steps

bool is_json(std::string_view path) {
    return path.ends_with(".json");
}

}  // namespace

// The folders' inotify descriptor, and an eventfd that ends the wait.
class FileSource::Watch {
  public:
    Watch(const std::set<std::string>& folders, Metrics& metrics, const base::Logger& log)
        : events_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)), stop_(eventfd(0, EFD_CLOEXEC)) {
        for (const std::string& folder : folders) {
            constexpr uint32_t kWhat = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                       IN_CREATE | IN_ATTRIB | IN_ONLYDIR;
            if (inotify_add_watch(events_, folder.c_str(), kWhat) < 0) {
                metrics.file_watcher_errors.add();
                log.warn("folder not watched: changes are seen at the next refresh only",
                         "folder",
                         folder);
            }
        }
    }

    ~Watch() {
        close(events_);
        close(stop_);
    }

    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

    void stop() const {
        const uint64_t one = 1;
        const ssize_t written = ::write(stop_, &one, sizeof one);
        static_cast<void>(written);  // a full counter has the same effect
    }

    // Waits for a change or the time. Returns false when it is time to stop.
    [[nodiscard]] bool wait(std::chrono::milliseconds most) const {
        const int changed = wait_once(most);
        if (changed < 0) {
            return false;
        }
        if (changed > 0) {
            drain();
            return wait_once(kSettle) >= 0;
        }
        return true;
    }

  private:
    // -1: stop, 0: nothing, 1: a change
    [[nodiscard]] int wait_once(std::chrono::milliseconds most) const {
        pollfd descriptors[2] = {{stop_, POLLIN, 0}, {events_, POLLIN, 0}};
        const int ready = poll(descriptors, 2, static_cast<int>(most.count()));
        if (ready > 0 && descriptors[0].revents != 0) {
            return -1;
        }
        return ready > 0 && descriptors[1].revents != 0 ? 1 : 0;
    }

    void drain() const {
        alignas(inotify_event) char buffer[4096];
        while (::read(events_, buffer, sizeof buffer) > 0) {
        }
    }

    int events_;
    int stop_;
};

FileSource::FileSource(FileDiscoveryOptions options,
                       base::Files& files,
                       ParseYamlGroups parse_yaml,
                       Metrics& metrics,
                       std::string job,
                       base::Logger log)
    : options_(std::move(options)),
      files_(files),
      parse_yaml_(std::move(parse_yaml)),
      metrics_(metrics),
      job_(std::move(job)),
      log_(std::move(log)) {}

FileSource::~FileSource() {
    stop();
}

void FileSource::start(model::GroupListener& listener) {
    std::set<std::string> folders;
    for (const std::string& pattern : options_.files) {
        folders.insert(base::parent_path(pattern));
    }
    watch_ = std::make_unique<Watch>(folders, metrics_, log_);
    thread_ = std::thread([this, &listener] { run(listener); });
}

void FileSource::stop() {
    if (thread_.joinable()) {
        watch_->stop();
        thread_.join();
    }
}

void FileSource::run(model::GroupListener& listener) {
    bool first = true;
    do {
        const auto start = std::chrono::steady_clock::now();
        const bool changed = refresh();
        metrics_.file_scan_seconds.observe(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        if (changed || first) {
            std::vector<model::TargetGroup> all;
            for (const auto& [path, groups] : groups_) {
                all.insert(all.end(), groups.begin(), groups.end());
            }
            listener.groups_changed(std::move(all));
        }
        first = false;
    } while (watch_->wait(options_.refresh_interval));
}

std::vector<std::string> FileSource::matches() const {
    std::set<std::string> paths;
    for (const std::string& pattern : options_.files) {
        const std::string folder = base::parent_path(pattern);
        const std::string name(base::file_name(pattern));
        const auto entries = files_.list(folder);
        if (!entries) {
            continue;  // a folder may appear later
        }
        for (const base::FolderEntry& entry : entries.value()) {
            if (!entry.is_directory && fnmatch(name.c_str(), entry.name.c_str(), FNM_PERIOD) == 0) {
                paths.insert(base::join_path(folder, entry.name));
            }
        }
    }
    return {paths.begin(), paths.end()};
}

base::Result<std::vector<model::TargetGroup>> FileSource::read(const std::string& path) {
    TRY(const std::string text, base::read_file(files_, path, kGroupsBytesMax));
    std::vector<model::TargetGroup> groups;
    if (is_json(path)) {
        TRY(groups, parse_json_groups(text, path));
    } else if (parse_yaml_) {
        TRY(groups, parse_yaml_(text, path));
    } else {
        return base::fail(base::Code::kUnsupported, "no reader for YAML here; use a .json file");
    }
    add_group_label(groups, "__meta_filepath", path);
    return groups;
}

bool FileSource::refresh() {
    std::map<std::string, std::vector<model::TargetGroup>> fresh;
    for (const std::string& path : matches()) {
        auto groups = read(path);
        if (groups) {
            fresh[path] = std::move(groups).value();
            continue;
        }
        metrics_.file_read_errors.add();
        metrics_.refresh_failures.with({"file", job_}).add();
        log_.error("discovery file not usable, the targets it had stay",
                   "file",
                   path,
                   "error",
                   groups.error());
        const auto before = groups_.find(path);
        if (before != groups_.end()) {
            fresh[path] = before->second;
        }
    }
    const bool changed = fresh != groups_;
    groups_ = std::move(fresh);
    return changed;
}

}  // namespace scrape
