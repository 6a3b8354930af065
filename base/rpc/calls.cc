#include "base/rpc/calls.h"

#include <utility>

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "base/async/worker_pool.h"
#include "base/rpc/bytes.h"
#include "base/rpc/call_peer.h"

namespace base::rpc {
namespace {

constexpr std::chrono::hours kFarDeadline{24 * 365};  // no client means more

// What both kinds of call share: the bounds, the figures, the way into the pool.
class CallState {
  public:
    CallState(ServedMethod& method, grpc::CallbackServerContext* context)
        : method_(method), context_(context), began_(method.clock.steady()) {
        bounds_.stop = stop_.get_token();
        bounds_.deadline =
            Deadline(began_ + method.call_max).earlier(client_deadline(*context, began_));
        bounds_.who = peer_of(*context);
        method_.metrics.started();
        admitted_ = method_.running.add(context, bounds_.deadline, method.calls_max);
    }

    ~CallState() {
        if (admitted_) {
            method_.running.remove(context_);
        }
        const std::chrono::duration<double> took = method_.clock.steady() - began_;
        method_.metrics.handled(status_, took.count());
    }

    CallState(const CallState&) = delete;
    CallState& operator=(const CallState&) = delete;

    // Why the call cannot begin, or a step could not be queued.
    [[nodiscard]] Status check_admitted() {
        if (admitted_) {
            return success();
        }
        method_.metrics.all().refused.add();
        return fail(Code::kLimit,
                    "too many gRPC calls at once, the limit is",
                    method_.calls_max,
                    "over all connections; try again later");
    }

    // CANCELLED and DEADLINE_EXCEEDED before anything else: what a handler answers after that is
    // of no interest.
    [[nodiscard]] grpc::Status finish(const Status& outcome) {
        grpc::Status status = outcome.has_value() ? grpc::Status::OK : to_grpc(outcome.error());
        if (bounds_.deadline.passed(method_.clock.steady())) {
            status = grpc::Status(grpc::StatusCode::DEADLINE_EXCEEDED,
                                  "the call took longer than the client, or "
                                  "--grpc.max-call-duration, allows");
        } else if (stop_.stop_requested()) {
            status = grpc::Status(grpc::StatusCode::CANCELLED, "the call was cancelled");
        }
        status_ = status.error_code();
        return status;
    }

    void cancel() { stop_.request_stop(); }

    [[nodiscard]] bool cancelled() const { return stop_.stop_requested(); }

    [[nodiscard]] ServedMethod& method() { return method_; }

    [[nodiscard]] const CallContext& bounds() const { return bounds_; }

    [[nodiscard]] Status read(const grpc::ByteBuffer& request, std::string& bytes) {
        TRY(copy_bytes(request, bytes));
        method_.metrics.all().received_bytes.add(bytes.size());
        return success();
    }

    [[nodiscard]] grpc::ByteBuffer sent(std::string&& message) {
        method_.metrics.all().sent_bytes.add(message.size());
        return to_buffer(std::move(message));
    }

  private:
    static Deadline client_deadline(const grpc::CallbackServerContext& context, SteadyTime now) {
        const auto left = context.deadline() - std::chrono::system_clock::now();
        return left > kFarDeadline ? Deadline() : Deadline(now + left);
    }

    ServedMethod& method_;
    grpc::CallbackServerContext* const context_;
    const SteadyTime began_;
    std::stop_source stop_;
    CallContext bounds_;
    bool admitted_ = false;
    int status_ = 0;
};

class UnaryCall final : public grpc::ServerUnaryReactor {
  public:
    UnaryCall(ServedMethod& method,
              grpc::CallbackServerContext* context,
              const grpc::ByteBuffer* request,
              grpc::ByteBuffer* response)
        : state_(method, context), request_(request), response_(response) {}

    void start() {
        Status begun = state_.check_admitted();
        if (begun) {
            begun = state_.method().pool.submit([this] { run(); });
        }
        if (!begun) {
            Finish(state_.finish(begun));
        }
    }

    void OnCancel() override { state_.cancel(); }

    void OnDone() override { delete this; }

  private:
    void run() {
        const Status outcome = answer();
        Finish(state_.finish(outcome));
    }

    Status answer() {
        std::string bytes;
        TRY(state_.read(*request_, bytes));
        TRY(std::string answer, state_.method().method.unary(bytes, state_.bounds()));
        *response_ = state_.sent(std::move(answer));
        return success();
    }

    CallState state_;
    const grpc::ByteBuffer* const request_;
    grpc::ByteBuffer* const response_;
};

// One step per message: the thread goes back to the pool while the reader takes its time.
class StreamCall final : public grpc::ServerWriteReactor<grpc::ByteBuffer> {
  public:
    StreamCall(ServedMethod& method,
               grpc::CallbackServerContext* context,
               const grpc::ByteBuffer* request)
        : state_(method, context), request_(request) {}

    void start() {
        if (const Status admitted = state_.check_admitted(); !admitted) {
            Finish(state_.finish(admitted));
            return;
        }
        queue_step();
    }

    void OnWriteDone(bool ok) override {
        message_.Clear();
        if (ok && !state_.cancelled()) {
            queue_step();
        } else {
            state_.cancel();
            end(success());
        }
    }

    void OnCancel() override { state_.cancel(); }

    void OnDone() override { delete this; }

  private:
    void queue_step() {
        if (Status queued = state_.method().pool.submit([this] { step(); }); !queued) {
            end(queued);
        }
    }

    void step() {
        std::string message;
        auto more = pull(message);
        if (more.has_value() && more.value()) {
            message_ = state_.sent(std::move(message));
            StartWrite(&message_);
            return;
        }
        end(more.has_value() ? Status(success()) : Status(fail(std::move(more).error())));
    }

    Result<bool> pull(std::string& message) {
        if (state_.cancelled()) {
            return fail(Code::kCanceled, "the call was cancelled");
        }
        if (stream_ == nullptr) {
            std::string bytes;
            TRY(state_.read(*request_, bytes));
            TRY(stream_, state_.method().method.stream(bytes, state_.bounds()));
        }
        return stream_->next(message);
    }

    // What the stream holds of the storage is given back before the client has read the end.
    void end(const Status& outcome) {
        stream_.reset();
        Finish(state_.finish(outcome));
    }

    CallState state_;
    const grpc::ByteBuffer* const request_;
    std::unique_ptr<MessageStream> stream_;
    grpc::ByteBuffer message_;  // on its way until OnWriteDone()
};

}  // namespace

bool RunningCalls::add(grpc::CallbackServerContext* context, Deadline deadline, size_t limit) {
    const MutexLock lock(mutex_);
    if (calls_.size() >= limit) {
        return false;
    }
    calls_.emplace(context, deadline);
    return true;
}

void RunningCalls::remove(grpc::CallbackServerContext* context) {
    const MutexLock lock(mutex_);
    while (cancelling_ == context && canceller_ != std::this_thread::get_id()) {
        cancelled_.wait(mutex_);
    }
    calls_.erase(context);
}

// A call is cancelled once: from then on no deadline is left to pass.
grpc::CallbackServerContext* RunningCalls::take_late(SteadyTime now) {
    const MutexLock lock(mutex_);
    cancelling_ = nullptr;
    cancelled_.notify_all();
    for (auto& [context, deadline] : calls_) {
        if (deadline.passed(now)) {
            deadline = Deadline();
            cancelling_ = context;
            canceller_ = std::this_thread::get_id();
            break;
        }
    }
    return cancelling_;
}

void RunningCalls::cancel_late(SteadyTime now) {
    while (grpc::CallbackServerContext* const late = take_late(now)) {
        late->TryCancel();
    }
}

grpc::ServerUnaryReactor* start_unary(ServedMethod& method,
                                      grpc::CallbackServerContext* context,
                                      const grpc::ByteBuffer* request,
                                      grpc::ByteBuffer* response) {
    auto* const call = new UnaryCall(method, context, request, response);
    call->start();
    return call;
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* start_stream(ServedMethod& method,
                                                         grpc::CallbackServerContext* context,
                                                         const grpc::ByteBuffer* request) {
    auto* const call = new StreamCall(method, context, request);
    call->start();
    return call;
}

}  // namespace base::rpc
