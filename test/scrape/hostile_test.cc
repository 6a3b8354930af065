// Targets that mean harm: what they send stays bounded, and the others are scraped on time.
#include <thread>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/compress.h"
#include "test/scrape/farm.h"

using namespace scrape_test;

namespace {

// Answers every connection with a head and then with `piece` for ever, `pause` apart.
class Endless {
  public:
    Endless(std::string piece, std::chrono::milliseconds pause)
        : piece_(std::move(piece)), pause_(pause), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(listen(listener_, 16) == 0);
        socklen_t length = sizeof address;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { run(); });
    }

    ~Endless() {
        stop_ = true;
        shutdown(listener_, SHUT_RDWR);
        thread_.join();
        close(listener_);
    }

    [[nodiscard]] std::string url(const std::string& name) const {
        return "http://127.0.0.1:" + std::to_string(port_) + "/" + name;
    }

  private:
    void run() {
        while (!stop_) {
            const int connection = accept(listener_, nullptr, nullptr);
            if (connection < 0) {
                return;
            }
            const std::string head =
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
            bool open = send(connection, head.data(), head.size(), MSG_NOSIGNAL) > 0;
            char size[32];
            std::snprintf(size, sizeof size, "%zx\r\n", piece_.size());
            const std::string chunk = size + piece_ + "\r\n";
            while (open && !stop_) {
                open = send(connection, chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0;
                std::this_thread::sleep_for(pause_);
            }
            close(connection);
        }
    }

    const std::string piece_;
    const std::chrono::milliseconds pause_;
    const int listener_;
    uint16_t port_ = 0;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

}  // namespace

TEST_CASE("an endless body ends at the limit and the budget stays whole", "[scrape][hostile]") {
    Farm farm;
    farm.page("good", "x 1\n");
    Endless endless(std::string(1 << 16, '#'), std::chrono::milliseconds(0));
    Scraper scraper(int64_t{64} << 20);
    auto job = Scraper::job("j", std::chrono::milliseconds(500));
    job.limits.body_size_bytes = 8 << 20;
    scraper.apply({job});
    scraper.scrape(job, {endless.url("endless"), "http://" + farm.address() + "/good"});
    REQUIRE(eventually([&] {
        return scraper.samples("up", "endless").size() >= 2 &&
               scraper.samples("up", "good").size() >= 2;
    }));
    const std::string error = scraper.error("endless");
    CHECK((error == "body size limit exceeded" ||
           error.find("deadline exceeded") != std::string::npos));
    CHECK(scraper.samples("up", "endless")[0].v == 0);
    CHECK(scraper.samples("up", "good")[1].v == 1);
    CHECK(scraper.budget.used() <= (int64_t{64} << 20));
}

TEST_CASE("a slow drip ends at the timeout", "[scrape][hostile]") {
    Farm farm;
    farm.page("good", "x 1\n");
    Endless drip("x", std::chrono::milliseconds(20));
    Scraper scraper;
    auto job = Scraper::job("j", std::chrono::milliseconds(300));
    job.timeout = std::chrono::milliseconds(200);
    scraper.apply({job});
    scraper.scrape(job, {drip.url("drip"), "http://" + farm.address() + "/good"});
    REQUIRE(eventually([&] {
        return scraper.samples("up", "drip").size() >= 2 &&
               scraper.samples("up", "good").size() >= 2;
    }));
    CHECK(scraper.error("drip").find("context deadline exceeded") != std::string::npos);
    const auto duration = scraper.samples("scrape_duration_seconds", "drip")[0].v;
    CHECK(duration >= 0.2);
    CHECK(duration < 1.5);
    CHECK(scraper.samples("up", "good")[0].v == 1);
}

TEST_CASE("compressed pages are read, bombs and cut-off ones are refused", "[scrape][hostile]") {
    Farm farm;
    base::GzipEncoder encoder;
    const auto serve = [&](const std::string& name, std::string_view page, size_t cut) {
        std::string packed;
        encoder.encode(page, packed);
        packed.resize(packed.size() - cut);
        base::http::Response response = base::http::Response::text(200, packed);
        response.headers.set("Content-Encoding", "gzip");
        response.compress = false;
        farm.set(name, std::move(response));
    };
    serve("good", "x 1\n", 0);
    serve("bomb", std::string(64 << 20, '\n'), 0);
    serve("cut", "x 1\n" + std::string(1000, '\n'), 9);
    Scraper scraper;
    auto job = Scraper::job("j", std::chrono::milliseconds(500));
    job.limits.body_size_bytes = 1 << 20;
    scraper.apply({job});
    const std::string base = "http://" + farm.address() + "/";
    scraper.scrape(job, {base + "good", base + "bomb", base + "cut"});
    REQUIRE(eventually([&] {
        return !scraper.samples("up", "good").empty() && !scraper.samples("up", "bomb").empty() &&
               !scraper.samples("up", "cut").empty();
    }));
    CHECK(scraper.samples("x", "good")[0].v == 1);
    CHECK(scraper.error("bomb") == "body size limit exceeded");
    CHECK(scraper.metrics.exceeded_body_size_limit.value() >= 1);
    CHECK(scraper.samples("up", "cut")[0].v == 0);
    CHECK_FALSE(scraper.error("cut").empty());
}

TEST_CASE("memory for pages comes out of the budget", "[scrape][hostile]") {
    Farm farm;
    std::string page;
    while (page.size() < size_t{4} << 20) {
        page += "# a comment to fill the page\n";
    }
    farm.page("large", page);
    farm.page("small", "x 1\n");
    Scraper scraper(int64_t{2} << 20);
    auto job = Scraper::job("j", std::chrono::milliseconds(500));
    scraper.apply({job});
    const std::string base = "http://" + farm.address() + "/";
    scraper.scrape(job, {base + "large", base + "small"});
    REQUIRE(eventually([&] {
        return !scraper.samples("up", "large").empty() && !scraper.samples("up", "small").empty();
    }));
    CHECK(scraper.error("large").find("body size limit exceeded") == 0);
    CHECK(scraper.samples("up", "small")[0].v == 1);
}
