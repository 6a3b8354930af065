#include "shard/seal.h"

#include <utility>

#include "base/bytes.h"

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
constexpr std::string_view kOpening("\0skein-seal-1", 13);
constexpr std::string_view kToCalled = "skein-seal-1 caller to called";
constexpr std::string_view kToCaller = "skein-seal-1 called to caller";

Sha256 derive(const base::Secret& key,
              std::string_view direction,
              std::string_view caller,
              std::string_view called) {
    std::string about(direction);
    about.append(caller);
    about.append(called);
    return base::hmac_sha256(key.reveal(), about);
}

std::string_view text_of(const uint8_t* bytes, size_t size) {
    return ByteView(bytes, size).text();
}

}  // namespace

std::string Sealer::seal(std::string message) {
    std::array<uint8_t, sizeof(uint64_t)> number{};
    base::store_be(number.data(), ++sequence_);
    message.append(text_of(number.data(), number.size()));
    const Sha256 mac = base::hmac_sha256(ByteView(key_.data(), key_.size()), message);
    message.append(text_of(mac.data(), mac.size()));
    return message;
}

Result<std::string> Unsealer::unseal(std::string message) {
    if (message.size() < kSealBytes) {
        return fail(Code::kPermission, "a message without a seal");
    }
    const size_t signed_bytes = message.size() - sizeof(Sha256);
    const std::string_view all(message);
    if (!base::same_mac(
            base::hmac_sha256(ByteView(key_.data(), key_.size()), all.substr(0, signed_bytes)),
            all.substr(signed_bytes))) {
        return fail(Code::kPermission,
                    "a message with a wrong seal: give all nodes the same --cluster.key-file");
    }
    const size_t size = message.size() - kSealBytes;
    const auto sequence =
        base::load_be<uint64_t>(reinterpret_cast<const uint8_t*>(message.data()) + size);
    if (sequence <= sequence_) {
        return fail(Code::kPermission, "a sealed message that came before");
    }
    sequence_ = sequence;
    message.resize(size);
    return message;
}

SealHandshake::SealHandshake(SealSide side, base::Random& random) : side_(side) {
    random.bytes(nonce_);
}

std::string SealHandshake::opening() const {
    std::string first(kOpening);
    first.append(text_of(nonce_.data(), nonce_.size()));
    return first;
}

Result<Seals> SealHandshake::agree(const base::Secret& key, std::string_view first) const {
    if (first.size() != kOpening.size() + nonce_.size() || !is_seal_opening(first)) {
        return fail(Code::kPermission,
                    "messages must be sealed here: give all nodes the same --cluster.key-file");
    }
    const std::string_view theirs = first.substr(kOpening.size());
    const std::string_view own = text_of(nonce_.data(), nonce_.size());
    const bool calls = side_ == SealSide::kCaller;
    const std::string_view caller = calls ? own : theirs;
    const std::string_view called = calls ? theirs : own;
    const Sha256 to_called = derive(key, kToCalled, caller, called);
    const Sha256 to_caller = derive(key, kToCaller, caller, called);
    return calls ? Seals{Sealer(to_called), Unsealer(to_caller)}
                 : Seals{Sealer(to_caller), Unsealer(to_called)};
}

bool is_seal_opening(std::string_view first) {
    return first.starts_with(kOpening);
}

Status check_seal_key(const base::Secret& key) {
    if (key.reveal().size() < kSealKeyBytesMin) {
        return fail(Code::kInvalid,
                    "the key of the cluster has",
                    key.reveal().size(),
                    "bytes, and needs",
                    kSealKeyBytesMin,
                    "at least: make one with \"openssl rand -hex 32\"");
    }
    return success();
}

}  // namespace shard
