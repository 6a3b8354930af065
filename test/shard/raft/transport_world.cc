#include "test/shard/raft/transport_world.h"

#include <future>
#include <utility>

#include <catch2/catch.hpp>

namespace raft_test {

using namespace std::chrono_literals;

bool becomes(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
        holds = condition();
    }
    return holds;
}

// --- tasks ---------------------------------------------------------------------------------------

void Tasks::add(std::function<void()> task) {
    const base::MutexLock lock(mutex_);
    waiting_.push_back(std::move(task));
    changed_.notify_one();
}

void Tasks::run() {
    std::deque<std::function<void()>> due;
    {
        const base::MutexLock lock(mutex_);
        due.swap(waiting_);
    }
    for (const auto& task : due) {
        task();
    }
}

void Tasks::wait_until(base::SteadyTime when) {
    const base::MutexLock lock(mutex_);
    while (waiting_.empty() && changed_.wait_until(mutex_, when)) {
    }
}

// --- the server ----------------------------------------------------------------------------------

TestServer::TestServer(std::vector<base::rpc::Method> methods, const std::string& address) {
    base::rpc::ServerOptions options;
    options.listen_address = address;
    auto server = base::rpc::Server::start(options, std::move(methods), {pool_, clock_, counted_});
    REQUIRE(server.has_value());
    server_ = std::move(server).value();
}

TestServer::~TestServer() {
    server_->stop(0s);
}

// --- a transport alone ---------------------------------------------------------------------------

Speaker::Speaker(MemberId id, const GrpcTransportOptions& options, const ClusterId& cluster)
    : id_(id), random_(id) {
    const auto note = [this] {
        if (over) {
            ++late_calls;
        }
    };
    transport = std::make_unique<GrpcTransport>(
        cluster,
        id,
        options,
        GrpcTransport::Parts{.post =
                                 [this, note](std::function<void()> task) {
                                     note();
                                     tasks.add(std::move(task));
                                 },
                             .received =
                                 [this, note](Message message) {
                                     note();
                                     heard.push_back(std::move(message));
                                 },
                             .unreachable =
                                 [this, note](MemberId member) {
                                     note();
                                     unreachable.push_back(member);
                                 },
                             .admit = [this, note](const base::rpc::CallPeer&) -> base::Status {
                                 note();
                                 if (!admits) {
                                     return base::fail(base::Code::kPermission, "not on the list");
                                 }
                                 return base::success();
                             },
                             .clock = clock_,
                             .random = random_,
                             .log = base::Logger(backend_)});
    counters_ = transport->counters();
}

Speaker::~Speaker() {
    end();
    server_.reset();
    tasks.run();
}

void Speaker::serve() {
    server_ = std::make_unique<TestServer>(transport->methods(), address_);
    address_ = server_->address();
}

void Speaker::stop_serving() {
    server_.reset();
}

void Speaker::end() {
    transport.reset();
    over = true;
}

void Speaker::say(MemberId to, MessageBody body) {
    transport->send(Message{id_, to, 1, std::move(body)});
}

bool Speaker::hears(const std::function<bool()>& condition) {
    return becomes([&] {
        tasks.run();
        return condition();
    });
}

// --- a whole member ------------------------------------------------------------------------------

WholeMember::WholeMember(MemberId id) : id_(id), random_(id) {
    transport_ = std::make_unique<GrpcTransport>(
        kCluster,
        id,
        GrpcTransportOptions{},
        GrpcTransport::Parts{
            .post = [this](std::function<void()> task) { tasks_.add(std::move(task)); },
            .received =
                [this](Message message) {
                    if (driver_ != nullptr) {
                        driver_->receive(std::move(message));
                    }
                },
            .unreachable =
                [this](MemberId member) {
                    if (driver_ != nullptr) {
                        driver_->unreachable(member);
                    }
                },
            .admit = {},
            .clock = clock_,
            .random = random_,
            .log = base::Logger(backend_)});
    counters_ = transport_->counters();
    server_ = std::make_unique<TestServer>(transport_->methods());
}

WholeMember::~WholeMember() {
    stop();
}

void WholeMember::start(const Configuration& configuration) {
    disk_ = std::make_unique<HeldDisk>(
        configuration.find(id_) != nullptr ? Disk::of_group(configuration) : Disk());
    DriverOptions options;
    options.tick = 10ms;
    auto driver = Driver::start(
        id_, options, {*disk_, *transport_, machine_, clock_, random_, base::Logger(backend_)});
    REQUIRE(driver.has_value());
    driver_ = std::move(driver).value();
    going_ = true;
    thread_ = std::thread([this] {
        while (going_) {
            tasks_.run();
            base::SteadyTime next = driver_->poll();
            if (disk_->write()) {
                next = clock_.steady();
            }
            tasks_.wait_until(next);
        }
        driver_.reset();
        transport_.reset();
    });
}

void WholeMember::stop() {
    going_ = false;
    if (thread_.joinable()) {
        thread_.join();
    }
}

void WholeMember::ask(const std::function<void(Driver&)>& question) {
    std::promise<void> answered;
    tasks_.add([&] {
        question(*driver_);
        answered.set_value();
    });
    answered.get_future().wait();
}

bool WholeMember::leads() {
    bool leads = false;
    ask([&](Driver& driver) { leads = driver.status().leads; });
    return leads;
}

std::vector<std::string> WholeMember::commands() {
    std::vector<std::string> commands;
    ask([&](Driver&) { commands = machine_.commands; });
    return commands;
}

}  // namespace raft_test
