#include "base/rpc/client.h"

#include <utility>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/channel_arguments.h>

#include "base/rpc/bytes.h"
#include "base/rpc/credentials.h"
#include "base/rpc/duplex_client.h"

namespace base::rpc {
namespace {

constexpr int kPingMs = 10'000;
constexpr int kPingTimeoutMs = 5'000;
constexpr int kReconnectMs = 500;

grpc::ChannelArguments arguments(const ChannelOptions& options) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(options.message_bytes_max);
    arguments.SetMaxSendMessageSize(-1);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kPingMs);
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectMs);
    if (options.own_connection) {
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    }
    if (options.connect_max.count() > 0) {
        arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                         static_cast<int>(options.connect_max.count()));
    }
    if (!options.tls.server_name.empty()) {
        arguments.SetSslTargetNameOverride(options.tls.server_name);
    }
    return arguments;
}

void bound(grpc::ClientContext& context, Deadline deadline) {
    if (deadline.bounded()) {
        const auto left = deadline.at() - std::chrono::steady_clock::now();
        context.set_deadline(std::chrono::system_clock::now() +
                             std::chrono::duration_cast<std::chrono::microseconds>(left));
    }
}

// Cancels a call when asked to, as long as it lives.
struct Cancel {
    grpc::ClientContext* context;

    void operator()() const { context->TryCancel(); }
};

// One operation at a time is on its way; the queue tells when it is done. Beginning is one of them,
// so that a connection that is still being made keeps nobody waiting before the first message.
class Reader final : public MessageReader {
  public:
    Reader(grpc::Channel& channel,
           const std::string& path,
           std::string request,
           Deadline deadline,
           std::stop_token stop)
        : path_(path),
          method_(path_.c_str(), grpc::internal::RpcMethod::SERVER_STREAMING),
          cancel_(std::move(stop), Cancel{&context_}) {
        bound(context_, deadline);
        request_ = to_buffer(std::move(request));
        reader_.reset(grpc::internal::ClientAsyncReaderFactory<grpc::ByteBuffer>::Create(
            &channel, &done_, method_, &context_, request_, true, this));
    }

    ~Reader() override {
        if (reader_ != nullptr) {
            context_.TryCancel();
            begin();
            const grpc::Status ended = finish();
            static_cast<void>(ended);
        }
        done_.Shutdown();
        while (wait()) {
        }
    }

    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    Result<bool> next(std::string& message) override {
        if (reader_ == nullptr) {
            return false;
        }
        begin();
        grpc::ByteBuffer buffer;
        reader_->Read(&buffer, this);
        if (wait()) {
            TRY(copy_bytes(buffer, message));
            return true;
        }
        const grpc::Status status = finish();
        if (!status.ok()) {
            return fail(to_error(status));
        }
        return false;
    }

  private:
    // Whether the operation on its way went well; a call that could not begin says so when it ends.
    bool wait() {
        void* tag = nullptr;
        bool ok = false;
        return done_.Next(&tag, &ok) && ok;
    }

    void begin() {
        if (!begun_) {
            begun_ = true;
            wait();
        }
    }

    grpc::Status finish() {
        grpc::Status status;
        reader_->Finish(&status, this);
        wait();
        reader_.reset();
        return status;
    }

    const std::string path_;
    const grpc::internal::RpcMethod method_;
    grpc::CompletionQueue done_;
    grpc::ClientContext context_;
    std::stop_callback<Cancel> cancel_;
    grpc::ByteBuffer request_;
    std::unique_ptr<grpc::ClientAsyncReader<grpc::ByteBuffer>> reader_;
    bool begun_ = false;
};

}  // namespace

struct Channel::State {
    std::shared_ptr<grpc::Channel> channel;
};

Channel::Channel(std::unique_ptr<State> state) : state_(std::move(state)) {}

Channel::~Channel() = default;

Result<std::unique_ptr<Channel>> Channel::open(const ChannelOptions& options) {
    TRY(const auto credentials, channel_credentials(options.tls));
    auto state = std::make_unique<State>();
    state->channel = grpc::CreateCustomChannel(options.address, credentials, arguments(options));
    return std::unique_ptr<Channel>(new Channel(std::move(state)));
}

Result<std::string> Channel::call(const std::string& path,
                                  std::string request,
                                  Deadline deadline,
                                  std::stop_token stop) {
    const grpc::internal::RpcMethod method(path.c_str(), grpc::internal::RpcMethod::NORMAL_RPC);
    grpc::ClientContext context;
    bound(context, deadline);
    const std::stop_callback<Cancel> cancel(std::move(stop), Cancel{&context});
    grpc::ByteBuffer answer;
    const grpc::ByteBuffer asked = to_buffer(std::move(request));
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::ByteBuffer, grpc::ByteBuffer>(
            state_->channel.get(), method, &context, asked, &answer);
    if (!status.ok()) {
        return fail(to_error(status));
    }
    std::string bytes;
    TRY(copy_bytes(answer, bytes));
    return bytes;
}

std::unique_ptr<MessageReader> Channel::stream(const std::string& path,
                                               std::string request,
                                               Deadline deadline,
                                               std::stop_token stop) {
    return std::make_unique<Reader>(
        *state_->channel, path, std::move(request), deadline, std::move(stop));
}

std::unique_ptr<Duplex> Channel::duplex(const std::string& path, DuplexListener& listener) {
    return open_duplex(*state_->channel, path, listener);
}

}  // namespace base::rpc
