// Targets for tests: a web server with pages that can be changed, and the parts of a scraper.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "base/async/runtime.h"
#include "base/http/server.h"
#include "scrape/manager.h"
#include "test/support/memory_storage.h"

namespace scrape_test {

inline constexpr auto kPatience = std::chrono::seconds(20);

// Looks again and again until it holds; false when patience ends.
inline bool eventually(const std::function<bool()>& holds) {
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

class Farm {
  public:
    Farm() {
        runtime.start();
        base::http::Router router;
        router.add({base::http::Method::kGet},
                   "/:page",
                   [this](const base::http::Request& request, const base::http::RequestContext&) {
                       const std::lock_guard lock(mutex_);
                       last_ = request.headers;
                       const auto found = pages_.find(std::string(request.path_params.get("page")));
                       return found == pages_.end() ? base::http::Response::text(404, "none")
                                                    : found->second;
                   });
        server = std::move(base::http::Server::start(
                               runtime, std::move(router), {.listen_addresses = {"127.0.0.1:0"}}))
                     .value();
    }

    ~Farm() { server->stop(base::Duration(0)); }

    [[nodiscard]] std::string address() const { return server->addresses()[0]; }

    void page(const std::string& name, std::string text) {
        base::http::Response response = base::http::Response::text(200, std::move(text));
        response.compress = false;
        set(name, std::move(response));
    }

    void set(const std::string& name, base::http::Response response) {
        const std::lock_guard lock(mutex_);
        pages_[name] = std::move(response);
    }

    [[nodiscard]] base::http::Headers last_headers() {
        const std::lock_guard lock(mutex_);
        return last_;
    }

    base::SystemClock clock;
    base::Runtime runtime{clock, {}};
    std::unique_ptr<base::http::Server> server;

  private:
    std::mutex mutex_;
    std::map<std::string, base::http::Response> pages_;
    base::http::Headers last_;
};

// A manager over a storage in memory, with targets handed in directly.
class Scraper {
  public:
    explicit Scraper(int64_t budget_bytes = base::Budget::kUnlimited,
                     const base::Logger& log = {},
                     model::ScrapeListener* listener = nullptr)
        : budget("scraping", budget_bytes),
          lanes(clock,
                {.lanes = 2, .lane = {.name = "scrape", .tick = std::chrono::milliseconds(10)}}) {
        lanes.start();
        scrape::EngineOptions engine;
        manager = std::make_unique<scrape::Manager>(
            engine,
            scrape::Manager::Parts{
                storage, lanes, client, metrics, budget, nullptr, random, log, listener});
    }

    static scrape::JobOptions job(
        const std::string& name,
        std::chrono::milliseconds interval = std::chrono::milliseconds(200)) {
        scrape::JobOptions options;
        options.job_name = name;
        options.interval = interval;
        options.timeout = interval;
        options.protocols = {scrape::ScrapeProtocol::kOpenMetricsText1_0_0,
                             scrape::ScrapeProtocol::kOpenMetricsText0_0_1,
                             scrape::ScrapeProtocol::kPrometheusText1_0_0,
                             scrape::ScrapeProtocol::kPrometheusText0_0_4};
        return options;
    }

    // The instance is the URL's last part.
    static model::Target target(const scrape::JobOptions& options, const std::string& url) {
        model::Target target;
        target.id = std::hash<std::string>()(url);
        target.job = options.job_name;
        target.url = url;
        target.labels = {{"instance", url.substr(url.rfind('/') + 1)}, {"job", options.job_name}};
        target.interval = options.interval;
        target.timeout = options.timeout;
        return target;
    }

    void scrape(const scrape::JobOptions& options, const std::vector<std::string>& urls) {
        std::vector<model::Target> targets;
        for (const std::string& url : urls) {
            targets.push_back(target(options, url));
        }
        scrape(options, targets, {});
    }

    void scrape(const scrape::JobOptions& options,
                const std::vector<model::Target>& targets,
                std::vector<model::TargetId> handed_over) {
        auto resolved = std::make_shared<model::ResolvedJob>();
        resolved->job = options.job_name;
        resolved->handed_over = std::move(handed_over);
        for (const model::Target& target : targets) {
            resolved->active.push_back(std::make_shared<const model::Target>(target));
        }
        resolved->over_target_limit = options.limits.target_limit > 0 &&
                                      resolved->active.size() > options.limits.target_limit;
        manager->targets_changed(std::move(resolved));
    }

    void apply(std::vector<scrape::JobOptions> jobs) { manager->apply({std::move(jobs), {}}); }

    [[nodiscard]] std::vector<model::FloatSample> samples(const std::string& metric,
                                                          const std::string& instance,
                                                          const std::string& job = "j") const {
        return storage.samples(metric + "{instance=\"" + instance + "\", job=\"" + job + "\"}");
    }

    // The error of the target whose URL ends with this.
    [[nodiscard]] std::string error(const std::string& instance) const {
        for (const scrape::TargetView& view : manager->targets()) {
            if (view.target->labels.get("instance") == instance) {
                return view.status.last_error;
            }
        }
        return "no such target";
    }

    base::SystemClock clock;
    base::Budget budget;
    base::Runtime lanes;
    base::http::ClientShared client;
    base::Registry registry;
    scrape::Metrics metrics{registry};
    base::SystemRandom random;
    test_support::MemoryStorage storage;
    std::unique_ptr<scrape::Manager> manager;  // before the lanes go
};

}  // namespace scrape_test
