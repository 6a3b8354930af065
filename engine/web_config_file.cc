#include "engine/web_config_file.h"

#include "config/web_config.h"

namespace engine {

base::Result<std::shared_ptr<const base::http::WebOptions>> WebConfigFile::current() {
    TRY(auto info, files_.stat(path_));
    const base::MutexLock lock(mutex_);
    const bool same = info.size == seen_.size && info.modified_ns == seen_.modified_ns &&
                      info.inode == seen_.inode;
    if (options_ == nullptr || !same) {
        TRY(options_, config::load_web_config(files_, path_));
        seen_ = info;
    }
    return options_;
}

}  // namespace engine
