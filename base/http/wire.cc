#include "base/http/wire.h"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include "base/check.h"
#include "base/http/message.h"

namespace base::http {

namespace beast = boost::beast;

namespace {

using beast::error_code;
using beast::string_view;

std::string_view view(string_view text) {
    return {text.data(), text.size()};
}

}  // namespace

struct MessageParser::Base {
    virtual ~Base() = default;
    virtual void begin(HeadSink& sink, bool no_body) = 0;
    virtual size_t put(std::string_view bytes, error_code& error) = 0;
    virtual void put_eof(error_code& error) = 0;
    [[nodiscard]] virtual bool started() const = 0;
    [[nodiscard]] virtual bool head_done() const = 0;
    [[nodiscard]] virtual bool done() const = 0;
    [[nodiscard]] virtual bool keep_alive() const = 0;
    [[nodiscard]] virtual bool chunked() const = 0;
    [[nodiscard]] virtual std::optional<uint64_t> content_length() const = 0;

    HeadSink* sink = nullptr;
    std::string* body = nullptr;
    size_t body_limit = 0;
    bool http_1_0 = false;
    bool too_long = false;
    bool unknown_coding = false;
};

namespace {

template <bool kIsRequest>
class BeastParser final : public beast::http::basic_parser<kIsRequest> {
  public:
    using Fields = beast::http::field;

    template <class Owner>
    explicit BeastParser(Owner& owner)
        : sink_(*owner.sink),
          body_(owner.body),
          body_limit_(owner.body_limit),
          http_1_0_(owner.http_1_0),
          too_long_(owner.too_long),
          unknown_coding_(owner.unknown_coding) {}

  private:
    void on_request_impl(beast::http::verb,
                         string_view method,
                         string_view target,
                         int version,
                         error_code&) override {
        http_1_0_ = version == 10;
        sink_.on_request(view(method), view(target));
    }

    void on_response_impl(int status, string_view reason, int version, error_code&) override {
        http_1_0_ = version == 10;
        sink_.on_status(status, view(reason));
    }

    void on_field_impl(Fields field,
                       string_view name,
                       string_view value,
                       error_code& error) override {
        if (head_done_) {
            return;  // a trailer
        }
        if (field == Fields::transfer_encoding && !equals_ignoring_case(view(value), "chunked")) {
            unknown_coding_ = true;
            error = beast::http::error::bad_transfer_encoding;
            return;
        }
        sink_.on_field(view(name), view(value));
    }

    void on_header_impl(error_code&) override { head_done_ = true; }

    void on_body_init_impl(const boost::optional<uint64_t>&, error_code&) override {}

    size_t on_body_impl(string_view bytes, error_code& error) override {
        SKEIN_DCHECK(body_ != nullptr);
        if (bytes.size() >= body_limit_ || body_->size() >= body_limit_ - bytes.size()) {
            too_long_ = true;
            error = beast::http::error::body_limit;
            return 0;
        }
        body_->append(bytes.data(), bytes.size());
        return bytes.size();
    }

    void on_chunk_header_impl(uint64_t, string_view, error_code&) override {}

    size_t on_chunk_body_impl(uint64_t, string_view bytes, error_code& error) override {
        return on_body_impl(bytes, error);
    }

    void on_finish_impl(error_code&) override {}

    HeadSink& sink_;
    std::string*& body_;
    size_t& body_limit_;
    bool& http_1_0_;
    bool& too_long_;
    bool& unknown_coding_;
    bool head_done_ = false;
};

}  // namespace

template <bool kIsRequest>
struct MessageParser::Impl final : Base {
    explicit Impl(size_t limit) : header_limit(static_cast<uint32_t>(limit)) {}

    void begin(HeadSink& to, bool no_body) override {
        sink = &to;
        body = nullptr;
        too_long = unknown_coding = false;
        parser.emplace(*this);
        parser->header_limit(header_limit);
        parser->body_limit(boost::none);
        if (no_body) {
            parser->skip(true);
        }
    }

    size_t put(std::string_view bytes, error_code& error) override {
        return parser->put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
    }

    void put_eof(error_code& error) override { parser->put_eof(error); }

    bool started() const override { return parser->got_some(); }

    bool head_done() const override { return parser->is_header_done(); }

    bool done() const override { return parser->is_done(); }

    bool keep_alive() const override { return parser->keep_alive(); }

    bool chunked() const override { return parser->chunked(); }

    std::optional<uint64_t> content_length() const override {
        const auto length = parser->content_length();
        return length ? std::optional<uint64_t>(*length) : std::nullopt;
    }

    const uint32_t header_limit;
    std::optional<BeastParser<kIsRequest>> parser;
};

MessageParser::MessageParser(MessageKind kind, size_t header_limit) {
    if (kind == MessageKind::kRequest) {
        impl_ = std::make_unique<Impl<true>>(header_limit);
    } else {
        impl_ = std::make_unique<Impl<false>>(header_limit);
    }
}

MessageParser::~MessageParser() = default;

void MessageParser::begin(HeadSink& sink, bool no_body) {
    impl_->begin(sink, no_body);
}

void MessageParser::read_body_into(std::string& body, size_t limit) {
    impl_->body = &body;
    impl_->body_limit = limit;
}

Result<size_t> MessageParser::feed(std::string_view bytes) {
    size_t used = 0;
    while (used < bytes.size() && !impl_->done()) {
        const bool in_head = !impl_->head_done();
        error_code error;
        const size_t n = impl_->put(bytes.substr(used), error);
        used += n;
        if (error == beast::http::error::need_more) {
            break;
        }
        if (impl_->too_long) {
            return fail(Code::kLimit, "body is too long, limit", impl_->body_limit, "bytes");
        }
        if (impl_->unknown_coding) {
            return fail(Code::kUnsupported, "unknown transfer coding");
        }
        if (error == beast::http::error::header_limit) {
            return fail(Code::kLimit, "header is too long");
        }
        if (error) {
            return fail(Code::kInvalid, "malformed HTTP message:", error.message());
        }
        if (in_head && impl_->head_done()) {
            break;
        }
    }
    return used;
}

Status MessageParser::finish() {
    if (!impl_->started() || !impl_->head_done()) {
        return fail(Code::kIo, "unexpected EOF");
    }
    error_code error;
    impl_->put_eof(error);
    if (error) {
        return fail(Code::kIo, "unexpected EOF");
    }
    return success();
}

bool MessageParser::started() const {
    return impl_->started();
}

bool MessageParser::head_done() const {
    return impl_->head_done();
}

bool MessageParser::done() const {
    return impl_->done();
}

bool MessageParser::keep_alive() const {
    return impl_->keep_alive();
}

bool MessageParser::http_1_0() const {
    return impl_->http_1_0;
}

bool MessageParser::chunked() const {
    return impl_->chunked();
}

std::optional<uint64_t> MessageParser::content_length() const {
    return impl_->content_length();
}

}  // namespace base::http
