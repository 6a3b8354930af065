#include "shard/session/identity_service.h"

#include <atomic>
#include <utility>

#include "shard/sealed_question.h"

namespace shard {

using base::Code;
using base::fail;
using base::Result;
using base::rpc::CallContext;

// What the methods share.
struct IdentityService::Shared {
    explicit Shared(Parts with) : parts(std::move(with)) {}

    using Handler = Result<std::string> (Shared::*)(std::string_view, const CallContext&);

    [[nodiscard]] Result<std::string> call(QuestionSeals& seals,
                                           Handler handler,
                                           std::string_view request,
                                           const CallContext& context);
    [[nodiscard]] Result<std::string> identify(std::string_view question,
                                               const CallContext& context);
    [[nodiscard]] Result<std::string> ask(std::string_view question, const CallContext& context);

    const Parts parts;
    QuestionSeals identify_seals{parts.key, kIdentifyPath};
    QuestionSeals ask_seals{parts.key, kAskPath};
    std::atomic<bool> stopped{false};
};

Result<std::string> IdentityService::Shared::call(QuestionSeals& seals,
                                                  Handler handler,
                                                  std::string_view request,
                                                  const CallContext& context) {
    if (stopped) {
        return fail(Code::kUnavailable, "this node is stopping");
    }
    TRY(parts.admission(context.who));
    // Before anything is done with it, be it sealed or not.
    if (request.size() > kQuestionBytesMax + kQuestionSealBytes) {
        return fail(Code::kLimit,
                    "a question of",
                    request.size(),
                    "bytes, the limit is",
                    kQuestionBytesMax,
                    "(kQuestionBytesMax)");
    }
    if (parts.key.empty()) {
        if (is_sealed_question(request)) {
            return fail(Code::kPermission,
                        "questions are not sealed here: give all nodes the same "
                        "--cluster.key-file");
        }
        return (this->*handler)(request, context);
    }
    TRY(const QuestionSeals::Opened opened, seals.unseal(request, parts.clock.now_ms()));
    TRY(std::string answer, (this->*handler)(opened.question, context));
    return seals.seal(std::move(answer), opened.nonce);
}

Result<std::string> IdentityService::Shared::identify(std::string_view question,
                                                      const CallContext& /*context*/) {
    TRY(decode_identity_question(question));
    return encode(parts.identity());
}

Result<std::string> IdentityService::Shared::ask(std::string_view question,
                                                 const CallContext& context) {
    TRY(const Question asked, decode_question(question));
    TRY(const Answer answer, parts.answer(asked, context.deadline));
    std::string bytes = encode(answer);
    if (bytes.size() > kAnswerBytesMax) {
        return fail(Code::kLimit,
                    "an answer of",
                    bytes.size(),
                    "bytes, the limit is",
                    kAnswerBytesMax,
                    "(kAnswerBytesMax): ask for less");
    }
    return bytes;
}

IdentityService::IdentityService(Parts parts)
    : shared_(std::make_shared<Shared>(std::move(parts))) {}

IdentityService::~IdentityService() {
    shared_->stopped = true;
}

std::vector<base::rpc::Method> IdentityService::methods() const {
    std::vector<base::rpc::Method> methods;
    methods.push_back(
        {.path = kIdentifyPath,
         .unary = [shared = shared_](std::string_view request, const CallContext& context) {
             return shared->call(shared->identify_seals, &Shared::identify, request, context);
         }});
    methods.push_back(
        {.path = kAskPath,
         .unary = [shared = shared_](std::string_view request, const CallContext& context) {
             return shared->call(shared->ask_seals, &Shared::ask, request, context);
         }});
    return methods;
}

}  // namespace shard
