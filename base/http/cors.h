// Cross-origin answers: --web.cors.origin.
#pragma once

#include <memory>
#include <string>

#include "base/http/message.h"

namespace base::http {

class Cors {
  public:
    // errors  kInvalid: the expression
    [[nodiscard]] static Result<std::unique_ptr<Cors>> create(const std::string& origin_expression);
    ~Cors();

    // Adds the Access-Control headers that the request's Origin asks for.
    void apply(const Request& request, Response& response) const;

  private:
    struct State;
    explicit Cors(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace base::http
