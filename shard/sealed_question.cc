#include "shard/sealed_question.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/bytes.h"
#include "base/checksum.h"

namespace shard {

using base::ByteView;
using base::Code;
using base::fail;
using base::Result;
using base::Sha256;
using base::Status;
using base::success;

namespace {

// Begins with a byte that no message of protocol buffers begins with: field 0.
constexpr std::string_view kQuestion("\0skein-ask-1", 12);
constexpr std::string_view kAsks = "skein-ask-1 question";
constexpr std::string_view kAnswers = "skein-ask-1 answer";
constexpr size_t kHeadBytes = kQuestion.size() + sizeof(QuestionNonce) + sizeof(int64_t);

static_assert(kHeadBytes + sizeof(Sha256) <= kQuestionSealBytes);

std::string_view text_of(const uint8_t* bytes, size_t size) {
    return ByteView(bytes, size).text();
}

void put_number(std::string& to, uint64_t number) {
    std::array<uint8_t, sizeof(uint64_t)> bytes{};
    base::store_be(bytes.data(), number);
    to.append(text_of(bytes.data(), bytes.size()));
}

// Over who says it, for which method, and to which question.
Sha256 mac_of(const base::Secret& key,
              std::string_view direction,
              std::string_view path,
              std::string_view nonce,
              std::string_view message) {
    std::string about(direction);
    put_number(about, path.size());
    about.append(path);
    about.append(nonce);
    about.append(message);
    return base::hmac_sha256(key.reveal(), about);
}

std::string_view text_of(const QuestionNonce& nonce) {
    return text_of(nonce.data(), nonce.size());
}

void put_mac(std::string& to, const Sha256& mac) {
    to.append(text_of(mac.data(), mac.size()));
}

}  // namespace

SealedQuestion::SealedQuestion(const base::Secret& key, std::string path, base::Random& random)
    : key_(key), path_(std::move(path)) {
    random.bytes(nonce_);
}

std::string SealedQuestion::seal(std::string_view question, int64_t now_ms) const {
    std::string message(kQuestion);
    message.append(text_of(nonce_));
    put_number(message, static_cast<uint64_t>(now_ms));
    message.append(question);
    put_mac(message, mac_of(key_, kAsks, path_, {}, message));
    return message;
}

Result<std::string> SealedQuestion::unseal(std::string answer) const {
    if (answer.size() < sizeof(Sha256)) {
        return fail(Code::kPermission, "an answer without a seal");
    }
    const size_t size = answer.size() - sizeof(Sha256);
    const std::string_view all(answer);
    if (!base::same_mac(mac_of(key_, kAnswers, path_, text_of(nonce_), all.substr(0, size)),
                        all.substr(size))) {
        return fail(Code::kPermission,
                    "an answer with a wrong seal: give all nodes the same --cluster.key-file");
    }
    answer.resize(size);
    return answer;
}

Result<QuestionSeals::Opened> QuestionSeals::unseal(std::string_view message, int64_t now_ms) {
    if (!is_sealed_question(message) || message.size() < kHeadBytes + sizeof(Sha256)) {
        return fail(Code::kPermission,
                    "questions must be sealed here: give all nodes the same --cluster.key-file");
    }
    const size_t sealed = message.size() - sizeof(Sha256);
    if (!base::same_mac(mac_of(key_, kAsks, path_, {}, message.substr(0, sealed)),
                        message.substr(sealed))) {
        return fail(Code::kPermission,
                    "a question with a wrong seal: give all nodes the same --cluster.key-file");
    }
    Opened opened;
    std::ranges::copy(message.substr(kQuestion.size(), opened.nonce.size()), opened.nonce.begin());
    const auto asked_ms = static_cast<int64_t>(base::load_be<uint64_t>(
        reinterpret_cast<const uint8_t*>(message.data()) + kHeadBytes - sizeof(int64_t)));
    TRY(remember(opened.nonce, asked_ms, now_ms));
    opened.question = message.substr(kHeadBytes, sealed - kHeadBytes);
    return opened;
}

// Those from before kQuestionAgeMax are refused for their age.
Status QuestionSeals::remember(const QuestionNonce& nonce, int64_t asked_ms, int64_t now_ms) {
    const int64_t age_max = kQuestionAgeMax.count();
    if (asked_ms < now_ms - age_max || asked_ms > now_ms + age_max) {
        return fail(Code::kPermission,
                    "a question from",
                    age_max / 1000,
                    "s ago or more, or as much ahead: correct the clocks of the nodes");
    }
    const base::MutexLock lock(mutex_);
    while (!by_time_.empty() && by_time_.begin()->first < now_ms - age_max) {
        asked_.erase(by_time_.begin()->second);
        by_time_.erase(by_time_.begin());
    }
    if (asked_.contains(nonce)) {
        return fail(Code::kPermission, "a sealed question that came before");
    }
    if (asked_.size() >= kQuestionsRememberedMax) {
        return fail(Code::kLimit,
                    "too many questions of late, the limit is",
                    kQuestionsRememberedMax,
                    "(kQuestionsRememberedMax)");
    }
    asked_.insert(nonce);
    by_time_.emplace(asked_ms, nonce);
    return success();
}

std::string QuestionSeals::seal(std::string answer, const QuestionNonce& nonce) const {
    const Sha256 mac = mac_of(key_, kAnswers, path_, text_of(nonce), answer);
    put_mac(answer, mac);
    return answer;
}

bool is_sealed_question(std::string_view message) {
    return message.starts_with(kQuestion);
}

}  // namespace shard
