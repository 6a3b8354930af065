// Codings of response bodies: zstd, gzip and HTTP's "deflate", as the client accepts them.
// source: RFC 9110 §8.4 and §12.5.3, RFC 8878
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/http/message.h"

namespace base::http {

enum class ContentCoding : uint8_t { kIdentity, kGzip, kZstd, kDeflate };

// The one that the Accept-Encoding fields like best; of equal ones zstd, then gzip, then deflate.
[[nodiscard]] ContentCoding choose_coding(const Headers& headers);

// As Content-Encoding names it; "" for kIdentity.
[[nodiscard]] std::string_view coding_name(ContentCoding coding);

// Encodes one body, whole or in pieces. Keeps its tables for the next one. Threads: one at a time.
class BodyEncoder {
  public:
    // coding  not kIdentity
    explicit BodyEncoder(ContentCoding coding);
    ~BodyEncoder();
    BodyEncoder(const BodyEncoder&) = delete;
    BodyEncoder& operator=(const BodyEncoder&) = delete;

    // Appends what is ready of a body in pieces.
    void add(std::string_view piece, std::string& out);
    void finish(std::string& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// A whole body, with tables that are kept per thread; replaces `out`.
void encode_body(ContentCoding coding, std::string_view plain, std::string& out);

}  // namespace base::http
