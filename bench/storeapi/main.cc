// Series over gRPC, beside what gRPC does with the same messages when they lie ready in memory: a
// server with the head of a folder that `skein-storage fill` left, and a client in a process of its
// own.
//
//   skein-series FOLDER [ROUNDS]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "base/async/worker_pool.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"
#include "storeapi/proto/store.pb.h"
#include "storeapi/services.h"
#include "tsdb/db.h"

namespace {

using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr const char* kSeriesPath = "/thanos.Store/Series";
constexpr const char* kRawPath = "/bench.Raw/Frames";
constexpr const char* kMarkPath = "/bench.Raw/Mark";

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// Messages that were made before: what the way through gRPC costs without any work for them.
class RawFrames final : public base::rpc::MessageStream {
  public:
    explicit RawFrames(const std::vector<std::string>& frames) : frames_(frames) {}

    base::Result<bool> next(std::string& message) override {
        if (given_ == frames_.size()) {
            return false;
        }
        message = frames_[given_++];
        return true;
    }

  private:
    const std::vector<std::string>& frames_;
    size_t given_ = 0;
};

struct Answer {
    double bytes = 0;
    double frames = 0;
    double first_ms = 0;
    double all_ms = 0;
};

// --- the client's process -----------------------------------------------------------------------

class Client {
  public:
    explicit Client(const std::string& address)
        : channel_(std::move(base::rpc::Channel::open({.address = address})).value()) {}

    Answer read(const std::string& path, const std::string& request) {
        const auto begun = std::chrono::steady_clock::now();
        const auto reader = channel_->stream(path, request, base::Deadline());
        Answer answer;
        std::string frame;
        while (reader->next(frame).value()) {
            if (answer.frames++ == 0) {
                answer.first_ms = Milliseconds(std::chrono::steady_clock::now() - begun).count();
            }
            answer.bytes += static_cast<double>(frame.size());
        }
        answer.all_ms = Milliseconds(std::chrono::steady_clock::now() - begun).count();
        return answer;
    }

    // The server's CPU seconds so far, and the most bytes its calls have held.
    std::string mark() { return channel_->call(kMarkPath, "", base::Deadline()).value(); }

    double server_cpu() { return std::strtod(mark().c_str(), nullptr); }

  private:
    std::unique_ptr<base::rpc::Channel> channel_;
};

std::string series_request() {
    thanos::SeriesRequest request;
    request.set_min_time(INT64_MIN);
    request.set_max_time(INT64_MAX);
    request.set_response_batch_size(64);
    auto& matcher = *request.add_matchers();
    matcher.set_name("job");
    matcher.set_value("checkout");
    return request.SerializeAsString();
}

double measure(Client& client, const char* what, const std::string& path, const std::string& ask) {
    const double before = client.server_cpu();
    const Answer answer = client.read(path, ask);
    const double cpu = client.server_cpu() - before;
    std::printf(
        "%-7s %7.1f MB in %5.0f frames, first %6.1f ms, all %7.1f ms, server %6.3f s CPU, "
        "%6.0f MB per CPU second\n",
        what,
        answer.bytes / 1e6,
        answer.frames,
        answer.first_ms,
        answer.all_ms,
        cpu,
        answer.bytes / 1e6 / cpu);
    return answer.bytes / cpu;
}

int run_client(const std::string& address, int rounds) {
    Client client(address);
    const std::string request = series_request();
    std::vector<double> shares;
    for (int i = 0; i < rounds; ++i) {
        const double series = measure(client, "series", kSeriesPath, request);
        const double raw = measure(client, "raw", kRawPath, "");
        shares.push_back(series / raw);
    }
    std::ranges::sort(shares);
    std::printf("Series reaches %.0f %% of raw gRPC by server CPU (median of %d)\n",
                shares[shares.size() / 2] * 100,
                rounds);
    return 0;
}

// --- the server's process -----------------------------------------------------------------------

// All messages of an answer to Series.
std::vector<std::string> record(const std::vector<base::rpc::Method>& methods) {
    const auto method = std::ranges::find(methods, kSeriesPath, &base::rpc::Method::path);
    const auto stream = std::move(method->stream(series_request(), {})).value();
    std::vector<std::string> frames;
    std::string frame;
    while (stream->next(frame).value()) {
        frames.push_back(std::exchange(frame, {}));
    }
    return frames;
}

// What the messages cost without the way through gRPC.
void measure_making(const std::vector<base::rpc::Method>& methods, int rounds) {
    const auto method = std::ranges::find(methods, kSeriesPath, &base::rpc::Method::path);
    std::vector<double> seconds;
    for (int i = 0; i < rounds; ++i) {
        const double before = cpu_seconds();
        const auto stream = std::move(method->stream(series_request(), {})).value();
        std::string frame;
        while (stream->next(frame).value()) {
            frame = std::string();
        }
        seconds.push_back(cpu_seconds() - before);
    }
    std::ranges::sort(seconds);
    std::printf("made without gRPC: %.4f s CPU (median of %d, least %.4f)\n",
                seconds[seconds.size() / 2],
                rounds,
                seconds.front());
    std::fflush(stdout);
}

int run_server(const std::string& folder, int rounds, int address_pipe, pid_t client) {
    const base::SystemClock clock;
    base::Registry registry;
    base::Budget budget("bench");
    tsdb::TsdbOptions options;
    options.path = folder;
    const auto files = base::make_posix_files();
    auto db = tsdb::Db::open(options, *files, clock, budget, {}, registry, {});
    if (!db) {
        std::fprintf(stderr, "%s\n", db.error().message().c_str());
        return 1;
    }
    base::Budget calls("calls", budget);
    const storeapi::Sources sources{
        .storage = *db.value(),
        .clock = clock,
        .budget = calls,
        .options = {},
        .ready = [] { return true; },
        .labels = [] { return model::Labels{{"cluster", "x"}, {"replica", "a"}}; }};
    base::rpc::ServerMetrics counted(registry);
    base::WorkerPool pool({.name = "storeapi", .threads = 2});
    auto methods = storeapi::make_services(sources);
    measure_making(methods, rounds);
    const std::vector<std::string> frames = record(methods);
    methods.push_back({.path = kRawPath,
                       .stream = [&frames](std::string_view, const base::rpc::CallContext&)
                           -> base::Result<std::unique_ptr<base::rpc::MessageStream>> {
                           return std::make_unique<RawFrames>(frames);
                       }});
    methods.push_back(
        {.path = kMarkPath, .unary = [](std::string_view, const base::rpc::CallContext&) {
             return base::Result<std::string>(std::to_string(cpu_seconds()));
         }});
    base::rpc::ServerOptions listen;
    listen.listen_address = "127.0.0.1:0";
    const auto server =
        std::move(base::rpc::Server::start(listen, std::move(methods), {pool, clock, counted}))
            .value();
    std::printf("%llu series, %llu chunks in the head\n",
                static_cast<unsigned long long>(db.value()->stats().series),
                static_cast<unsigned long long>(db.value()->stats().chunks));
    std::fflush(stdout);
    const std::string address = server->address() + "\n";
    if (write(address_pipe, address.data(), address.size()) < 0) {
        return 1;
    }
    int status = 0;
    waitpid(client, &status, 0);
    return WEXITSTATUS(status);
}

}  // namespace

int main(int count, char** words) {
    if (count < 2) {
        std::fprintf(stderr, "usage: skein-series FOLDER [ROUNDS]\n");
        return 2;
    }
    const int rounds = count > 2 ? std::atoi(words[2]) : 5;
    int ends[2];
    if (pipe(ends) != 0) {
        return 1;
    }
    const pid_t client = fork();  // before either side has threads
    if (client == 0) {
        char address[256] = "";
        const ssize_t size = read(ends[0], address, sizeof address - 1);
        const std::string text(address, size > 0 ? static_cast<size_t>(size) - 1 : 0);
        return text.empty() ? 1 : run_client(text, rounds);
    }
    close(ends[0]);
    const int code = run_server(words[1], rounds, ends[1], client);
    close(ends[1]);
    return code;
}
