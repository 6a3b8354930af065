#include "scrape/discovery/discovery.h"

#include <condition_variable>
#include <fstream>
#include <mutex>

#include <catch2/catch.hpp>

#include "base/async/runtime.h"
#include "base/http/server.h"
#include "scrape/discovery/file.h"
#include "scrape/discovery/http.h"
#include "test/support/temp_folder.h"

using namespace std::chrono_literals;

namespace {

constexpr auto kPatience = 10s;  // until a test gives up; nothing waits that long when all is well

// Counts up what it is told and lets a test wait for it.
template <class Told>
class Inbox {
  public:
    void put(Told told) {
        const std::lock_guard lock(mutex_);
        all_.push_back(std::move(told));
        changed_.notify_all();
    }

    // The first thing told that satisfies `good`; fails the test when there is none.
    template <class Good>
    Told wait_for(Good good) {
        std::unique_lock lock(mutex_);
        const Told* found = nullptr;
        const bool came = changed_.wait_for(lock, kPatience, [&] {
            for (const Told& told : all_) {
                if (good(told)) {
                    found = &told;
                    return true;
                }
            }
            return false;
        });
        REQUIRE(came);
        return *found;
    }

    size_t count() {
        const std::lock_guard lock(mutex_);
        return all_.size();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Told> all_;
};

struct Groups final : model::GroupListener {
    void groups_changed(std::vector<model::TargetGroup> groups) override {
        inbox.put(std::move(groups));
    }

    Inbox<std::vector<model::TargetGroup>> inbox;
};

struct Jobs final : model::TargetListener {
    void targets_changed(std::shared_ptr<const model::ResolvedJob> job) override {
        inbox.put(std::move(job));
    }

    Inbox<std::shared_ptr<const model::ResolvedJob>> inbox;
};

void write(const std::string& path, std::string_view text) {
    const std::string temporary = path + ".part";
    std::ofstream(temporary) << text;
    std::filesystem::rename(temporary, path);
}

size_t targets_in(const std::vector<model::TargetGroup>& groups) {
    size_t count = 0;
    for (const auto& group : groups) {
        count += group.targets.size();
    }
    return count;
}

struct World {
    World() { runtime.start(); }

    scrape::SourceParts parts() {
        return {runtime.lane(0), client, *files, yaml, metrics, base::Logger()};
    }

    // Not YAML, but enough to see who was asked.
    static base::Result<std::vector<model::TargetGroup>> yaml(std::string_view text,
                                                              std::string_view source) {
        model::TargetGroup group;
        group.source = source;
        group.targets = {model::Labels({{"__address__", text}})};
        return std::vector<model::TargetGroup>{group};
    }

    base::SystemClock clock;
    base::Runtime runtime{clock, {}};
    base::http::ClientShared client;
    std::unique_ptr<base::Files> files = base::make_posix_files();
    base::Registry registry;
    scrape::Metrics metrics{registry};
};

}  // namespace

TEST_CASE("file discovery follows its files and keeps the groups of a bad one",
          "[scrape][discovery]") {
    const test_support::TempFolder folder;
    World world;
    write(folder / "a.json", R"([{"targets":["one"]}])");
    write(folder / "b.yml", "two");
    write(folder / "ignored.txt", "x");
    Groups groups;
    scrape::FileSource source({.files = {folder / "*.json", folder / "*.yml"}},
                              *world.files,
                              World::yaml,
                              world.metrics,
                              "j",
                              base::Logger());
    source.start(groups);
    const auto first = groups.inbox.wait_for([](const auto& all) { return targets_in(all) == 2; });
    CHECK(first[0].labels.get("__meta_filepath") == folder / "a.json");
    write(folder / "a.json", R"([{"targets":["one","three"]}])");
    groups.inbox.wait_for([](const auto& all) { return targets_in(all) == 3; });
    write(folder / "a.json", "[{");
    write(folder / "c.json", R"([{"targets":["four"]}])");
    groups.inbox.wait_for([](const auto& all) { return targets_in(all) == 4; });
    CHECK(world.metrics.file_read_errors.value() >= 1);
    std::filesystem::remove(folder / "a.json");
    groups.inbox.wait_for([](const auto& all) {
        return targets_in(all) == 2 && all.front().source.find("b.yml") != std::string::npos &&
               all.back().source.find("c.json") != std::string::npos;
    });
    source.stop();
}

TEST_CASE("http discovery asks with its interval and keeps the list when the answer is bad",
          "[scrape][discovery]") {
    World world;
    std::atomic<int> asked{0};
    std::atomic<int> told{0};  // requests that named the interval
    base::http::Router router;
    router.add(
        {base::http::Method::kGet},
        "/sd",
        [&asked, &told](const base::http::Request& request, const base::http::RequestContext&) {
            told += request.headers.get("X-Prometheus-Refresh-Interval-Seconds") == "0.05";
            const int time = asked++;
            if (time == 1) {
                return base::http::Response::text(500, "no");
            }
            if (time == 2) {
                return base::http::Response::text(200, "[]");  // not JSON's media type
            }
            return base::http::Response::json(200,
                                              time < 4
                                                  ? R"([{"targets":["one"],"labels":{"a":"b"}}])"
                                                  : R"([{"targets":["one","two"]}])");
        });
    auto server = base::http::Server::start(
        world.runtime, std::move(router), {.listen_addresses = {"127.0.0.1:0"}});
    REQUIRE(server);
    const std::string url = "http://" + server.value()->addresses()[0] + "/sd";
    Groups groups;
    scrape::HttpSource source({.url = url, .refresh_interval = 50ms, .client = {}},
                              world.runtime.lane(0),
                              world.client,
                              world.metrics,
                              "j",
                              base::Logger());
    source.start(groups);
    const auto first = groups.inbox.wait_for([](const auto& all) { return targets_in(all) == 1; });
    CHECK(first[0].labels.get("__meta_url") == url);
    CHECK(first[0].labels.get("a") == "b");
    groups.inbox.wait_for([](const auto& all) { return targets_in(all) == 2; });
    CHECK(world.metrics.http_failures.value() == 2);
    CHECK(groups.inbox.count() == 2);
    source.stop();
    server.value()->stop(base::Duration(0));
    CHECK(told == asked);
}

TEST_CASE("discovery resolves every job and tells of reloads", "[scrape][discovery]") {
    World world;
    scrape::Discovery discovery(world.parts(), 20ms);
    Jobs jobs;
    discovery.listen(&jobs);
    scrape::Options options;
    options.jobs.resize(2);
    options.jobs[0].job_name = "a";
    model::TargetGroup group;
    group.targets = {model::Labels({{"__address__", "one"}}),
                     model::Labels({{"__address__", "x/y"}})};
    options.jobs[0].discovery.static_groups = {group};
    options.jobs[1].job_name = "empty";
    discovery.apply(options);
    const auto first = jobs.inbox.wait_for([](const auto& job) { return job->job == "a"; });
    CHECK(first->active.size() == 1);
    jobs.inbox.wait_for([](const auto& job) { return job->job == "empty" && job->active.empty(); });
    CHECK(world.metrics.sync_failed.with({"a"}).value() == 1);
    options.jobs[0].metrics_path = "/other";
    discovery.apply(options);
    jobs.inbox.wait_for([](const auto& job) {
        return job->job == "a" && job->active[0]->url == "http://one/other";
    });
    group.targets.push_back(model::Labels({{"__address__", "two"}}));
    options.jobs[0].discovery.static_groups = {group};
    options.jobs.pop_back();
    discovery.apply(options);
    jobs.inbox.wait_for([](const auto& job) { return job->active.size() == 2; });
    // Who comes later hears of everything known.
    Jobs late;
    discovery.listen(&late);
    CHECK(late.inbox.count() == 1);
    discovery.stop();
}
