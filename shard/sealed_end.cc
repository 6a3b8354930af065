#include "shard/sealed_end.h"

#include <utility>

namespace shard {

using base::Code;
using base::fail;
using base::MutexLock;
using base::Result;

SealedEnd::SealedEnd(base::Secret key, SealSide side, base::Random& random)
    : key_(std::move(key)), side_(side), handshake_(side, random) {}

void SealedEnd::attach(base::rpc::Duplex& to) {
    // The other end may be heard within this: receive() takes the lock for its opening.
    if (side_ == SealSide::kCaller && !key_.empty()) {
        to.send(handshake_.opening());
    }
    const MutexLock lock(mutex_);
    to_ = &to;
    send_kept();
}

void SealedEnd::detach() {
    const MutexLock lock(mutex_);
    to_ = nullptr;
    left_ = true;
    kept_.clear();
}

bool SealedEnd::say(std::string message) {
    return to_->send(sealer_ ? sealer_->seal(std::move(message)) : std::move(message));
}

// As lost as others, if one is: the call has ended then.
void SealedEnd::send_kept() {
    if (to_ == nullptr || (!key_.empty() && !sealer_)) {
        return;
    }
    for (std::string& message : std::exchange(kept_, {})) {
        static_cast<void>(say(std::move(message)));
    }
    kept_bytes_ = 0;
}

bool SealedEnd::send(std::string message) {
    const MutexLock lock(mutex_);
    if (left_) {
        return false;
    }
    if (to_ != nullptr && (key_.empty() || sealer_)) {
        return say(std::move(message));
    }
    if (kept_bytes_ + message.size() > kUnsealedBytesMax) {
        return false;
    }
    kept_bytes_ += message.size();
    kept_.push_back(std::move(message));
    return true;
}

Result<std::optional<std::string>> SealedEnd::receive(std::string message) {
    if (key_.empty()) {
        if (is_seal_opening(message)) {
            return fail(Code::kPermission,
                        "messages are not sealed here: give all nodes the same --cluster.key-file");
        }
        return std::optional<std::string>(std::move(message));
    }
    if (unsealer_) {
        TRY(std::string opened, unsealer_->unseal(std::move(message)));
        return std::optional<std::string>(std::move(opened));
    }
    TRY(auto seals, handshake_.agree(key_, message));
    unsealer_ = seals.unsealer;
    const MutexLock lock(mutex_);
    sealer_ = seals.sealer;
    if (side_ == SealSide::kCalled && to_ != nullptr) {
        to_->send(handshake_.opening());
    }
    send_kept();
    return std::optional<std::string>();
}

}  // namespace shard
