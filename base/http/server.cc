#include "base/http/server.h"

#include "base/async/deadline.h"
#include "base/check.h"
#include "base/http/server_core.h"

namespace base::http {

namespace {

constexpr Duration kFullPause{100'000'000};  // out of file descriptors: wait before the next accept

}  // namespace

void ServerCore::leave() {
    for (const Event::Setter& setter : room) {
        setter.set();
    }
    const MutexLock lock(mutex);
    if (--connections == 0) {
        empty.notify_all();
    }
}

// One listening address.
struct Listener {
    Listener(Lane& lane, std::unique_ptr<Acceptor> listening)
        : acceptor(std::move(listening)), room(lane), tasks(lane) {}

    std::unique_ptr<Acceptor> acceptor;
    Event room;
    TaskGroup tasks;
};

struct Server::State {
    State(Runtime& on, std::shared_ptr<ServerCore> shared) : runtime(on), core(std::move(shared)) {
        for (size_t i = 0; i < runtime.size(); ++i) {
            lanes.push_back(std::make_unique<ServerLane>(runtime.lane(i)));
        }
    }

    [[nodiscard]] Task<void> accept_loop(Listener& listener);
    void hand_over(ServerLane& lane, std::unique_ptr<Stream> stream);
    void stop(Duration grace);
    [[nodiscard]] bool wait_empty(SteadyTime until);

    template <class Call>
    void on_each_connection(Call call) {
        for (const auto& lane : lanes) {
            lane->lane.call([&] {
                for (ServerConnection* const connection : lane->connections) {
                    call(*connection);
                }
            });
        }
    }

    Runtime& runtime;
    const std::shared_ptr<ServerCore> core;
    std::vector<std::string> addresses;
    uint16_t port = 0;
    std::atomic<size_t> turn{0};
    bool stopped = false;
    std::vector<std::unique_ptr<ServerLane>> lanes;
    std::vector<std::unique_ptr<Listener>> listeners;
};

void Server::State::hand_over(ServerLane& lane, std::unique_ptr<Stream> stream) {
    auto slot = std::make_shared<ConnectionSlot>(core);
    auto moved = std::make_shared<std::unique_ptr<Stream>>(std::move(stream));
    lane.lane.post([core = core, &lane, slot, moved] {
        std::string name = "connection " + (*moved)->peer();
        lane.tasks.spawn(std::move(name), serve_connection(core, lane, std::move(*moved), slot));
    });
}

Task<void> Server::State::accept_loop(Listener& listener) {
    while (!core->stopping) {
        while (core->connections >= core->options.max_connections) {
            CO_TRY(co_await listener.room.wait());
        }
        ServerLane& lane = *lanes[turn++ % lanes.size()];
        auto accepted = co_await listener.acceptor->accept(lane.lane);
        if (accepted) {
            hand_over(lane, std::move(accepted).value());
            continue;
        }
        if (accepted.error().code() == Code::kCanceled) {
            break;
        }
        if (core->observer != nullptr) {
            core->observer->on_connection_error(listener.acceptor->address(), accepted.error());
        }
        if (accepted.error().code() == Code::kLimit) {
            CO_TRY(co_await sleep_for(kFullPause));
        }
    }
    co_return success();
}

// True when no connection is left.
bool Server::State::wait_empty(SteadyTime until) {
    const MutexLock lock(core->mutex);
    while (core->connections > 0) {
        if (!core->empty.wait_until(core->mutex, until)) {
            return core->connections == 0;
        }
    }
    return true;
}

void Server::State::stop(Duration grace) {
    if (std::exchange(stopped, true)) {
        return;
    }
    core->stopping = true;
    for (const auto& listener : listeners) {
        listener->tasks.lane().call([&] { listener->acceptor->close(); });
        listener->tasks.stop_and_wait();
    }
    on_each_connection([](ServerConnection& connection) { close_if_idle(connection); });
    if (!wait_empty(std::chrono::steady_clock::now() + grace)) {
        on_each_connection([](ServerConnection& connection) { raise_stop(connection); });
    }
    for (const auto& lane : lanes) {
        lane->tasks.stop_and_wait();
    }
}

Result<std::unique_ptr<Server>> Server::start(Runtime& runtime,
                                              Router router,
                                              ServerOptions options,
                                              WebOptionsSource web,
                                              WorkerPool* compress_pool,
                                              ServerObserver* observer) {
    auto core = std::make_shared<ServerCore>();
    TRY(core->cors, Cors::create(options.cors_origin));
    core->router = std::move(router);
    core->options = std::move(options);
    core->web = std::move(web);
    core->compress_pool = compress_pool;
    core->observer = observer;
    auto state = std::make_shared<State>(runtime, core);
    for (const std::string& address : core->options.listen_addresses) {
        Lane& lane = runtime.next();
        TRY(auto acceptor, Acceptor::bind(lane, address));
        state->addresses.push_back(acceptor->address());
        if (state->listeners.empty()) {
            state->port = acceptor->port();
        }
        state->listeners.push_back(std::make_unique<Listener>(lane, std::move(acceptor)));
        core->room.push_back(state->listeners.back()->room.setter());
    }
    for (const auto& listener : state->listeners) {
        listener->tasks.lane().call([&] {
            listener->tasks.spawn("accept " + listener->acceptor->address(),
                                  state->accept_loop(*listener));
        });
    }
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::shared_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
    stop(Duration::zero());
}

void Server::stop(Duration grace) {
    state_->stop(grace);
}

const std::vector<std::string>& Server::addresses() const {
    return state_->addresses;
}

uint16_t Server::port() const {
    return state_->port;
}

size_t Server::connections() const {
    return state_->core->connections;
}

}  // namespace base::http
