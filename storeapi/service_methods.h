// How a service's handler becomes a method: the request is read, the node is ready or says so, the
// answer is written.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rpc/server.h"
#include "storeapi/sources.h"

namespace storeapi {

// errors  kUnavailable: the storage is still being read
[[nodiscard]] base::Status check_ready(const Sources& sources);
[[nodiscard]] base::Status bad_request(std::string_view method);

// Parses a request. Proto messages stay in the .cc files that know them.
template <class Request>
[[nodiscard]] base::Result<Request> read_request(std::string_view bytes, std::string_view method) {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
        return base::fail(std::move(bad_request(method)).error());
    }
    return request;
}

// Messages that are there already.
class MessageList final : public base::rpc::MessageStream {
  public:
    explicit MessageList(std::vector<std::string> messages) : messages_(std::move(messages)) {}

    [[nodiscard]] base::Result<bool> next(std::string& message) override {
        if (at_ == messages_.size()) {
            return false;
        }
        message = std::move(messages_[at_++]);
        return true;
    }

  private:
    std::vector<std::string> messages_;
    size_t at_ = 0;
};

// A method with one answer.
//   answer  Result<Response>(const Request&, const CallContext&)
template <class Request, class Answer>
[[nodiscard]] base::rpc::Method unary_method(const Sources& sources,
                                             std::string path,
                                             Answer answer) {
    base::rpc::Method method{.path = std::move(path)};
    method.unary = [&sources, path = method.path, answer = std::move(answer)](
                       std::string_view bytes,
                       const base::rpc::CallContext& context) -> base::Result<std::string> {
        TRY(check_ready(sources));
        TRY(const auto request, read_request<Request>(bytes, path));
        TRY(const auto response, answer(request, context));
        return response.SerializeAsString();
    };
    return method;
}

// A method whose answers are all made at once.
//   answer  Result<vector<Response>>(const Request&, const CallContext&)
template <class Request, class Answer>
[[nodiscard]] base::rpc::Method list_method(const Sources& sources,
                                            std::string path,
                                            Answer answer) {
    base::rpc::Method method{.path = std::move(path)};
    method.stream = [&sources, path = method.path, answer = std::move(answer)](
                        std::string_view bytes, const base::rpc::CallContext& context)
        -> base::Result<std::unique_ptr<base::rpc::MessageStream>> {
        TRY(check_ready(sources));
        TRY(const auto request, read_request<Request>(bytes, path));
        TRY(const auto responses, answer(request, context));
        std::vector<std::string> messages;
        for (const auto& response : responses) {
            messages.push_back(response.SerializeAsString());
        }
        return std::make_unique<MessageList>(std::move(messages));
    };
    return method;
}

// The services, each in its own file.
void add_store_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_info_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_targets_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_metadata_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_exemplars_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_rules_service(const Sources& sources, std::vector<base::rpc::Method>& methods);
void add_status_service(const Sources& sources, std::vector<base::rpc::Method>& methods);

}  // namespace storeapi
