#include "query/query_log.h"

#include "base/json.h"
#include "base/time_format.h"
#include "query/result_json.h"

namespace query {
namespace {

std::string time_text(int64_t t_ms) {
    std::string text;
    base::append_rfc3339_fixed_ms(text, t_ms);
    return text;
}

std::string line_of(const LoggedQuery& query) {
    std::string line;
    base::JsonWriter json(line);
    json.begin_object();
    if (!query.error.empty()) {
        json.member("error", query.error);
    }
    if (!query.origin.path.empty()) {
        json.key("httpRequest");
        json.begin_object();
        json.member("clientIP", query.origin.client_ip);
        json.member("method", query.origin.method);
        json.member("path", query.origin.path);
        json.end_object();
    }
    json.key("params");
    json.begin_object();
    json.member("end", time_text(query.times.end_ms));
    json.member("query", query.query);
    json.member("start", time_text(query.times.start_ms));
    json.key("step");
    json.integer(query.times.step_ms / 1000);
    json.end_object();
    json.key("stats");
    json.separate();
    append_stats(line, query.stats);
    json.member("ts", time_text(query.ended_ms));
    json.end_object();
    line += '\n';
    return line;
}

}  // namespace

base::Result<std::shared_ptr<QueryLog>> QueryLog::open(base::Files& files, const base::Path& path) {
    TRY(auto file, base::context(files.open_append(path), "open the query log (query_log_file)"));
    return std::shared_ptr<QueryLog>(new QueryLog(std::move(file)));
}

base::Status QueryLog::write(const LoggedQuery& query) {
    const std::string line = line_of(query);
    const base::MutexLock lock(mutex_);
    return file_->append(base::ByteView(line));
}

}  // namespace query
