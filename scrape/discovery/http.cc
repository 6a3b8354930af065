#include "scrape/discovery/http.h"

#include "base/async/deadline.h"
#include "base/float_format.h"

namespace scrape {
namespace {

base::Result<std::vector<model::TargetGroup>> groups_of(const base::http::ClientResponse& response,
                                                        const std::string& url) {
    if (response.status != 200) {
        return base::fail(base::Code::kUnavailable,
                          "server returned HTTP status",
                          response.status,
                          base::http::reason_phrase(response.status));
    }
    const std::string_view type = response.headers.get("Content-Type");
    const std::string_view media = type.substr(0, type.find(';'));
    if (!base::http::equals_ignoring_case(media, "application/json")) {
        return base::fail(
            base::Code::kInvalid,
            "unsupported content type \"" + std::string(type) + "\", expected application/json");
    }
    TRY(auto groups, parse_json_groups(response.body, url));
    add_group_label(groups, "__meta_url", url);
    return groups;
}

// For the log, and for labels that the API shows: a password in it is masked.
std::string shown_url(const std::string& text) {
    const auto url = base::http::Url::parse(text);
    return url ? url.value().to_string() : std::string();
}

}  // namespace

HttpSource::HttpSource(HttpDiscoveryOptions options,
                       base::Lane& lane,
                       base::http::ClientShared& client,
                       Metrics& metrics,
                       std::string job,
                       base::Logger log)
    : options_(std::move(options)),
      lane_(lane),
      metrics_(metrics),
      job_(std::move(job)),
      log_(std::move(log)),
      client_(client, lane, options_.client),
      tasks_(lane) {}

HttpSource::~HttpSource() {
    stop();
}

void HttpSource::start(model::GroupListener& listener) {
    model::GroupListener* const to = &listener;
    lane_.call([this, to] { tasks_.spawn("http discovery of " + job_, run(to)); });
}

void HttpSource::stop() {
    tasks_.stop_and_wait();
}

base::Task<void> HttpSource::run(model::GroupListener* listener) {
    std::vector<model::TargetGroup> last;
    bool first = true;
    while (!tasks_.stopping()) {
        auto groups = co_await refresh();
        if (groups) {
            if (first || groups.value() != last) {
                last = groups.value();
                listener->groups_changed(last);
                first = false;
            }
        } else if (groups.error().code() == base::Code::kCanceled) {
            break;
        } else {
            metrics_.http_failures.add();
            metrics_.refresh_failures.with({"http", job_}).add();
            log_.error("http discovery failed, the targets stay as they were",
                       "url",
                       shown_url(options_.url),
                       "error",
                       groups.error());
            if (first) {
                listener->groups_changed({});
                first = false;
            }
        }
        const base::Status slept = co_await base::sleep_for(options_.refresh_interval);
        if (!slept) {
            break;
        }
    }
    co_return base::success();
}

base::Task<std::vector<model::TargetGroup>> HttpSource::refresh() {
    std::string seconds;
    base::append_float_f(seconds, static_cast<double>(options_.refresh_interval.count()) / 1000);
    base::http::ClientRequest request;
    request.url = options_.url;
    request.headers.add("Accept", "application/json");
    request.headers.add("X-Prometheus-Refresh-Interval-Seconds", seconds);
    request.options.deadline = base::Deadline::after(lane_.clock(), options_.refresh_interval);
    request.options.body_limit = kGroupsBytesMax;
    const base::SteadyTime start = lane_.clock().steady();
    const auto response = co_await client_.send(std::move(request));
    metrics_.refresh_length_seconds.with({"http", job_})
        .observe(std::chrono::duration<double>(lane_.clock().steady() - start).count());
    if (!response) {
        co_return base::fail(response.error());
    }
    auto groups = groups_of(response.value(), shown_url(options_.url));
    co_return groups;
}

}  // namespace scrape
