// How answers go out: whole or in frames, compressed or not.
#include <charconv>

#include "base/async/deadline.h"
#include "base/http/content_coding.h"
#include "base/http/response_text.h"
#include "base/http/server_connection.h"

namespace base::http {

// The head could not be read: says why and hangs up.
Task<void> ServerConnection::send_failure(const Error& error) {
    if (error.code() != Code::kInvalid && error.code() != Code::kLimit &&
        error.code() != Code::kUnsupported) {
        co_return success();
    }
    Response response = Response::text(400, "400 Bad Request: " + error.message() + "\n");
    if (error.code() == Code::kLimit) {
        response = Response::text(431, "431 Request Header Fields Too Large\n");
    } else if (error.code() == Code::kUnsupported) {
        response = Response::text(501, "501 Unsupported transfer encoding\n");
    }
    body_unread_ = true;
    request_.http_1_0 = false;
    const Result<bool> sent = co_await send(std::move(response), false);
    (void)sent;
    co_return success();
}

Task<void> ServerConnection::compress(Response& response) {
    const bool wanted = response.compress && response.body.size() >= core_->options.compress_min &&
                        !response.headers.has("Content-Encoding");
    const ContentCoding coding =
        wanted ? choose_coding(request_.headers) : ContentCoding::kIdentity;
    if (coding == ContentCoding::kIdentity) {
        co_return success();
    }
    std::string packed;
    if (core_->compress_pool == nullptr ||
        response.body.size() <= core_->options.compress_inline_max) {
        encode_body(coding, response.body, packed);
    } else {
        std::function<void()> work = [coding, &response, &packed] {
            encode_body(coding, response.body, packed);
        };
        const Status ran = co_await core_->compress_pool->run(std::move(work));
        if (!ran) {
            co_return success();  // the pool is full: it goes out as it is
        }
    }
    response.body = std::move(packed);
    response.headers.set("Content-Encoding", std::string(coding_name(coding)));
    response.headers.add("Vary", "Accept-Encoding");
    co_return success();
}

Task<void> ServerConnection::write(std::string_view first, std::string_view second) {
    return channel_.write(first, second, core_->options.write_timeout);
}

// A source that has nothing yet is left alone for a while; that is no write that takes too long. A
// client that goes away meanwhile is noticed.
Task<void> ServerConnection::wait_for_frame() {
    channel_.no_time_limit();
    channel_.watch();
    CO_TRY(co_await sleep_for(core_->options.stream_wait));
    channel_.limit_time(core_->options.write_timeout);
    co_return success();
}

// The next frame, compressed when there is an encoder. False: it is the last one.
Task<bool> ServerConnection::next_frame(const BodySource& source,
                                        BodyEncoder* encoder,
                                        std::string& frame) {
    bool waits = false;
    std::function<Result<bool>()> work = [&]() -> Result<bool> {
        frame.clear();
        TRY(const bool more, source(frame, stop_.get_token()));
        waits = more && frame.empty();
        if (encoder != nullptr) {
            std::string packed;
            encoder->add(frame, packed);
            if (!more) {
                encoder->finish(packed);
            }
            frame.swap(packed);
        }
        return more;
    };
    WorkerPool* const pool = route_ == nullptr ? nullptr : route_->options.pool;
    Result<bool> more = false;
    if (pool == nullptr) {
        more = work();
    } else {
        more = co_await run_on(*pool, std::move(work));
    }
    if (waits && !channel_.peer_gone()) {
        CO_TRY(co_await wait_for_frame());
    }
    co_return more;
}

Task<void> ServerConnection::send_stream(Response& response, ContentCoding coding, bool chunked) {
    std::unique_ptr<BodyEncoder> encoder;
    if (coding != ContentCoding::kIdentity) {
        encoder = std::make_unique<BodyEncoder>(coding);
    }
    std::string frame = std::move(response.body);
    if (encoder && !frame.empty()) {
        std::string packed;
        encoder->add(frame, packed);
        frame = std::move(packed);
    }
    bool more = true;
    bool first = true;
    while (true) {
        if (!frame.empty()) {
            char size[24];
            const auto end = std::to_chars(size, size + sizeof(size), frame.size(), 16);
            std::string head = first ? "" : "\r\n";
            head.append(size, end.ptr).append("\r\n");
            CO_TRY(co_await write(chunked ? std::string_view(head) : std::string_view(), frame));
            first = false;
        }
        if (!more) {
            break;
        }
        CO_TRY(more, co_await next_frame(response.stream, encoder.get(), frame));
        if (channel_.peer_gone()) {
            co_return fail(Code::kCanceled, "client went away");
        }
    }
    if (chunked) {
        CO_TRY(co_await write(first ? "0\r\n\r\n" : "\r\n0\r\n\r\n", ""));
    }
    co_return success();
}

// False: the connection ends.
Task<bool> ServerConnection::send(Response response, bool keep_alive) {
    const int status = response.status;
    const bool bodyless = status == 204 || status == 304 || status / 100 == 1;
    const bool head_only = bodyless || request_.method == Method::kHead;
    ContentCoding coding = ContentCoding::kIdentity;  // of a stream
    Framing framing = bodyless ? Framing::kNone : Framing::kLength;
    if (response.stream && !head_only) {
        framing = request_.http_1_0 ? Framing::kUntilClose : Framing::kChunked;
        keep_alive = keep_alive && framing == Framing::kChunked;
        if (response.compress && !response.headers.has("Content-Encoding")) {
            coding = choose_coding(request_.headers);
        }
        if (coding != ContentCoding::kIdentity) {
            response.headers.set("Content-Encoding", std::string(coding_name(coding)));
            response.headers.add("Vary", "Accept-Encoding");
        }
    } else if (response.stream) {
        framing = Framing::kNone;
    } else {
        ignore(co_await compress(response), "what is not compressed goes out as it is");
    }
    channel_.limit_time(core_->options.write_timeout);
    const std::string head = response_head(response,
                                           framing,
                                           response.body.size(),
                                           keep_alive,
                                           request_.http_1_0,
                                           lane_.lane.clock().now_ms(),
                                           extra_);
    Status written = success();
    if (framing == Framing::kChunked || framing == Framing::kUntilClose) {
        written = co_await write(head, "");
        if (written) {
            written = co_await send_stream(response, coding, framing == Framing::kChunked);
        }
    } else {
        written =
            co_await write(head, head_only ? std::string_view() : std::string_view(response.body));
    }
    report(status);
    if (!written) {
        co_return fail(std::move(written).error());
    }
    if (!keep_alive) {
        ignore(co_await finish(), "the connection ends anyway");
    }
    co_return keep_alive;
}

void ServerConnection::report(int status) {
    if (core_->observer == nullptr) {
        return;
    }
    const SteadyTime now = channel_.now();
    const Duration took = began_ == SteadyTime{} ? Duration::zero() : now - began_;
    const std::string_view handler =
        route_ == nullptr ? "" : std::string_view(route_->options.name);
    core_->observer->on_request(
        handler, request_.method, status, took, channel_.sent() - sent_before_);
}

}  // namespace base::http
