// Nodes and a leader that talk over gRPC, each on a thread as in the program.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/async/worker_pool.h"
#include "base/random.h"
#include "base/rpc/server.h"
#include "base/sync.h"
#include "shard/session/grpc_link.h"
#include "shard/session/session_server.h"
#include "test/shard/session/messages.h"

namespace link_test {

using namespace shard;

// Waits for it, 20 s at most.
[[nodiscard]] bool becomes(const std::function<bool()>& condition);

// A thread that runs what is posted, and polls.
class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    // Threads: any.
    void post(std::function<void()> call);
    // Runs it there and waits.
    void run(const std::function<void()>& call);
    // Called every few milliseconds from now on; null: no more.
    void set_poll(std::function<void()> poll);

    [[nodiscard]] auto poster() {
        return [this](std::function<void()> call) { post(std::move(call)); };
    }

    // Runs it there and answers what it returns.
    template <class Ask>
    [[nodiscard]] auto ask(Ask&& ask) {
        decltype(ask()) answer{};
        run([&] { answer = ask(); });
        return answer;
    }

  private:
    void work();

    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<std::function<void()>> calls_ GUARDED_BY(mutex_);
    bool stopping_ GUARDED_BY(mutex_) = false;
    std::function<void()> poll_;  // the thread's
    std::thread thread_;          // last: it uses everything above
};

class MemoryStore final : public SessionStore {
  public:
    base::Result<StoredSession> load() override { return StoredSession{}; }

    base::Status save_identity(const std::string& /*cluster_id*/,
                               NodeNumber /*number*/,
                               std::span<const KnownNode> /*nodes*/) override {
        return base::success();
    }

    base::Status save_targets(Order /*seen*/,
                              std::span<const AssignedTarget> /*put*/,
                              std::span<const model::TargetId> /*removed*/,
                              bool /*sync*/) override {
        return base::success();
    }
};

class Scraper final : public HoldingsListener {
  public:
    void hold(const AssignedTarget& target) override {
        held.insert_or_assign(target.id, target.holding);
    }

    void release(model::TargetId id, ReleaseReason /*reason*/) override { held.erase(id); }

    void lease(base::SteadyTime until) override { lease_until = until; }

    void settle() override {}

    std::map<model::TargetId, Holding> held;
    base::SteadyTime lease_until{};
};

class Loads final : public LoadSource {
  public:
    [[nodiscard]] Totals totals() const override { return {.active_series = 42}; }

    void for_each_load(const std::function<void(const TargetLoad&)>& visit) const override {
        visit({.id = 1, .series = 10, .up = true});
    }
};

// Fast enough for a test.
[[nodiscard]] WorkerOptions quick(std::vector<std::string> join);

// A worker with a link. All of it is the loop's.
class Node {
  public:
    Node(Loop& loop,
         std::string id,
         const WorkerOptions& options,
         base::rpc::ClientTls tls = {},
         bool polled = true,
         base::Secret key = {});
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    void poll() { worker->poll(); }

    [[nodiscard]] WorkerStatus status() {
        return loop_.ask([this] { return worker->status(); });
    }

    [[nodiscard]] bool open() { return status().state == SessionState::kOpen; }

    Scraper scraper;
    std::unique_ptr<Worker> worker;

  private:
    Loop& loop_;
    const bool polled_;
    base::SystemClock clock_;
    base::SeededRandom random_{1};
    MemoryStore store_;
    Loads loads_;
    std::unique_ptr<GrpcLink> link_;
};

// A leader that does what the test says.
class Leader final : public SessionHandler {
  public:
    struct How {
        SessionServerOptions sessions;
        base::rpc::ServerOptions server;
        std::function<base::Status(const base::rpc::CallPeer&)> admission;
        base::Secret key;
    };

    Leader();
    explicit Leader(How how);
    ~Leader() override;

    void opened(SessionId id, const base::rpc::CallPeer& peer) override;
    void received(SessionId id, NodeMessage message) override;
    void closed(SessionId id, const std::string& why) override;

    // Welcomes whoever says Hello, and gives him `targets`.
    void welcome(SessionId id);

    [[nodiscard]] const std::string& address() const { return address_; }

    // How many messages of a kind have come.
    template <class Kind>
    [[nodiscard]] size_t count() {
        return loop.ask([this] {
            size_t found = 0;
            for (const auto& [id, message] : messages) {
                found += std::holds_alternative<Kind>(message) ? 1 : 0;
            }
            return found;
        });
    }

    [[nodiscard]] std::vector<std::string> reasons() {
        return loop.ask([this] { return ends; });
    }

    // Takes the port away, and sessions end; listens there again.
    void stop();
    void start();

    Loop loop;
    // The loop's.
    std::function<void(SessionId, const NodeMessage&)> script;  // instead of welcome()
    std::vector<AssignedTarget> targets;
    std::vector<SessionId> open;
    std::vector<std::pair<SessionId, NodeMessage>> messages;
    std::vector<std::string> ends;
    std::vector<base::rpc::CallPeer> peers;
    std::unique_ptr<SessionServer> sessions;

  private:
    How how_;
    base::SystemClock clock_;
    base::Registry metrics_;
    base::rpc::ServerMetrics counted_{metrics_};
    base::WorkerPool pool_{{.name = "rpc", .threads = 2, .queue_max = 64}};
    std::unique_ptr<base::rpc::Server> server_;
    std::string address_;
};

}  // namespace link_test
