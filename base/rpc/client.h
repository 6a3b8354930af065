// The gRPC client: calls of bytes to one address, from threads that may block.
#pragma once

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/rpc/duplex.h"

namespace base::rpc {

// Files in PEM, read when the channel is opened.
struct ClientTls {
    bool enabled = false;
    std::string ca_file;  // empty: the system's
    std::string cert_file, key_file;
    std::string server_name;  // what the certificate must name; empty: the address's host
};

struct ChannelOptions {
    std::string address;  // host:port
    ClientTls tls;
    int message_bytes_max = -1;  // of an answer's message; a larger one is kLimit; -1: any
    // Otherwise channels to the same address share one, and what it is told about the address.
    bool own_connection = false;
    // That making a connection may take before the calls that wait for it fail; 0: 20 s.
    std::chrono::milliseconds connect_max{0};
};

// One message after another, as they come.
//   threads   one
//   lifetime  of the channel; its end cancels the call
class MessageReader {
  public:
    virtual ~MessageReader() = default;
    // Waits for the next message; false: the call ended well.
    //   errors  what the server, or the connection, ended with
    [[nodiscard]] virtual Result<bool> next(std::string& message) = 0;
};

// A connection, made when first needed and made again when lost.
//   threads   any
class Channel {
  public:
    // errors  kInvalid: TLS files
    [[nodiscard]] static Result<std::unique_ptr<Channel>> open(const ChannelOptions& options);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    // path     "/package.Service/Method"
    // errors   of the server; kUnavailable: no connection; kTimeout, kCanceled
    [[nodiscard]] Result<std::string> call(const std::string& path,
                                           std::string request,
                                           Deadline deadline,
                                           std::stop_token stop = {});
    // Begins the call and waits for nothing. Errors come with the first message. A call of a method
    // that answers with one message is a stream of one.
    [[nodiscard]] std::unique_ptr<MessageReader> stream(const std::string& path,
                                                        std::string request,
                                                        Deadline deadline,
                                                        std::stop_token stop = {});
    // Begins a call in which both ends send, and waits for nothing; it lasts until one end closes
    // it or the connection breaks.
    //   listener  borrowed until the answer is destroyed, which cancels the call and waits until
    //             the listener is told nothing more (so not within a call of it)
    [[nodiscard]] std::unique_ptr<Duplex> duplex(const std::string& path, DuplexListener& listener);

  private:
    struct State;
    explicit Channel(std::unique_ptr<State> state);

    std::unique_ptr<State> state_;
};

}  // namespace base::rpc
