#include "engine/reload.h"

#include <algorithm>

#include "engine/notifications.h"

namespace engine {

ConfigReload::ConfigReload(base::Files& files,
                           const base::Clock& clock,
                           base::Logger log,
                           base::Registry& registry,
                           Notifications& notifications,
                           std::string path)
    : files_(files),
      clock_(clock),
      log_(std::move(log)),
      notifications_(notifications),
      path_(std::move(path)),
      successful_(registry.gauge("prometheus_config_last_reload_successful",
                                 "Whether the last configuration reload attempt was successful.")),
      success_time_(registry.gauge(
          "prometheus_config_last_reload_success_timestamp_seconds",
          "Time of the last successful configuration reload, seconds since the Unix epoch.")) {}

base::Status ConfigReload::load_first() {
    const base::MutexLock lock(mutex_);
    TRY(current_, config::load(files_, path_, {}));
    announce(*current_);
    return base::success();
}

base::Status ConfigReload::apply(std::vector<Reloader> reloaders) {
    const base::MutexLock lock(mutex_);
    reloaders_ = std::move(reloaders);
    return apply_locked();
}

base::Status ConfigReload::apply_locked() {
    base::Status outcome = base::success();
    for (const Reloader& reloader : reloaders_) {
        base::Status applied =
            base::context(reloader.apply(*current_), "apply configuration to", reloader.name);
        if (applied.has_error()) {
            log_.error("part of the configuration was not applied",
                       "part",
                       reloader.name,
                       "error",
                       applied.error());
            outcome = std::move(applied);
        }
    }
    set_outcome(outcome.has_value());
    if (last_successful_) {
        last_success_ms_ = clock_.now_ms();
        success_time_.set(static_cast<double>(last_success_ms_) / 1000);
        failed_checksum_.clear();
        log_.info("configuration loaded", "file", path_, "jobs", current_->scrape.jobs.size());
    }
    return outcome;
}

void ConfigReload::set_outcome(bool good) {
    last_successful_ = good;
    successful_.set(good ? 1 : 0);
    if (good) {
        notifications_.clear(Notice::kReloadFailed);
    } else {
        notifications_.raise(Notice::kReloadFailed);
    }
}

base::Status ConfigReload::reload() {
    const base::MutexLock lock(mutex_);
    return reload_locked();
}

base::Status ConfigReload::reload_locked() {
    auto loaded = config::load(files_, path_, {});
    if (loaded.has_error()) {
        set_outcome(false);
        log_.error("configuration not reloaded, the old one stays",
                   "file",
                   path_,
                   "error",
                   loaded.error());
        return base::fail(std::move(loaded).error());
    }
    current_ = std::move(loaded).value();
    announce(*current_);
    return apply_locked();
}

void ConfigReload::reload_if_changed() {
    auto now = config::checksum(files_, path_);
    const base::MutexLock lock(mutex_);
    const std::string text = now.has_value() ? now.value() : "unreadable: " + now.error().message();
    if (text == current_->checksum || text == failed_checksum_) {
        return;
    }
    log_.info("configuration has changed", "file", path_);
    if (reload_locked().has_error()) {
        failed_checksum_ = text;
    }
}

void ConfigReload::announce(const config::Config& config) {
    for (const config::Unbuilt& unbuilt : config.unbuilt) {
        const std::string key = unbuilt.feature + "|" + unbuilt.scope;
        if (std::find(announced_.begin(), announced_.end(), key) == announced_.end()) {
            announced_.push_back(key);
            log_.warn("accepted but not carried out yet",
                      "feature",
                      unbuilt.feature,
                      "affects",
                      unbuilt.scope,
                      "at",
                      unbuilt.place);
        }
    }
    for (const std::string& warning : config.warnings) {
        log_.warn("configuration warning", "warning", warning);
    }
}

std::shared_ptr<const config::Config> ConfigReload::current() const {
    const base::MutexLock lock(mutex_);
    return current_;
}

bool ConfigReload::last_successful() const {
    const base::MutexLock lock(mutex_);
    return last_successful_;
}

int64_t ConfigReload::last_success_ms() const {
    const base::MutexLock lock(mutex_);
    return last_success_ms_;
}

}  // namespace engine
