// Who may come in: names and bcrypt hashes of the web configuration.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/async/worker_pool.h"
#include "base/http/server.h"
#include "base/sync.h"

namespace base::http {

// Checks passwords on a thread of its own, because a bcrypt hash takes a tenth of a second, and
// remembers the answers. A name that is not known costs a hash as well, so that time tells nothing.
//   threads   any
class Authenticator {
  public:
    static constexpr size_t kRememberedMax = 1024;
    static constexpr size_t kWaitingMax = 256;

    Authenticator();

    // The name when `authorization`, a header's value, fits; "" when it does not.
    // errors  kLimit: too many are waiting to be checked
    [[nodiscard]] Task<std::string> check(std::string authorization,
                                          std::shared_ptr<const WebOptions> web);

  private:
    Mutex mutex_;
    std::unordered_map<std::string, bool> remembered_ GUARDED_BY(mutex_);
    WorkerPool pool_;
};

}  // namespace base::http
