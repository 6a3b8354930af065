#include "base/rpc/server.h"

#include <deque>
#include <map>
#include <thread>
#include <utility>

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/codegen/server_callback_handlers.h>
#include <grpcpp/impl/rpc_service_method.h>
#include <grpcpp/impl/service_type.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "base/check.h"
#include "base/rpc/credentials.h"
#include "base/rpc/duplex_server.h"
#include "base/sync.h"

namespace base::rpc {
namespace {

constexpr int kMinPingMs = 5'000;        // the Thanos querier pings every 10 s
constexpr int kPingMs = 30'000;          // ours: finds clients that are gone without a word
constexpr int kPingTimeoutMs = 20'000;   // for the answer
constexpr int kHandshakeMaxMs = 20'000;  // TLS, until the first frame
constexpr std::chrono::seconds kLookAfterCalls{1};

// Methods of one service. Messages stay bytes, so that a frame goes out as it was built.
class BytesService final : public grpc::Service {
  public:
    void add(ServedMethod& served) {
        using grpc::internal::RpcMethod;
        switch (kind_of(served.method)) {
            case MethodKind::kUnary:
                return add(served, RpcMethod::NORMAL_RPC, unary_handler(served));
            case MethodKind::kServerStream:
                return add(served, RpcMethod::SERVER_STREAMING, stream_handler(served));
            case MethodKind::kDuplex:
                return add(served, RpcMethod::BIDI_STREAMING, duplex_handler(served));
        }
    }

    static MethodKind kind_of(const Method& method) {
        if (method.unary != nullptr) {
            return MethodKind::kUnary;
        }
        return method.stream != nullptr ? MethodKind::kServerStream : MethodKind::kDuplex;
    }

  private:
    void add(ServedMethod& served,
             grpc::internal::RpcMethod::RpcType type,
             grpc::internal::MethodHandler* handler) {
        AddMethod(new grpc::internal::RpcServiceMethod(served.method.path.c_str(), type, nullptr));
        MarkMethodRawCallback(count_++, handler);
    }

    static grpc::internal::MethodHandler* unary_handler(ServedMethod& served) {
        return new grpc::internal::CallbackUnaryHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [&served](grpc::CallbackServerContext* context,
                      const grpc::ByteBuffer* request,
                      grpc::ByteBuffer* response) {
                return start_unary(served, context, request, response);
            });
    }

    static grpc::internal::MethodHandler* stream_handler(ServedMethod& served) {
        return new grpc::internal::CallbackServerStreamingHandler<grpc::ByteBuffer,
                                                                  grpc::ByteBuffer>(
            [&served](grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
                return start_stream(served, context, request);
            });
    }

    static grpc::internal::MethodHandler* duplex_handler(ServedMethod& served) {
        return new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
            [&served](grpc::CallbackServerContext* context) {
                return start_duplex(served, context);
            });
    }

    int count_ = 0;
};

// ":10901" is Go's way to name every address.
std::string address_of(const std::string& text) {
    return text.starts_with(':') ? "[::]" + text : text;
}

void set_arguments(grpc::ServerBuilder& builder, const ServerOptions& options) {
    builder.SetMaxSendMessageSize(-1);
    builder.SetMaxReceiveMessageSize(static_cast<int>(options.request_bytes_max));
    // Two nodes on one port would each get half of the calls.
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, kMinPingMs);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMs);
    builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
    builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMaxMs);
    if (options.max_concurrent_streams != 0) {
        builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                                   static_cast<int>(options.max_concurrent_streams));
    }
}

// Once per process, before the first server.
void set_up_library() {
    static const bool done = [] {
        grpc::EnableDefaultHealthCheckService(true);
        grpc::reflection::InitProtoReflectionServerBuilderPlugin();
        // It would write lines of its own form to stderr, one for each odd client.
        gpr_set_log_function([](gpr_log_func_args*) {});
        return true;
    }();
    static_cast<void>(done);
}

}  // namespace

struct Server::State {
    State(const ServerOptions& options, std::vector<Method> methods, const Parts& parts)
        : methods(std::move(methods)), metrics(parts.metrics), clock(parts.clock) {
        for (const Method& method : this->methods) {
            const int handlers = (method.unary != nullptr ? 1 : 0) +
                                 (method.stream != nullptr ? 1 : 0) +
                                 (method.duplex != nullptr ? 1 : 0);
            SKEIN_CHECK(handlers == 1, "a gRPC method has one handler", method.path);
            const bool lasts = method.duplex != nullptr;
            ServedMethod& added = served.emplace_back(
                ServedMethod{.method = method,
                             .metrics = {metrics, method.path, BytesService::kind_of(method)},
                             .running = lasts ? sessions : running,
                             .pool = parts.pool,
                             .clock = parts.clock,
                             .calls_max = lasts ? options.duplex_calls_max : options.calls_max,
                             .call_max = options.call_max});
            services[method.path.substr(0, method.path.rfind('/'))].add(added);
        }
    }

    // Ends calls whose time is over: gRPC itself does not, for a deadline of ours.
    void look_after_calls() {
        while (!wait_for_stop(std::chrono::steady_clock::now() + kLookAfterCalls)) {
            running.cancel_late(clock.steady());
        }
    }

    // Whether it was asked for before `until`.
    bool wait_for_stop(std::chrono::steady_clock::time_point until) EXCLUDES_LOCK(mutex) {
        const MutexLock lock(mutex);
        while (!stopping && changed.wait_until(mutex, until)) {
        }
        return stopping;
    }

    const std::vector<Method> methods;
    ServerMetrics& metrics;
    const Clock& clock;
    RunningCalls running;
    RunningCalls sessions;  // duplex calls, which have no end of their own
    std::deque<ServedMethod> served;
    std::map<std::string, BytesService> services;
    std::string address;
    int port = 0;
    std::unique_ptr<grpc::Server> server;
    Mutex mutex;
    CondVar changed;
    bool stopping GUARDED_BY(mutex) = false;
    std::thread watch;
};

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
    stop(Duration::zero());
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options,
                                              std::vector<Method> methods,
                                              const Parts& parts) {
    set_up_library();
    TRY(const auto credentials, server_credentials(options.tls));
    auto state = std::make_unique<State>(options, std::move(methods), parts);
    grpc::ServerBuilder builder;
    set_arguments(builder, options);
    builder.AddListeningPort(address_of(options.listen_address), credentials, &state->port);
    for (auto& [name, service] : state->services) {
        builder.RegisterService(&service);
    }
    state->server = builder.BuildAndStart();
    if (state->server == nullptr || state->port == 0) {
        return fail(Code::kUnavailable,
                    "cannot listen on",
                    options.listen_address +
                        ": the port is taken, or the address is none of "
                        "this machine");
    }
    state->server->GetHealthCheckService()->SetServingStatus(false);
    state->address = options.listen_address.substr(0, options.listen_address.rfind(':') + 1) +
                     std::to_string(state->port);
    State* const at = state.get();
    state->watch = std::thread([at] { at->look_after_calls(); });
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

const std::string& Server::address() const {
    return state_->address;
}

int Server::port() const {
    return state_->port;
}

void Server::set_serving(bool serving) {
    state_->server->GetHealthCheckService()->SetServingStatus(serving);
}

void Server::stop(Duration grace) {
    {
        const MutexLock lock(state_->mutex);
        if (std::exchange(state_->stopping, true)) {
            return;
        }
    }
    state_->changed.notify_all();
    state_->watch.join();
    state_->server->GetHealthCheckService()->SetServingStatus(false);
    state_->server->Shutdown(std::chrono::system_clock::now() +
                             std::chrono::duration_cast<std::chrono::microseconds>(grace));
    state_->server->Wait();
}

}  // namespace base::rpc
