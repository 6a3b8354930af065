#include "base/http/cors.h"

#include <re2/re2.h>

namespace base::http {

struct Cors::State {
    explicit State(const std::string& text)
        : any(text == ".*"), origin(text, RE2::Options(RE2::Quiet)) {}

    bool any;
    RE2 origin;
};

Cors::Cors(std::unique_ptr<State> state) : state_(std::move(state)) {}

Cors::~Cors() = default;

Result<std::unique_ptr<Cors>> Cors::create(const std::string& origin_expression) {
    auto state = std::make_unique<State>(origin_expression);
    if (!state->origin.ok()) {
        return fail(Code::kInvalid,
                    "--web.cors.origin: bad expression",
                    "\"" + origin_expression + "\":",
                    state->origin.error());
    }
    return std::unique_ptr<Cors>(new Cors(std::move(state)));
}

void Cors::apply(const Request& request, Response& response) const {
    const std::string origin(request.headers.get("Origin"));
    if (origin.empty()) {
        return;
    }
    Headers& headers = response.headers;
    headers.set("Access-Control-Allow-Headers", "Accept, Authorization, Content-Type, Origin");
    headers.set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
    headers.set("Access-Control-Expose-Headers", "Date");
    headers.set("Vary", "Origin");
    if (state_->any) {
        headers.set("Access-Control-Allow-Origin", "*");
    } else if (RE2::FullMatch(origin, state_->origin)) {
        headers.set("Access-Control-Allow-Origin", origin);
    }
}

}  // namespace base::http
