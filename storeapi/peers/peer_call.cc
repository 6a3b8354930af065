#include "storeapi/peers/peer_call.h"

#include <utility>

namespace storeapi {

base::Status CallLimit::take() {
    if (running_.fetch_add(1, std::memory_order_relaxed) >= calls_max_) {
        running_.fetch_sub(1, std::memory_order_relaxed);
        metrics_.refused.add();
        return base::fail(base::Code::kLimit,
                          "limit \"peers.calls-max\" reached:",
                          calls_max_,
                          "calls to other nodes and stores run at the same time; ask again later");
    }
    metrics_.running.add(1);
    return base::success();
}

void CallLimit::give_back() {
    running_.fetch_sub(1, std::memory_order_relaxed);
    metrics_.running.subtract(1);
}

base::Result<PeerCall> PeerCall::begin(std::shared_ptr<const Endpoint> endpoint,
                                       CallLimit& limit,
                                       bool partial_response,
                                       const model::QueryContext& context) {
    TRY(limit.take());
    endpoint->metrics.calls.add();
    return PeerCall(std::move(endpoint), limit, partial_response, context);
}

PeerCall::PeerCall(std::shared_ptr<const Endpoint> endpoint,
                   CallLimit& limit,
                   bool partial_response,
                   const model::QueryContext& context)
    : endpoint_(std::move(endpoint)),
      slot_(&limit),
      partial_response_(partial_response),
      context_(&context) {}

base::Result<std::string> PeerCall::told(const base::Error& error) {
    end();
    TRY(context_->check());
    if (error.code() == base::Code::kLimit) {
        return base::fail(error);
    }
    endpoint_->metrics.call_failures.add();
    std::string text = from_peer(error.message());
    if (!partial_response_) {
        return base::fail(base::Code::kUnavailable, text);
    }
    return text;
}

std::string PeerCall::from_peer(std::string_view text) const {
    return endpoint_->address + ": " + std::string(text);
}

void PeerCall::end() {
    slot_.reset();
}

std::string missing_text(const Endpoint& endpoint) {
    return endpoint.address + ": not asked, " + endpoint.last_error;
}

}  // namespace storeapi
