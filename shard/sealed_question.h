// Seals of questions that are answered once, where SealHandshake would take a message more in each
// direction. docs/protocol.md, Sealed calls
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/sync.h"

namespace shard {

// Between the clocks of who asks and who answers; a question is remembered for as long, so that it
// cannot be asked twice.
inline constexpr std::chrono::milliseconds kQuestionAgeMax{300'000};
// Questions that are remembered. Beyond it they are refused.
inline constexpr size_t kQuestionsRememberedMax = 65'536;
// That a seal adds to a question, at most.
inline constexpr size_t kQuestionSealBytes = 96;

using QuestionNonce = std::array<uint8_t, 32>;

// The caller's seal of one question.
class SealedQuestion {
  public:
    // random  fit for nonces: base::SystemRandom
    SealedQuestion(const base::Secret& key, std::string path, base::Random& random);

    [[nodiscard]] std::string seal(std::string_view question, int64_t now_ms) const;
    // The answer without its seal. errors  kPermission: it is not the answer to this question
    [[nodiscard]] base::Result<std::string> unseal(std::string answer) const;

  private:
    const base::Secret& key_;
    const std::string path_;
    QuestionNonce nonce_{};
};

// The other end: opens questions of one method, each once, and seals answers.
//   threads  any
class QuestionSeals {
  public:
    struct Opened {
        std::string question;
        QuestionNonce nonce{};  // for seal()
    };

    QuestionSeals(base::Secret key, std::string path)
        : key_(std::move(key)), path_(std::move(path)) {}

    // errors  kPermission: not sealed with the key for this method, from too long ago or too far
    //         ahead, or asked before; kLimit: kQuestionsRememberedMax
    [[nodiscard]] base::Result<Opened> unseal(std::string_view message, int64_t now_ms);
    [[nodiscard]] std::string seal(std::string answer, const QuestionNonce& nonce) const;

  private:
    [[nodiscard]] base::Status remember(const QuestionNonce& nonce,
                                        int64_t asked_ms,
                                        int64_t now_ms);

    const base::Secret key_;
    const std::string path_;
    base::Mutex mutex_;
    std::set<QuestionNonce> asked_ GUARDED_BY(mutex_);
    std::multimap<int64_t, QuestionNonce> by_time_ GUARDED_BY(mutex_);  // when they were asked
};

// For those who have no key, and are asked by who has.
[[nodiscard]] bool is_sealed_question(std::string_view message);

}  // namespace shard
