#include "base/http/response_reader.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/async/deadline.h"

namespace base::http {

namespace {

constexpr size_t kScratchSize = 256 * 1024;
constexpr size_t kTlsReadSize = 16 * 1024;
constexpr int kInterimMax = 16;  // 1xx answers before the real one
// Bytes of a body that are read before other work on the lane gets its turn.
constexpr size_t kBytesPerTurn = size_t{1} << 20;
// Room that is made for a body before anything of it has come, at most.
constexpr size_t kFirstRoom = size_t{256} << 10;

// One read buffer per thread: it is filled and emptied without a suspension in between, so ten
// thousand connections need no buffers of their own.
char* scratch() {
    thread_local const std::unique_ptr<char[]> buffer(new char[kScratchSize]);
    return buffer.get();
}

}  // namespace

void ResponseReader::prepare(Reservation* memory, bool keep_headers) {
    memory_ = memory;
    keep_headers_ = keep_headers;
    turn_bytes_ = 0;
}

bool ResponseReader::disturbed() {
    const Result<ssize_t> seen = stream_.try_read(scratch(), kScratchSize);
    return !seen || seen.value() >= 0;
}

void ResponseReader::on_status(int status, std::string_view reason) {
    head_->status = status;
    head_->reason.assign(reason);
    head_->content_type.clear();
    head_->content_encoding.clear();
    head_->headers.clear();
    location_.clear();
}

void ResponseReader::on_field(std::string_view name, std::string_view value) {
    if (equals_ignoring_case(name, "Content-Type")) {
        head_->content_type.assign(value);
    } else if (equals_ignoring_case(name, "Content-Encoding")) {
        head_->content_encoding.assign(value);
    } else if (equals_ignoring_case(name, "Location")) {
        location_.assign(value);
    }
    if (keep_headers_) {
        head_->headers.add(std::string(name), std::string(value));
    }
}

// What has arrived, in a buffer that is good until the next suspension. Empty: the peer closed.
Task<std::string_view> ResponseReader::read_view() {
    if (stream_.tls()) {
        tls_data_.resize(kTlsReadSize);
        CO_TRY(const size_t n, co_await stream_.read_some(tls_data_.data(), tls_data_.size()));
        co_return std::string_view(tls_data_.data(), n);
    }
    while (true) {
        CO_TRY(const ssize_t n, stream_.try_read(scratch(), kScratchSize));
        if (n >= 0) {
            co_return std::string_view(scratch(), static_cast<size_t>(n));
        }
        CO_TRY(co_await stream_.wait_readable());
    }
}

// What came behind the head is in `rest_`.
Task<void> ResponseReader::read_head(bool no_body, ResponseHead& to_head) {
    head_ = &to_head;
    parser_.begin(*this, no_body);
    int interim = 0;
    while (true) {
        CO_TRY(const std::string_view arrived, co_await read_view());
        if (arrived.empty()) {
            co_return fail(Code::kIo,
                           parser_.started() || !pending_.empty() ? "unexpected EOF" : "EOF");
        }
        std::string_view bytes = arrived;
        if (!pending_.empty()) {
            pending_.append(arrived);
            bytes = pending_;
        }
        while (!bytes.empty()) {
            CO_TRY(const size_t used, parser_.feed(bytes));
            bytes.remove_prefix(used);
            if (!parser_.head_done()) {
                break;
            }
            if (head_->status / 100 != 1 || head_->status == 101) {
                rest_ = bytes;
                co_return success();
            }
            if (++interim > kInterimMax) {
                co_return fail(Code::kIo, "too many 1xx responses");
            }
            parser_.begin(*this, no_body);
        }
        pending_.assign(bytes.data(), bytes.size());
    }
}

// Room for `size` bytes of body, accounted before it is taken.
Status ResponseReader::make_room(std::string& to_body, size_t size) {
    const size_t before = to_body.capacity();
    if (size <= before) {
        return success();
    }
    const size_t wanted = std::max(size, before + before / 2);
    if (memory_ != nullptr) {
        TRY(memory_->grow(static_cast<int64_t>(wanted - before)));
    }
    to_body.reserve(wanted);
    return success();
}

// A body that comes as fast as it is read must not keep the lane for itself.
Task<void> ResponseReader::pause() {
    turn_bytes_ = 0;
    if (lane_.ticked()) {
        co_return co_await lane_.next_tick();
    }
    co_return co_await yield();
}

// A body of known length goes straight to where it is wanted. The length is the peer's word: memory
// is taken as bytes arrive.
Task<void> ResponseReader::read_sized(size_t length, std::string& to_body) {
    // What an earlier body left in the buffer is written over: only what it grows by is filled
    // first.
    size_t room = std::min(length, std::max({rest_.size(), to_body.size(), kFirstRoom}));
    CO_TRY(make_room(to_body, room));
    to_body.resize(room);
    size_t got = std::min(rest_.size(), length);
    std::memcpy(to_body.data(), rest_.data(), got);
    rest_.remove_prefix(got);
    keep_rest();
    while (got < length) {
        if (got == to_body.size()) {
            room = std::min(length, 2 * got);
            CO_TRY(make_room(to_body, room));
            to_body.resize(room);
        }
        CO_TRY(const ssize_t at_once, stream_.try_read(to_body.data() + got, to_body.size() - got));
        size_t n = static_cast<size_t>(at_once);
        if (at_once < 0 && !stream_.tls()) {
            CO_TRY(co_await stream_.wait_readable());
            continue;
        }
        if (at_once < 0) {
            CO_TRY(n, co_await stream_.read_some(to_body.data() + got, to_body.size() - got));
        }
        if (n == 0) {
            to_body.resize(got);
            co_return fail(Code::kIo, "unexpected EOF");
        }
        got += n;
        turn_bytes_ += n;
        if (turn_bytes_ >= kBytesPerTurn) {
            CO_TRY(co_await pause());
        }
    }
    co_return success();
}

// A chunked body, or one that ends with the connection.
Task<void> ResponseReader::read_framed(std::string& to_body) {
    std::string_view arrived;
    while (true) {
        std::string_view bytes = arrived;
        if (!pending_.empty()) {
            pending_.append(arrived);
            bytes = pending_;
        }
        if (!bytes.empty()) {
            CO_TRY(make_room(to_body, to_body.size() + bytes.size()));
            CO_TRY(const size_t used, parser_.feed(bytes));
            bytes.remove_prefix(used);
            if (bytes.size() > kResponseHeaderMax && !parser_.done()) {
                co_return fail(Code::kIo, "malformed chunk: its header is too long");
            }
            pending_.assign(bytes.data(), bytes.size());
        }
        if (parser_.done()) {
            co_return success();
        }
        turn_bytes_ += arrived.size();
        if (turn_bytes_ >= kBytesPerTurn) {
            CO_TRY(co_await pause());
        }
        CO_TRY(arrived, co_await read_view());
        if (arrived.empty()) {
            CO_TRY(parser_.finish());
            co_return success();
        }
    }
}

Task<void> ResponseReader::read_body(size_t limit, std::string& to_body) {
    if (parser_.done()) {
        keep_rest();
        to_body.clear();
        co_return success();
    }
    const std::optional<uint64_t> length = parser_.content_length();
    if (!length) {
        keep_rest();
        to_body.clear();
        parser_.read_body_into(to_body, limit);
        Status read = co_await read_framed(to_body);
        pending_ = std::string(pending_);  // a connection at rest keeps no buffer
        co_return read;
    }
    if (*length >= limit) {
        keep_rest();
        to_body.clear();
        co_return fail(Code::kLimit, "body is too long, limit", limit, "bytes");
    }
    co_return co_await read_sized(*length, to_body);
}

}  // namespace base::http
