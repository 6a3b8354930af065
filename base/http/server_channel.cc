#include "base/http/server_channel.h"

#include <algorithm>

#include "base/check.h"

namespace base::http {

namespace {

constexpr size_t kReadSize = 16 * 1024;

}  // namespace

ServerChannel::ServerChannel(ServerLane& lane,
                             std::unique_ptr<Stream> stream,
                             std::function<void()> gone)
    : lane_(lane),
      stream_(std::move(stream)),
      gone_(std::move(gone)),
      reader_(lane.lane),
      timer_(lane.lane, [this] { stream_->close(); }) {}

ServerChannel::~ServerChannel() {
    SKEIN_CHECK(!reading_, "a connection ends while it is being read");
}

Task<bool> ServerChannel::read_more() {
    if (reading_) {
        (void)co_await reader_.wait(false);
        co_return !peer_gone_;
    }
    if (peer_gone_) {
        co_return false;
    }
    const size_t had = input_.size();
    input_.resize(had + kReadSize);
    const Result<size_t> n = co_await stream_->read_some(input_.data() + had, kReadSize);
    input_.resize(had + (n ? n.value() : 0));
    co_return n&& n.value() > 0;
}

Task<void> ServerChannel::write(std::string_view first, std::string_view second, Duration timeout) {
    CO_TRY(const ssize_t at_once, stream_->try_write(first, second));
    size_t done = at_once < 0 ? 0 : static_cast<size_t>(at_once);
    const size_t total = first.size() + second.size();
    while (done < total) {
        limit_time(timeout);
        const std::string_view first_rest = first.substr(std::min(done, first.size()));
        const std::string_view second_rest =
            second.substr(done > first.size() ? done - first.size() : 0);
        CO_TRY(const size_t n, co_await stream_->write_some(first_rest, second_rest));
        done += n;
    }
    sent_ += total;
    co_return success();
}

void ServerChannel::watch() {
    if (!reading_ && !peer_gone_) {
        lane_.tasks.spawn("watch " + stream_->peer(),
                          read_ahead(std::make_unique<ReadMark>(*this)));
    }
}

// A task of its own; its read is simply awaited by the next read_more().
Task<void> ServerChannel::read_ahead(std::unique_ptr<ReadMark> /*mark*/) {
    std::string buffer(4096, '\0');
    while (input_.size() < kReadAheadMax) {
        const Result<size_t> n = co_await stream_->read_some(buffer.data(), buffer.size());
        if (!n || n.value() == 0) {
            peer_gone_ = true;
            gone_();
            break;
        }
        input_.append(buffer, 0, n.value());
        if (reader_.waiting()) {
            break;
        }
    }
    co_return success();
}

Task<void> ServerChannel::end() {
    stream_->close();
    while (reading_) {
        (void)co_await reader_.wait(false);
    }
    co_return success();
}

}  // namespace base::http
