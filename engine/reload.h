// Loading the configuration again: on SIGHUP, by HTTP, and when its content changes. A bad file
// keeps the old one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/sync.h"
#include "config/config.h"

namespace engine {

class Notifications;

// Hands a configuration to one part of the program. A part that fails does not keep the others from
// getting it, but the reload counts as failed.
struct Reloader {
    std::string name;
    std::function<base::Status(const config::Config&)> apply;
};

//   threads   any; reloads run one after the other
class ConfigReload {
  public:
    // `notifications` are told how every load ended; borrowed.
    ConfigReload(base::Files& files,
                 const base::Clock& clock,
                 base::Logger log,
                 base::Registry& registry,
                 Notifications& notifications,
                 std::string path);

    // The first load; every error is fatal to the start. Notes what is not built, once per job or
    // block.
    [[nodiscard]] base::Status load_first() EXCLUDES_LOCK(mutex_);
    // Hands the current configuration to all parts. Called once they exist, then by every reload().
    [[nodiscard]] base::Status apply(std::vector<Reloader> reloaders) EXCLUDES_LOCK(mutex_);
    [[nodiscard]] base::Status reload() EXCLUDES_LOCK(mutex_);
    // reload(), when the checksum of the files differs from the loaded one's and from the last one
    // that failed.
    void reload_if_changed() EXCLUDES_LOCK(mutex_);

    [[nodiscard]] std::shared_ptr<const config::Config> current() const EXCLUDES_LOCK(mutex_);
    [[nodiscard]] bool last_successful() const EXCLUDES_LOCK(mutex_);
    // Milliseconds since the Unix epoch.
    [[nodiscard]] int64_t last_success_ms() const EXCLUDES_LOCK(mutex_);

  private:
    base::Status reload_locked() REQUIRES_LOCK(mutex_);
    base::Status apply_locked() REQUIRES_LOCK(mutex_);
    void set_outcome(bool good) REQUIRES_LOCK(mutex_);
    void announce(const config::Config& config) REQUIRES_LOCK(mutex_);

    base::Files& files_;
    const base::Clock& clock_;
    base::Logger log_;
    Notifications& notifications_;
    const std::string path_;
    base::Gauge& successful_;
    base::Gauge& success_time_;
    mutable base::Mutex mutex_;
    std::shared_ptr<const config::Config> current_ GUARDED_BY(mutex_);
    std::vector<Reloader> reloaders_ GUARDED_BY(mutex_);
    std::vector<std::string> announced_ GUARDED_BY(mutex_);
    std::string failed_checksum_ GUARDED_BY(mutex_);
    bool last_successful_ GUARDED_BY(mutex_) = false;
    int64_t last_success_ms_ GUARDED_BY(mutex_) = 0;
};

}  // namespace engine
