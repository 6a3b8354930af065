#include "base/rpc/duplex_server.h"

#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "base/rpc/bytes.h"
#include "base/rpc/call_peer.h"
#include "base/rpc/duplex_queue.h"

namespace base::rpc {
namespace {

// Reads one message after another, hands each to the listener, and writes what the queue says.
class ServedDuplex final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                           public DuplexCall {
  public:
    ServedDuplex(ServedMethod& method, grpc::CallbackServerContext* context)
        : method_(method),
          context_(context),
          began_(method.clock.steady()),
          queue_(std::make_shared<DuplexQueue>(*this, DuplexOptions{}.queue_bytes_max)) {
        method_.metrics.started();
        admitted_ = method_.running.add(context, Deadline(), method.calls_max);
    }

    ServedDuplex(const ServedDuplex&) = delete;
    ServedDuplex& operator=(const ServedDuplex&) = delete;

    void start() {
        Status begun = begin();
        if (begun) {
            StartRead(&read_);
        } else {
            queue_->end(std::move(begun));
        }
    }

    void OnReadDone(bool ok) override {
        if (!ok) {
            queue_->end(success());
            return;
        }
        std::string message;
        if (Status copied = copy_bytes(read_, message); !copied) {
            queue_->end(std::move(copied));
            return;
        }
        read_.Clear();
        method_.metrics.all().received_bytes.add(message.size());
        listener_->received(std::move(message));
        if (!queue_->ending()) {
            StartRead(&read_);
        }
    }

    void OnWriteDone(bool ok) override {
        written_.Clear();
        queue_->written(ok);
    }

    void OnCancel() override { queue_->end(fail(Code::kCanceled, "the call was cancelled")); }

    void OnDone() override {
        if (listener_ != nullptr) {
            listener_->closed(outcome_);
        }
        if (admitted_) {
            method_.running.remove(context_);
        }
        const std::chrono::duration<double> took = method_.clock.steady() - began_;
        method_.metrics.handled(status_, took.count());
        delete this;
    }

  private:
    ~ServedDuplex() override = default;

    Status begin() {
        if (!admitted_) {
            method_.metrics.all().refused.add();
            return fail(Code::kLimit,
                        "too many gRPC sessions at once, the limit is",
                        method_.calls_max,
                        "over all connections; try again later");
        }
        TRY(listener_, method_.method.duplex(queue_, peer_of(*context_)));
        return success();
    }

    void write(std::string message) override {
        method_.metrics.all().sent_bytes.add(message.size());
        written_ = to_buffer(std::move(message));
        StartWrite(&written_);
    }

    void cancel() override { context_->TryCancel(); }

    void finish(const Status& outcome) override {
        outcome_ = outcome;
        const grpc::Status status =
            outcome.has_value() ? grpc::Status::OK : to_grpc(outcome.error());
        status_ = status.error_code();
        Finish(status);
    }

    ServedMethod& method_;
    grpc::CallbackServerContext* const context_;
    const SteadyTime began_;
    const std::shared_ptr<DuplexQueue> queue_;
    std::unique_ptr<DuplexListener> listener_;
    grpc::ByteBuffer read_;
    grpc::ByteBuffer written_;  // on its way until OnWriteDone()
    Status outcome_ = success();
    bool admitted_ = false;
    int status_ = 0;
};

}  // namespace

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* start_duplex(
    ServedMethod& method, grpc::CallbackServerContext* context) {
    auto* const call = new ServedDuplex(method, context);
    call->start();
    return call;
}

}  // namespace base::rpc
