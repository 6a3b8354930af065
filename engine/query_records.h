// What is kept of queries on disk: those that run, and a log of those that ended.
#pragma once

#include "base/file.h"
#include "base/log.h"
#include "base/result.h"
#include "config/config.h"
#include "engine/cli.h"
#include "query/engine.h"

namespace engine {

// Says which queries ran when the process ended before, and has the engine note its own in
// queries.active of the data folder from now on. A disk that does not take it is logged and borne.
// Before the first query; the folder is locked by this process.
void keep_active_queries(const FlagValues& flags,
                         base::Files& files,
                         const base::Logger& log,
                         query::Engine& engine);

// query_log_file: opened anew each time, so that a rotated one is let go; none: switched off.
//   errors  those of the file system; the old one stays
[[nodiscard]] base::Status open_query_log(const config::Config& config,
                                          base::Files& files,
                                          query::Engine& engine);

}  // namespace engine
