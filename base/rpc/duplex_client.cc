#include "base/rpc/duplex_client.h"

#include <atomic>
#include <latch>
#include <utility>

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/rpc_method.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include "base/rpc/bytes.h"
#include "base/rpc/duplex_queue.h"

namespace base::rpc {
namespace {

// A hold keeps gRPC from ending the call while something may still be asked of it.
class CalledDuplex final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public DuplexCall {
  public:
    CalledDuplex(std::string path, DuplexListener& listener, std::shared_ptr<std::latch> gone)
        : path_(std::move(path)),
          method_(path_.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING),
          listener_(listener),
          gone_(std::move(gone)),
          queue_(std::make_shared<DuplexQueue>(*this, DuplexOptions{}.queue_bytes_max)) {}

    CalledDuplex(const CalledDuplex&) = delete;
    CalledDuplex& operator=(const CalledDuplex&) = delete;

    [[nodiscard]] std::shared_ptr<DuplexQueue> queue() const { return queue_; }

    // For cancelling a call that is finished and has not ended: it outlives the call.
    [[nodiscard]] std::shared_ptr<grpc::ClientContext> context() const { return context_; }

    void start(grpc::Channel& channel) {
        grpc::internal::ClientCallbackReaderWriterFactory<grpc::ByteBuffer,
                                                          grpc::ByteBuffer>::Create(&channel,
                                                                                    method_,
                                                                                    context_.get(),
                                                                                    this);
        AddHold();
        StartRead(&read_);
        StartCall();
    }

    void OnReadDone(bool ok) override {
        if (!ok) {
            ended_ = true;
            queue_->end(success());  // what it ended with comes with OnDone()
            return;
        }
        std::string message;
        if (Status copied = copy_bytes(read_, message); !copied) {
            queue_->end(std::move(copied));
            return;
        }
        read_.Clear();
        listener_.received(std::move(message));
        if (!queue_->ending()) {
            StartRead(&read_);
        }
    }

    void OnWriteDone(bool ok) override {
        written_.Clear();
        if (!ok) {
            ended_ = true;
        }
        queue_->written(ok);
    }

    void OnDone(const grpc::Status& status) override {
        listener_.closed(status.ok() ? Status(success()) : Status(fail(to_error(status))));
        const std::shared_ptr<std::latch> gone = gone_;
        delete this;
        gone->count_down();
    }

  private:
    ~CalledDuplex() override = default;

    void write(std::string message) override {
        written_ = to_buffer(std::move(message));
        StartWrite(&written_);
    }

    void cancel() override { context_->TryCancel(); }

    void finish(const Status& /*outcome*/) override {
        // The status of a call that the server has ended may be on its way still: a cancelled call
        // would not wait for it.
        if (ended_) {
            StartWritesDone();
        } else {
            context_->TryCancel();
        }
        RemoveHold();
    }

    const std::string path_;
    const grpc::internal::RpcMethod method_;
    const std::shared_ptr<grpc::ClientContext> context_ = std::make_shared<grpc::ClientContext>();
    DuplexListener& listener_;
    const std::shared_ptr<std::latch> gone_;
    const std::shared_ptr<DuplexQueue> queue_;
    std::atomic<bool> ended_{false};  // by the server, or with the connection
    grpc::ByteBuffer read_;
    grpc::ByteBuffer written_;  // on its way until OnWriteDone()
};

class ClientDuplex final : public Duplex {
  public:
    ClientDuplex(grpc::Channel& channel, std::string path, DuplexListener& listener) {
        auto* const call = new CalledDuplex(std::move(path), listener, gone_);
        queue_ = call->queue();
        context_ = call->context();
        call->start(channel);
    }

    ~ClientDuplex() override {
        ClientDuplex::abort();
        gone_->wait();
    }

    ClientDuplex(const ClientDuplex&) = delete;
    ClientDuplex& operator=(const ClientDuplex&) = delete;

    bool send(std::string message) override { return queue_->send(std::move(message)); }

    [[nodiscard]] size_t waiting_bytes() const override { return queue_->waiting_bytes(); }

    void close(Status outcome) override { queue_->close(std::move(outcome)); }

    void abort() override {
        queue_->abort();
        context_->TryCancel();
    }

  private:
    const std::shared_ptr<std::latch> gone_ = std::make_shared<std::latch>(1);
    std::shared_ptr<DuplexQueue> queue_;
    std::shared_ptr<grpc::ClientContext> context_;
};

}  // namespace

std::unique_ptr<Duplex> open_duplex(grpc::Channel& channel,
                                    std::string path,
                                    DuplexListener& listener) {
    return std::make_unique<ClientDuplex>(channel, std::move(path), listener);
}

}  // namespace base::rpc
