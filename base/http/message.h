// HTTP messages as plain values, shared by server, client and every room's http_api.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace base::http {

enum class Method : uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

[[nodiscard]] std::string_view method_name(Method method);
[[nodiscard]] Method method_of(std::string_view name);
// "Not Found" for 404; "" when unknown.
[[nodiscard]] std::string_view reason_phrase(int status);
// The one mapping of errors to status codes: kInvalid 400, kExecution 422, kLimit 422, kCanceled
// 499, kTimeout 503, kUnavailable 503, kNotFound 404, kPermission 403, kNoSpace 507, kUnsupported
// 501, kIo, kCorrupt and kInternal 500.
[[nodiscard]] int status_of(Code code);

[[nodiscard]] bool equals_ignoring_case(std::string_view left, std::string_view right);

// Header fields in order; names compare without case.
class Headers {
  public:
    using Field = std::pair<std::string, std::string>;

    Headers() = default;

    Headers(std::initializer_list<Field> fields) : fields_(fields) {}

    // The first value, or nothing.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    // The first value, or "".
    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;

    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }

    // True when a comma-separated list in the named fields holds the token, without case.
    [[nodiscard]] bool has_token(std::string_view name, std::string_view token) const;
    void add(std::string name, std::string value);
    void set(std::string_view name, std::string value);
    void remove(std::string_view name);

    void clear() { fields_.clear(); }

    [[nodiscard]] bool empty() const { return fields_.empty(); }

    [[nodiscard]] size_t size() const { return fields_.size(); }

    [[nodiscard]] auto begin() const { return fields_.begin(); }

    [[nodiscard]] auto end() const { return fields_.end(); }

  private:
    std::vector<Field> fields_;
};

// Decoded name=value pairs in order; a name may come several times.
class Params {
  public:
    static constexpr size_t kPairsMax = 100'000;

    // application/x-www-form-urlencoded. errors  kInvalid: a bad escape; kLimit: too many pairs
    [[nodiscard]] static Result<Params> parse(std::string_view encoded);

    [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;
    // The first value, or "".
    [[nodiscard]] std::string_view get(std::string_view name) const;
    [[nodiscard]] std::vector<std::string_view> get_all(std::string_view name) const;

    [[nodiscard]] bool has(std::string_view name) const { return find(name).has_value(); }

    void add(std::string name, std::string value);
    // Encoded again, in order.
    [[nodiscard]] std::string encode() const;

    [[nodiscard]] bool empty() const { return pairs_.empty(); }

    [[nodiscard]] size_t size() const { return pairs_.size(); }

    [[nodiscard]] auto begin() const { return pairs_.begin(); }

    [[nodiscard]] auto end() const { return pairs_.end(); }

  private:
    std::vector<std::pair<std::string, std::string>> pairs_;
};

struct Request {
    Method method = Method::kGet;
    std::string method_text;  // as sent
    std::string target;       // as sent: path and query
    std::string path;         // decoded, without the query
    Params query;             // of the URL only; see form()
    Params path_params;       // from the route's :name and *name
    Headers headers;
    std::string body;
    std::string peer;  // "ip:port" of the other side
    std::string user;  // authenticated name, or ""
    std::string host;  // Host header
    bool tls = false;
    bool http_1_0 = false;

    // What Go's ParseForm gives: the pairs of a form body (POST, PUT, PATCH) first, then those of
    // the URL. errors  kInvalid: a bad escape
    [[nodiscard]] Result<Params> form() const;
};

// Produces the body frame by frame. Each call happens on the route's pool (or lane, without one)
// when the frame before has gone out; no thread is held between calls. Fills `frame` (empty on
// entry, its capacity is reused); returns false when the body ends with this frame. An error cuts
// the connection, so that the client sees that the body is not whole.
using BodySource = std::function<Result<bool>(std::string& frame, std::stop_token stop)>;

struct Response {
    int status = 200;
    Headers headers;
    std::string body;
    BodySource stream;     // set: sent chunked, `body` goes out first
    bool compress = true;  // gzip allowed when the client accepts it

    [[nodiscard]] static Response text(int status, std::string body);
    [[nodiscard]] static Response json(int status, std::string body);
    // Plain text with the mapped status.
    [[nodiscard]] static Response error(const Error& error);
    [[nodiscard]] static Response redirect(int status, std::string location);
};

}  // namespace base::http
