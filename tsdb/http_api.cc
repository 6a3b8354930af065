#include "tsdb/http_api.h"

#include <charconv>

#include "base/json.h"
#include "model/api_answer.h"
#include "tsdb/storage_status.h"

namespace tsdb {
namespace {

using base::JsonWriter;
using base::http::Method;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;
using base::http::RouteOptions;

constexpr size_t kDefaultEntries = 10;
constexpr size_t kMaxEntries = 10'000;

void write_counts(JsonWriter& json, std::string_view name, const std::vector<NamedCount>& counts) {
    json.key(name);
    json.begin_array();
    for (const NamedCount& count : counts) {
        json.begin_object();
        json.member("name", count.name);
        json.key("value");
        json.natural(count.value);
        json.end_object();
    }
    json.end_array();
}

base::Result<size_t> entries_asked(const Request& request) {
    const auto text = request.query.find("limit");
    if (!text) {
        return kDefaultEntries;
    }
    size_t limit = 0;
    const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (code != std::errc() || end != text->data() + text->size() || limit < 1) {
        return base::fail(base::Code::kInvalid, "limit must be a positive number");
    }
    if (limit > kMaxEntries) {
        return base::fail(base::Code::kInvalid, "limit must not exceed", kMaxEntries);
    }
    return limit;
}

Response tsdb_status(const Db& db, const Request& request) {
    const auto limit = entries_asked(request);
    if (limit.has_error()) {
        return model::api_error(limit.error());
    }
    const HeadStats stats = db.stats();
    const Cardinality cardinality = db.cardinality(limit.value());
    std::string out;
    model::begin_api_answer(out);
    JsonWriter json(out);
    json.begin_object();
    json.key("headStats");
    json.begin_object();
    json.key("numSeries");
    json.natural(stats.series);
    json.key("numLabelPairs");
    json.natural(stats.label_pairs);
    json.key("chunkCount");
    json.natural(stats.chunks);
    json.key("minTime");
    json.integer(stats.min_time);
    json.key("maxTime");
    json.integer(stats.max_time);
    json.end_object();
    write_counts(json, "seriesCountByMetricName", cardinality.series_by_metric_name);
    write_counts(json, "labelValueCountByLabelName", cardinality.values_by_label_name);
    write_counts(json, "memoryInBytesByLabelName", cardinality.memory_by_label_name);
    write_counts(json, "seriesCountByLabelValuePair", cardinality.series_by_label_pair);
    json.end_object();
    model::end_api_answer(out);
    return Response::json(200, std::move(out));
}

Response replay_status(const ReplayStatus& status) {
    const ReplayProgress progress = status.progress();
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    json.key("min");
    json.natural(progress.first);
    json.key("max");
    json.natural(progress.last);
    json.key("current");
    json.natural(progress.current);
    json.end_object();
    return model::api_success(out);
}

}  // namespace

void ReplayStatus::set(const ReplayProgress& progress) {
    first_.store(progress.first);
    last_.store(progress.last);
    current_.store(progress.current);
}

void ReplayStatus::finish(const ReplayReport& report) {
    current_.store(last_.load());
    corruptions_.store(static_cast<double>(report.damages.size()));
}

ReplayProgress ReplayStatus::progress() const {
    return {first_.load(), last_.load(), current_.load()};
}

void register_replay_route(base::http::Router& router, const ReplayStatus& status) {
    RouteOptions options;
    options.cors = true;
    router.add(
        {Method::kGet},
        "/api/v1/status/walreplay",
        [&status](const Request&, const RequestContext&) { return replay_status(status); },
        options);
}

void register_routes(base::http::Router& router,
                     const std::function<const Db&()>& db,
                     base::WorkerPool* pool) {
    RouteOptions options;
    options.cors = true;
    options.pool = pool;
    router.add(
        {Method::kGet},
        "/api/v1/status/tsdb",
        [db](const Request& request, const RequestContext&) { return tsdb_status(db(), request); },
        options);
    const auto add = [&](const char* path, std::string (*data)(const Db&)) {
        router.add(
            {Method::kGet},
            path,
            [db, data](const Request&, const RequestContext&) {
                return model::api_success(data(db()));
            },
            options);
    };
    add("/api/v1/status/tsdb/blocks", blocks_json);
    add("/api/v1/status/storage", storage_json);
}

}  // namespace tsdb
