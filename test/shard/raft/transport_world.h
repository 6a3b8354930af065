// Members that speak over gRPC on loopback: transports alone, driven by the test, and whole ones
// with a thread each.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/async/worker_pool.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"
#include "base/sync.h"
#include "shard/raft/grpc_transport.h"
#include "test/shard/raft/driver_world.h"

namespace raft_test {

inline constexpr ClusterId kCluster{1, 2, 3};

// Looks at it until it holds; false after half a minute.
[[nodiscard]] bool becomes(const std::function<bool()>& condition);

// What is posted to a thread.
class Tasks {
  public:
    // Threads: any.
    void add(std::function<void()> task);
    // Runs what is there.
    void run();
    // Waits until something is there, or the time comes.
    void wait_until(base::SteadyTime when);

  private:
    base::Mutex mutex_;
    base::CondVar changed_;
    std::deque<std::function<void()>> waiting_ GUARDED_BY(mutex_);
};

// A gRPC server with the methods given.
class TestServer {
  public:
    explicit TestServer(std::vector<base::rpc::Method> methods,
                        const std::string& address = "127.0.0.1:0");
    ~TestServer();
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    [[nodiscard]] std::string address() const { return server_->address(); }

  private:
    base::SystemClock clock_;
    base::Registry metrics_;
    base::rpc::ServerMetrics counted_{metrics_};
    base::WorkerPool pool_{{.name = "rpc", .threads = 2, .queue_max = 64}};
    std::unique_ptr<base::rpc::Server> server_;
};

// A transport without a driver: the test is its thread.
class Speaker {
  public:
    explicit Speaker(MemberId id,
                     const GrpcTransportOptions& options = {},
                     const ClusterId& cluster = kCluster);
    ~Speaker();
    Speaker(const Speaker&) = delete;
    Speaker& operator=(const Speaker&) = delete;

    // Listens, from now on or again, at the same address.
    void serve();
    void stop_serving();

    [[nodiscard]] std::string address() const { return address_; }

    // Ends the transport; the server may go on.
    void end();

    void say(MemberId to, MessageBody body);
    // Runs what was posted until it holds.
    [[nodiscard]] bool hears(const std::function<bool()>& condition);

    [[nodiscard]] const GrpcTransportCounters& counters() const { return *counters_; }

    // Who may open a call, asked of gRPC's threads.
    std::atomic<bool> admits{true};
    std::vector<Message> heard;
    std::vector<MemberId> unreachable;
    std::atomic<bool> over{false};   // since end(), nothing may be called
    std::atomic<int> late_calls{0};  // those that were
    test_support::CaptureSink lines;
    Tasks tasks;
    std::unique_ptr<GrpcTransport> transport;

  private:
    MemberId id_;
    base::SystemClock clock_;
    base::SeededRandom random_;
    base::LogBackend backend_{lines, clock_, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    std::shared_ptr<const GrpcTransportCounters> counters_;
    std::string address_ = "127.0.0.1:0";
    std::unique_ptr<TestServer> server_;
};

// A member with driver, disk in memory, and a thread.
class WholeMember {
  public:
    // The thread is not running, and nothing is listened to, before start().
    explicit WholeMember(MemberId id);
    ~WholeMember();
    WholeMember(const WholeMember&) = delete;
    WholeMember& operator=(const WholeMember&) = delete;

    // Where it will be spoken to.
    [[nodiscard]] std::string address() const { return server_->address(); }

    // Founded with the others, or with an empty disk.
    void start(const Configuration& configuration);
    void stop();

    // Runs on the member's thread, and waits for it.
    void ask(const std::function<void(Driver&)>& question);
    [[nodiscard]] bool leads();
    [[nodiscard]] std::vector<std::string> commands();

    [[nodiscard]] const GrpcTransportCounters& counters() const { return *counters_; }

  private:
    MemberId id_;
    Tasks tasks_;
    base::SystemClock clock_;
    test_support::CaptureSink lines_;
    base::LogBackend backend_{lines_, clock_, base::LogFormat::kLogfmt, base::LogLevel::kInfo};
    base::SeededRandom random_;
    ListMachine machine_;
    std::unique_ptr<HeldDisk> disk_;
    std::unique_ptr<GrpcTransport> transport_;
    std::shared_ptr<const GrpcTransportCounters> counters_;
    std::unique_ptr<TestServer> server_;
    std::unique_ptr<Driver> driver_;
    std::atomic<bool> going_{false};
    std::thread thread_;
};

}  // namespace raft_test
