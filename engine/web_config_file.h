// The web configuration file as the server asks for it: read again when it changes.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/http/server.h"
#include "base/sync.h"

namespace engine {

// Threads: any; a look at the file's time and size per call.
class WebConfigFile {
  public:
    WebConfigFile(base::Files& files, std::string path) : files_(files), path_(std::move(path)) {}

    // errors  of config::load_web_config(); then nobody gets in until the file is right again
    [[nodiscard]] base::Result<std::shared_ptr<const base::http::WebOptions>> current()
        EXCLUDES_LOCK(mutex_);

  private:
    base::Files& files_;
    const std::string path_;
    base::Mutex mutex_;
    base::FileInfo seen_ GUARDED_BY(mutex_);
    std::shared_ptr<const base::http::WebOptions> options_ GUARDED_BY(mutex_);
};

}  // namespace engine
