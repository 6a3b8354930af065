// One call to an endpoint: counted, limited, and with its errors told as the query wants them told.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/result.h"
#include "model/query_scope.h"
#include "model/storage.h"
#include "storeapi/peers/endpoints.h"

namespace storeapi {

// How many calls run. Threads: any.
class CallLimit {
  public:
    CallLimit(size_t calls_max, PeerMetrics& metrics) : calls_max_(calls_max), metrics_(metrics) {}

    // errors  kLimit
    [[nodiscard]] base::Status take();
    void give_back();

  private:
    const size_t calls_max_;
    PeerMetrics& metrics_;
    std::atomic<size_t> running_{0};
};

// Stands for a call from its begin to its end. Threads: one.
class PeerCall {
  public:
    // limit    outlives the call
    // context  of the query, outlives the call
    // errors   kLimit: too many calls run
    [[nodiscard]] static base::Result<PeerCall> begin(std::shared_ptr<const Endpoint> endpoint,
                                                      CallLimit& limit,
                                                      bool partial_response,
                                                      const model::QueryContext& context);

    ~PeerCall() { end(); }

    PeerCall(PeerCall&& other) noexcept = default;
    PeerCall& operator=(PeerCall&& other) = delete;
    PeerCall(const PeerCall&) = delete;
    PeerCall& operator=(const PeerCall&) = delete;

    // What an error of the call is to the query: a warning for the user, or, when the query was
    // cancelled, is out of time or memory, or takes no partial answers, its own error.
    [[nodiscard]] base::Result<std::string> told(const base::Error& error);

    // "address: text"
    [[nodiscard]] std::string from_peer(std::string_view text) const;

    [[nodiscard]] const Endpoint& endpoint() const { return *endpoint_; }

    void end();

  private:
    struct GiveBack {
        void operator()(CallLimit* limit) const { limit->give_back(); }
    };

    PeerCall(std::shared_ptr<const Endpoint> endpoint,
             CallLimit& limit,
             bool partial_response,
             const model::QueryContext& context);

    std::shared_ptr<const Endpoint> endpoint_;
    std::unique_ptr<CallLimit, GiveBack> slot_;
    bool partial_response_;
    const model::QueryContext* context_;
};

// An endpoint that did not answer, as users are told of it.
[[nodiscard]] std::string missing_text(const Endpoint& endpoint);

}  // namespace storeapi
