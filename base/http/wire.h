// HTTP/1.1 framing without sockets: bytes in, events out. Beast's parser behind plain types.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace base::http {

// Receives the head of a message. The views live during the call.
class HeadSink {
  public:
    virtual ~HeadSink() = default;

    virtual void on_request(std::string_view /*method*/, std::string_view /*target*/) {}

    virtual void on_status(int /*status*/, std::string_view /*reason*/) {}

    virtual void on_field(std::string_view name, std::string_view value) = 0;
};

enum class MessageKind : uint8_t { kRequest, kResponse };

// Parses one message after another.
//   begin(), then feed() until head_done(), then feed() until done(). What feed() did not consume
//   must come again with more behind it.
class MessageParser {
  public:
    MessageParser(MessageKind kind, size_t header_limit);
    ~MessageParser();
    MessageParser(const MessageParser&) = delete;
    MessageParser& operator=(const MessageParser&) = delete;

    // Starts the next message. no_body: the answer to a HEAD or CONNECT.
    void begin(HeadSink& sink, bool no_body = false);
    // Where the body goes, appended; kLimit as soon as it has `limit` bytes or more, counted with
    // what is in `body`. Between head and body.
    void read_body_into(std::string& body, size_t limit);

    // Consumes bytes of the message; stops behind the head. Returns how many.
    // errors  kInvalid: not HTTP; kUnsupported: a transfer coding we do not know; kLimit: header or
    //         body too long
    [[nodiscard]] Result<size_t> feed(std::string_view bytes);
    // The peer closed. errors  kIo "unexpected EOF"
    [[nodiscard]] Status finish();

    [[nodiscard]] bool started() const;
    [[nodiscard]] bool head_done() const;
    [[nodiscard]] bool done() const;
    [[nodiscard]] bool keep_alive() const;
    [[nodiscard]] bool http_1_0() const;
    [[nodiscard]] bool chunked() const;
    // Of the header, when it says so.
    [[nodiscard]] std::optional<uint64_t> content_length() const;

  private:
    struct Base;
    template <bool kIsRequest>
    struct Impl;
    std::unique_ptr<Base> impl_;
};

}  // namespace base::http
