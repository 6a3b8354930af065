#include "test/shard/session/link_world.h"

#include <catch2/catch.hpp>

namespace link_test {

using namespace std::chrono_literals;
using base::MutexLock;

bool becomes(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + 20s;
    bool holds = condition();
    while (!holds && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(1ms);
        holds = condition();
    }
    return holds;
}

// --- the loop ------------------------------------------------------------------------------------

Loop::Loop() : thread_([this] { work(); }) {}

Loop::~Loop() {
    {
        const MutexLock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void Loop::post(std::function<void()> call) {
    {
        const MutexLock lock(mutex_);
        calls_.push_back(std::move(call));
    }
    changed_.notify_one();
}

void Loop::run(const std::function<void()>& call) {
    std::atomic<bool> done{false};
    post([&] {
        call();
        done = true;
        done.notify_one();
    });
    done.wait(false);
}

void Loop::set_poll(std::function<void()> poll) {
    run([&] { poll_ = std::move(poll); });
}

void Loop::work() {
    for (;;) {
        std::deque<std::function<void()>> calls;
        {
            const MutexLock lock(mutex_);
            if (calls_.empty() && !stopping_) {
                changed_.wait_until(mutex_, std::chrono::steady_clock::now() + 3ms);
            }
            if (calls_.empty() && stopping_) {
                return;
            }
            calls.swap(calls_);
        }
        for (const std::function<void()>& call : calls) {
            call();
        }
        if (poll_ != nullptr) {
            poll_();
        }
    }
}

// --- a node --------------------------------------------------------------------------------------

WorkerOptions quick(std::vector<std::string> join) {
    return {.join = std::move(join), .retry = 10ms, .retry_max = 50ms, .refused_retry = 50ms};
}

Node::Node(Loop& loop,
           std::string id,
           const WorkerOptions& options,
           base::rpc::ClientTls tls,
           bool polled,
           base::Secret key)
    : loop_(loop), polled_(polled) {
    loop.run([&] {
        link_ = std::make_unique<GrpcLink>(
            std::move(tls),
            loop.poster(),
            LinkListener{
                .opened = [this] { worker->opened(); },
                .received = [this](LeaderMessage message) { worker->received(std::move(message)); },
                .closed = [this](const std::string& why) { worker->closed(why); }},
            std::move(key));
        worker = std::move(Worker::start(
                               {.node_id = std::move(id), .member = 7, .address = "127.0.0.1:1"},
                               options,
                               {.link = *link_,
                                .store = store_,
                                .holdings = scraper,
                                .loads = loads_,
                                .clock = clock_,
                                .random = random_,
                                .log = {}}))
                     .value();
    });
    if (polled_) {
        loop.set_poll([this] { poll(); });
    }
}

Node::~Node() {
    if (polled_) {
        loop_.set_poll(nullptr);
    }
    loop_.run([this] {
        worker.reset();
        link_.reset();
    });
}

// --- a leader ------------------------------------------------------------------------------------

Leader::Leader() : Leader(How()) {}

Leader::Leader(How how) : how_(std::move(how)) {
    how_.server.listen_address = "127.0.0.1:0";
    if (how_.admission == nullptr) {
        how_.admission = [](const base::rpc::CallPeer&) { return base::success(); };
    }
    start();
    how_.server.listen_address = address_;
}

Leader::~Leader() {
    stop();
}

void Leader::start() {
    loop.run([this] {
        sessions = std::make_unique<SessionServer>(how_.sessions,
                                                   SessionServer::Parts{.handler = *this,
                                                                        .clock = clock_,
                                                                        .post = loop.poster(),
                                                                        .admission = how_.admission,
                                                                        .key = how_.key});
    });
    server_ = std::move(base::rpc::Server::start(
                            how_.server, sessions->methods(), {pool_, clock_, counted_}))
                  .value();
    address_ = server_->address();
    loop.set_poll([this] { sessions->poll(); });
}

void Leader::stop() {
    if (server_ != nullptr) {
        server_->stop(0ms);
        server_.reset();
        loop.set_poll(nullptr);
        loop.run([this] { sessions.reset(); });
    }
}

void Leader::opened(SessionId id, const base::rpc::CallPeer& peer) {
    open.push_back(id);
    peers.push_back(peer);
}

void Leader::received(SessionId id, NodeMessage message) {
    messages.emplace_back(id, std::move(message));
    const NodeMessage said = messages.back().second;
    if (script != nullptr) {
        script(id, said);
    } else if (std::holds_alternative<Hello>(said)) {
        welcome(id);
    }
}

void Leader::closed(SessionId id, const std::string& why) {
    std::erase(open, id);
    ends.push_back(why);
}

void Leader::welcome(SessionId id) {
    const Order order{.term = 1, .epoch = 1};
    sessions->send(id,
                   Welcome{.cluster_id = "test", .number = 1, .order = order, .lease = 5'000ms});
    sessions->send(id, Assignment{.order = order, .everything = true, .targets = targets});
}

}  // namespace link_test
