// Answers what other nodes ask beside their sessions, over gRPC: docs/protocol.md,
// skein.v1.Cluster.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/server.h"
#include "base/secret.h"
#include "shard/session/questions.h"

namespace shard {

// Serves Identify and Ask.
//   threads   any
//   lifetime  Its methods may outlive it: they refuse then, and answer() of those that run may
//             still be under way. What the functions and the clock refer to outlives the methods.
class IdentityService {
  public:
    struct Parts {
        // Called from any thread; does not block for long.
        std::function<Identity()> identity;
        // Called from threads of gRPC's pool, several at once; may block, but does not wait for
        // another node: two that ask each other would starve.
        std::function<base::Result<Answer>(const Question&, base::Deadline)> answer;
        // Whether this one may speak. Called from any thread.
        std::function<base::Status(const base::rpc::CallPeer&)> admission;
        // Seals questions and answers (shard/sealed_question.h); empty: none is sealed.
        base::Secret key;
        const base::Clock& clock;
    };

    explicit IdentityService(Parts parts);
    ~IdentityService();
    IdentityService(const IdentityService&) = delete;
    IdentityService& operator=(const IdentityService&) = delete;

    // For base::rpc::Server.
    [[nodiscard]] std::vector<base::rpc::Method> methods() const;

  private:
    struct Shared;
    const std::shared_ptr<Shared> shared_;
};

}  // namespace shard
