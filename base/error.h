// The one closed list of what the world can say no with, and the value that carries it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace base {

// Mapped once to HTTP (base/http) and once to gRPC (base/rpc). Add a code only with its mappings.
enum class Code : uint8_t {
    kInvalid,      // the caller's input is wrong: bad query, bad configuration, bad request
    kNotFound,     // what was asked for does not exist
    kExecution,    // a well-formed request cannot be carried out: PromQL execution error
    kLimit,        // a named limit was reached; the message names it and how to change it
    kCanceled,     // the caller went away or asked to stop
    kTimeout,      // a deadline passed
    kUnavailable,  // not now: starting, stopping, switched off; may be retried
    kPermission,   // the caller may not do this
    kNoSpace,      // the disk is full; nothing was written
    kIo,           // a disk, file or socket failed
    kCorrupt,      // bytes that were read are not what was written
    kUnsupported,  // understood but not built
    kInternal,     // none of the above; a bug of ours or a library's surprise
};

// Lower-case name of a code for logs: "invalid", "not found", …
[[nodiscard]] std::string_view code_name(Code code);

// An error: a code and a message for a person. Context is put in front with context()
// (base/result.h), so that a message reads "load configuration: prometheus.yml:12: unknown key
// \"scrape_intervall\"".
class Error {
  public:
    explicit Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

    [[nodiscard]] Code code() const { return code_; }

    [[nodiscard]] const std::string& message() const { return message_; }

    // Puts "what: " in front of the message.
    void add_context(std::string_view what);

  private:
    Code code_;
    std::string message_;
};

}  // namespace base
