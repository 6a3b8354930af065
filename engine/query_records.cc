#include "engine/query_records.h"

#include "query/active_file.h"
#include "query/query_log.h"

namespace engine {

void keep_active_queries(const FlagValues& flags,
                         base::Files& files,
                         const base::Logger& log,
                         query::Engine& engine) {
    const base::Path path =
        base::join_path(flags.text("storage.tsdb.path"), query::ActiveFile::kName);
    const std::string unfinished = query::ActiveFile::unfinished(files, path);
    if (!unfinished.empty()) {
        log.warn("these queries did not finish in the last run", "queries", unfinished);
    }
    auto file = query::ActiveFile::open(files, path, engine.options().max_concurrency);
    if (!file) {
        log.warn("queries that run are not noted on disk", "error", file.error());
        return;
    }
    engine.active_queries().keep_in(std::move(file).value());
}

base::Status open_query_log(const config::Config& config,
                            base::Files& files,
                            query::Engine& engine) {
    std::shared_ptr<query::QueryLog> log;
    if (!config.query_log_file.empty()) {
        TRY(log, query::QueryLog::open(files, config.query_log_file));
    }
    engine.set_query_log(std::move(log));
    return base::success();
}

}  // namespace engine
