// Asks other nodes, over gRPC: docs/protocol.md, skein.v1.Cluster.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/rpc/client.h"
#include "base/secret.h"
#include "base/sync.h"
#include "shard/session/questions.h"

namespace shard {

// Addresses that have a channel. One more, and those that nobody uses are closed.
inline constexpr size_t kQuestionChannelsMax = 1'024;
// That making a connection may take, before what is asked fails.
inline constexpr std::chrono::milliseconds kQuestionConnectMax{2'000};
// From the question to the answer, less than FoundingOptions::ask_timeout: who is silent does not
// make the others late.
inline constexpr std::chrono::milliseconds kIdentifyMax{1'500};

// Asks, and waits for the answer.
//   threads   any
//   lifetime  the clock outlives it
class NodeQuestions {
  public:
    // key  seals questions (shard/sealed_question.h); empty: none is sealed
    NodeQuestions(base::rpc::ClientTls tls, base::Secret key, const base::Clock& clock);
    ~NodeQuestions();
    NodeQuestions(const NodeQuestions&) = delete;
    NodeQuestions& operator=(const NodeQuestions&) = delete;

    //   errors  of the node that is asked; kUnavailable: it cannot be reached; kTimeout; kLimit;
    //           kPermission: it does not let us ask, or has another key
    [[nodiscard]] base::Result<Answer> ask(const std::string& address,
                                           const Question& question,
                                           base::Deadline deadline,
                                           std::stop_token stop = {});

  private:
    friend class GrpcIdentities;

    // A question that was asked: the answer is to be read. Keeps its channel.
    struct Asked;

    [[nodiscard]] base::Result<std::unique_ptr<Asked>> begin(const std::string& address,
                                                             const char* path,
                                                             std::string question,
                                                             base::Deadline deadline,
                                                             std::stop_token stop);
    [[nodiscard]] base::Result<std::shared_ptr<base::rpc::Channel>> channel(
        const std::string& address);

    const base::rpc::ClientTls tls_;
    const base::Secret key_;
    const base::Clock& clock_;
    base::SystemRandom nonces_;
    base::Mutex mutex_;
    std::map<std::string, std::shared_ptr<base::rpc::Channel>> channels_ GUARDED_BY(mutex_);
};

// Asks who others are, without waiting for it: all at once, and a thread of its own reads what they
// say.
//   threads   ask() one, on which `post` runs the answers, too
//   lifetime  After the destructor no answer is told. The clock outlives it.
class GrpcIdentities final : public Identities {
  public:
    // Runs it later on the caller's thread; waits for nothing. Called from any thread.
    using Post = std::function<void(std::function<void()>)>;

    // questions  borrowed: its channels are used
    GrpcIdentities(NodeQuestions& questions, Post post, const base::Clock& clock);
    // Ends what is under way.
    ~GrpcIdentities() override;
    GrpcIdentities(const GrpcIdentities&) = delete;
    GrpcIdentities& operator=(const GrpcIdentities&) = delete;

    void ask(const std::string& address, std::function<void(base::Result<Identity>)> done) override;

  private:
    class Reader;  // the thread

    NodeQuestions& questions_;
    const Post post_;
    const base::Clock& clock_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // the caller's thread's
    std::unique_ptr<Reader> reader_;                              // last: it uses what stands above
};

}  // namespace shard
