// The answers that come over one connection of the client: heads, and bodies with a length, in
// chunks, or until the end.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/async/lane.h"
#include "base/budget.h"
#include "base/http/client.h"
#include "base/http/stream.h"
#include "base/http/wire.h"

namespace base::http {

// One answer after the other: begin(), read_head(), read_body().
//   threads   the lane
//   lifetime  of the lane and the stream, which are borrowed
class ResponseReader final : HeadSink {
  public:
    ResponseReader(Lane& lane, Stream& stream)
        : lane_(lane), stream_(stream), parser_(MessageKind::kResponse, kResponseHeaderMax) {}

    // Before each request.
    //   memory        what bodies are accounted against; null: nothing
    //   keep_headers  all of them, not only those that the client needs
    void prepare(Reservation* memory, bool keep_headers);

    // Nothing of the next answer has come yet.
    void begin() { parser_.begin(*this); }

    // What was received goes: the connection is another one.
    void forget() {
        pending_.clear();
        rest_ = {};
    }

    // Whether the peer has said something, or hung up, while it was not asked.
    [[nodiscard]] bool disturbed();

    // Reads until the head is complete.
    //   no_body  whatever the head says of it
    [[nodiscard]] Task<void> read_head(bool no_body, ResponseHead& to_head);
    // errors  kLimit: as long as `limit`, or longer; kIo: cut off
    [[nodiscard]] Task<void> read_body(size_t limit, std::string& to_body);

    // Some of an answer has come.
    [[nodiscard]] bool started() const { return parser_.started(); }

    // Whether the peer goes on listening after this answer.
    [[nodiscard]] bool keep_alive() const { return parser_.keep_alive(); }

    // Something came behind the answer.
    [[nodiscard]] bool has_more() const { return !pending_.empty(); }

    // Where the answer points.
    [[nodiscard]] const std::string& location() const { return location_; }

  private:
    void on_status(int status, std::string_view reason) override;
    void on_field(std::string_view name, std::string_view value) override;

    [[nodiscard]] Task<std::string_view> read_view();
    [[nodiscard]] Status make_room(std::string& to_body, size_t size);
    [[nodiscard]] Task<void> pause();
    [[nodiscard]] Task<void> read_sized(size_t length, std::string& to_body);
    [[nodiscard]] Task<void> read_framed(std::string& to_body);

    // Saves what came behind the head from the next suspension.
    void keep_rest() {
        pending_.assign(rest_.data(), rest_.size());
        rest_ = {};
    }

    Lane& lane_;
    Stream& stream_;
    MessageParser parser_;
    ResponseHead* head_ = nullptr;
    std::string location_;
    std::string pending_;    // received, not yet parsed
    std::string_view rest_;  // received behind the head: in the scratch or in `pending_`, good
                             // until the next suspension
    std::string tls_data_;   // read buffer of a TLS connection
    Reservation* memory_ = nullptr;
    size_t turn_bytes_ = 0;  // of body since others had their turn
    bool keep_headers_ = false;
};

}  // namespace base::http
