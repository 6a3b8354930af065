#include "base/http/authenticator.h"

#include <crypt.h>
#include <openssl/sha.h>

#include "base/http/base64.h"

namespace base::http {

namespace {

// Of no password: what an unknown name is measured against.
constexpr const char* kNobody = "$2b$10$abcdefghijklmnopqrstuu5Lr0y6YZ1fZFz1k0Pgp4Dxvp5D2nJWy";

Result<bool> matches(const std::string& password, const std::string& hash) {
    const auto data = std::make_unique<crypt_data>();
    const char* const got = ::crypt_r(password.c_str(), hash.c_str(), data.get());
    return got != nullptr && got[0] != '*' && Secret(got) == Secret(hash);
}

// What is remembered instead of the password.
std::string digest(const std::string& user, const std::string& hash, const std::string& password) {
    const std::string text = std::to_string(user.size()) + ":" + user + hash + password;
    std::string out(SHA256_DIGEST_LENGTH, '\0');
    SHA256(reinterpret_cast<const unsigned char*>(text.data()),
           text.size(),
           reinterpret_cast<unsigned char*>(out.data()));
    return out;
}

}  // namespace

Authenticator::Authenticator()
    : pool_(WorkerPoolOptions{.name = "basic-auth", .threads = 1, .queue_max = kWaitingMax}) {}

Task<std::string> Authenticator::check(std::string authorization,
                                       std::shared_ptr<const WebOptions> web) {
    constexpr std::string_view kBasic = "Basic ";
    if (!equals_ignoring_case(std::string_view(authorization).substr(0, kBasic.size()), kBasic)) {
        co_return std::string();
    }
    const Result<std::string> pair =
        base64_decode(std::string_view(authorization).substr(kBasic.size()));
    const size_t colon = pair ? pair.value().find(':') : std::string::npos;
    if (colon == std::string::npos) {
        co_return std::string();
    }
    const std::string user = pair.value().substr(0, colon);
    const std::string password = pair.value().substr(colon + 1);
    const auto found = web->basic_auth_users.find(user);
    const bool known = found != web->basic_auth_users.end();
    const std::string hash = known ? found->second.reveal() : kNobody;
    const std::string key = digest(user, hash, password);
    {
        const MutexLock lock(mutex_);
        const auto before = remembered_.find(key);
        if (before != remembered_.end()) {
            co_return before->second ? user : std::string();
        }
    }
    std::function<Result<bool>()> work = [password, hash] { return matches(password, hash); };
    CO_TRY(const bool matched, co_await run_on(pool_, std::move(work)));
    const bool good = matched && known;
    {
        const MutexLock lock(mutex_);
        if (remembered_.size() >= kRememberedMax) {
            remembered_.clear();
        }
        remembered_[key] = good;
    }
    co_return good ? user : std::string();
}

}  // namespace base::http
