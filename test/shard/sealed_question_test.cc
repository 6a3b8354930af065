#include "shard/sealed_question.h"

#include <catch2/catch.hpp>

using namespace shard;
using base::Code;

namespace {

const base::Secret kKey("a key that is long enough");
constexpr int64_t kNow = 1'767'323'045'678;

struct Ends {
    base::SystemRandom random;
    SealedQuestion asks{kKey, "/s/Ask", random};
    QuestionSeals answers{kKey, "/s/Ask"};

    [[nodiscard]] Code refusal(std::string_view message, int64_t now = kNow) {
        const auto opened = answers.unseal(message, now);
        REQUIRE(!opened.has_value());
        return opened.error().code();
    }
};

}  // namespace

TEST_CASE("a sealed question is opened, and its answer, too", "[seal]") {
    Ends ends;
    for (const std::string text : {"what?", ""}) {
        SealedQuestion asks(kKey, "/s/Ask", ends.random);
        const std::string sealed = asks.seal(text, kNow);
        CHECK(is_sealed_question(sealed));
        CHECK(sealed.size() <= text.size() + kQuestionSealBytes);
        const auto opened = ends.answers.unseal(sealed, kNow + 1'000);
        REQUIRE(opened.has_value());
        CHECK(opened.value().question == text);
        CHECK(asks.unseal(ends.answers.seal("that", opened.value().nonce)).value() == "that");
    }
}

TEST_CASE("a question is asked once, and soon", "[seal]") {
    Ends ends;
    const std::string sealed = ends.asks.seal("what?", kNow);
    CHECK(ends.refusal(sealed, kNow + kQuestionAgeMax.count() + 1) == Code::kPermission);
    CHECK(ends.refusal(sealed, kNow - kQuestionAgeMax.count() - 1) == Code::kPermission);
    CHECK(ends.answers.unseal(sealed, kNow + kQuestionAgeMax.count()).has_value());
    CHECK(ends.refusal(sealed) == Code::kPermission);
    CHECK(ends.refusal(sealed, kNow + kQuestionAgeMax.count()) == Code::kPermission);
}

TEST_CASE("what is changed, of another key or for another method is refused", "[seal]") {
    Ends ends;
    const std::string sealed = ends.asks.seal("what?", kNow);
    for (size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        CHECK(ends.refusal(changed) == Code::kPermission);
        CHECK(ends.refusal(sealed.substr(0, i)) == Code::kPermission);
    }
    CHECK(ends.refusal("not sealed") == Code::kPermission);
    QuestionSeals other_key(base::Secret("another key, long enough"), "/s/Ask");
    CHECK_FALSE(other_key.unseal(sealed, kNow).has_value());
    QuestionSeals other_method(kKey, "/s/Identify");
    CHECK_FALSE(other_method.unseal(sealed, kNow).has_value());
}

TEST_CASE("an answer belongs to its question", "[seal]") {
    Ends ends;
    const auto opened = ends.answers.unseal(ends.asks.seal("what?", kNow), kNow);
    const std::string answer = ends.answers.seal("that", opened.value().nonce);
    CHECK_FALSE(SealedQuestion(kKey, "/s/Ask", ends.random).unseal(answer).has_value());
    CHECK_FALSE(ends.asks.unseal("that").has_value());
    CHECK_FALSE(ends.asks.unseal("x" + answer).has_value());
    CHECK_FALSE(ends.asks.unseal(ends.asks.seal("what?", kNow)).has_value());
}

TEST_CASE("so many questions are remembered, and forgotten in time", "[seal]") {
    Ends ends;
    const auto ask = [&](int64_t now) {
        return ends.answers.unseal(SealedQuestion(kKey, "/s/Ask", ends.random).seal("", now), now);
    };
    for (size_t i = 0; i < kQuestionsRememberedMax; ++i) {
        static_cast<void>(ask(kNow));
    }
    const auto refused = ask(kNow);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code() == Code::kLimit);
    CHECK(ask(kNow + kQuestionAgeMax.count() + 1).has_value());
}
