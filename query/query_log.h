// The query log: one line of JSON per query that ended.
// source: query_log_file of Prometheus
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/result.h"
#include "base/sync.h"
#include "query/active_queries.h"
#include "query/value.h"

namespace query {

// A query that ended. All borrowed.
struct LoggedQuery {
    std::string_view query;
    QueryTimes times;
    const QueryOrigin& origin;
    const QueryStats& stats;
    std::string_view error;  // "": it has a result
    int64_t ended_ms = 0;
};

// Threads: any.
class QueryLog {
  public:
    // Appends to the file at `path`, creating it if need be. Whoever rotates it moves it away and
    // has the configuration loaded again, which opens it anew.
    [[nodiscard]] static base::Result<std::shared_ptr<QueryLog>> open(base::Files& files,
                                                                      const base::Path& path);

    // One line, which is whole in the file or not at all as far as the disk has it so.
    //   errors  kNoSpace, kIo
    [[nodiscard]] base::Status write(const LoggedQuery& query);

  private:
    explicit QueryLog(std::unique_ptr<base::WriteFile> file) : file_(std::move(file)) {}

    base::Mutex mutex_;
    std::unique_ptr<base::WriteFile> file_ GUARDED_BY(mutex_);
};

}  // namespace query
