// Scrapes of a target that this node may scrape until a moment that moves.
#include <catch2/catch.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test/scrape/farm.h"

using namespace scrape_test;
using namespace std::chrono_literals;

namespace {

// A target that takes a connection and never answers.
class SilentTarget {
  public:
    SilentTarget() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(listener_, 8) == 0);
        REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/silent";
    }

    ~SilentTarget() {
        ::close(listener_);
        ::close(connection_);
    }

    [[nodiscard]] const std::string& url() const { return url_; }

    // Takes the connection. False: nobody came.
    bool take() {
        if (!readable(listener_)) {
            return false;
        }
        connection_ = ::accept(listener_, nullptr, nullptr);
        return connection_ >= 0;
    }

    // Until the other side has closed. False: it has not in kPatience.
    bool await_close() {
        char bytes[4096];
        while (readable(connection_)) {
            if (::recv(connection_, bytes, sizeof(bytes), 0) <= 0) {
                return true;
            }
        }
        return false;
    }

  private:
    static bool readable(int socket) {
        pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
        return ::poll(&entry, 1, static_cast<int>(kPatience / 1ms)) > 0;
    }

    int listener_;
    int connection_ = -1;
    std::string url_;
};

struct Fixture {
    Fixture() {
        job.timeout = 10 * kPatience;
        scraper.apply({job});
        model::Target target = Scraper::target(job, silent.url());
        target.end = end;
        end_in(1s);
        scraper.scrape(job, {target}, {});
    }

    void end_in(base::Duration time) {
        *end = (scraper.clock.steady() + time).time_since_epoch().count();
    }

    [[nodiscard]] bool over() const {
        return scraper.clock.steady().time_since_epoch().count() >= *end;
    }

    SilentTarget silent;
    std::shared_ptr<std::atomic<int64_t>> end = std::make_shared<std::atomic<int64_t>>();
    scrape::JobOptions job = Scraper::job("j");
    Scraper scraper;
};

}  // namespace

TEST_CASE("a scrape under way is broken off when its target's end comes", "[scrape]") {
    Fixture at;
    REQUIRE(at.silent.take());
    CHECK(!at.over());
    REQUIRE(at.silent.await_close());
    CHECK(at.over());
    // It is another node's: whether it is up is not this one's to say.
    CHECK(at.scraper.samples("up", "silent").empty());
}

TEST_CASE("a scrape goes on for as long as its target's end moves on", "[scrape]") {
    Fixture at;
    REQUIRE(at.silent.take());
    at.end_in(2s);
    REQUIRE(at.silent.await_close());
    CHECK(at.over());
    CHECK(at.scraper.samples("up", "silent").empty());
}
