#include "base/http/message.h"

#include <algorithm>
#include <array>

#include "base/http/url.h"

namespace base::http {

namespace {

constexpr std::array<std::pair<Method, std::string_view>, 7> kMethods{{
    {Method::kGet, "GET"},
    {Method::kHead, "HEAD"},
    {Method::kPost, "POST"},
    {Method::kPut, "PUT"},
    {Method::kPatch, "PATCH"},
    {Method::kDelete, "DELETE"},
    {Method::kOptions, "OPTIONS"},
}};

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string_view trim(std::string_view text) {
    const auto blank = [](char c) { return c == ' ' || c == '\t'; };
    while (!text.empty() && blank(text.front())) {
        text.remove_prefix(1);
    }
    while (!text.empty() && blank(text.back())) {
        text.remove_suffix(1);
    }
    return text;
}

}  // namespace

std::string_view method_name(Method method) {
    for (const auto& [known, name] : kMethods) {
        if (known == method) {
            return name;
        }
    }
    return "other";
}

Method method_of(std::string_view name) {
    for (const auto& [method, known] : kMethods) {
        if (known == name) {
            return method;
        }
    }
    return Method::kOther;
}

std::string_view reason_phrase(int status) {
    switch (status) {
        case 100:
            return "Continue";
        case 101:
            return "Switching Protocols";
        case 200:
            return "OK";
        case 201:
            return "Created";
        case 202:
            return "Accepted";
        case 204:
            return "No Content";
        case 206:
            return "Partial Content";
        case 301:
            return "Moved Permanently";
        case 302:
            return "Found";
        case 303:
            return "See Other";
        case 304:
            return "Not Modified";
        case 307:
            return "Temporary Redirect";
        case 308:
            return "Permanent Redirect";
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 406:
            return "Not Acceptable";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 410:
            return "Gone";
        case 411:
            return "Length Required";
        case 413:
            return "Request Entity Too Large";
        case 414:
            return "Request URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Entity";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 499:
            return "Client Closed Request";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 502:
            return "Bad Gateway";
        case 503:
            return "Service Unavailable";
        case 504:
            return "Gateway Timeout";
        case 505:
            return "HTTP Version Not Supported";
        case 507:
            return "Insufficient Storage";
        default:
            return "";
    }
}

int status_of(Code code) {
    switch (code) {
        case Code::kInvalid:
            return 400;
        case Code::kNotFound:
            return 404;
        case Code::kExecution:
        case Code::kLimit:
            return 422;
        case Code::kCanceled:
            return 499;
        case Code::kTimeout:
        case Code::kUnavailable:
            return 503;
        case Code::kPermission:
            return 403;
        case Code::kNoSpace:
            return 507;
        case Code::kUnsupported:
            return 501;
        case Code::kIo:
        case Code::kCorrupt:
        case Code::kInternal:
            return 500;
    }
    return 500;
}

bool equals_ignoring_case(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) {
               return lower(a) == lower(b);
           });
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
    for (const Field& field : fields_) {
        if (equals_ignoring_case(field.first, name)) {
            return field.second;
        }
    }
    return std::nullopt;
}

std::string_view Headers::get(std::string_view name) const {
    return find(name).value_or(std::string_view());
}

std::vector<std::string_view> Headers::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const Field& field : fields_) {
        if (equals_ignoring_case(field.first, name)) {
            values.push_back(field.second);
        }
    }
    return values;
}

bool Headers::has_token(std::string_view name, std::string_view token) const {
    for (const std::string_view value : get_all(name)) {
        for (size_t at = 0; at <= value.size();) {
            const size_t end = std::min(value.find(',', at), value.size());
            if (equals_ignoring_case(trim(value.substr(at, end - at)), token)) {
                return true;
            }
            at = end + 1;
        }
    }
    return false;
}

void Headers::add(std::string name, std::string value) {
    fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string_view name, std::string value) {
    remove(name);
    fields_.emplace_back(std::string(name), std::move(value));
}

void Headers::remove(std::string_view name) {
    std::erase_if(fields_,
                  [&](const Field& field) { return equals_ignoring_case(field.first, name); });
}

Result<Params> Params::parse(std::string_view encoded) {
    Params params;
    while (!encoded.empty()) {
        const size_t end = std::min(encoded.find('&'), encoded.size());
        const std::string_view pair = encoded.substr(0, end);
        encoded.remove_prefix(std::min(end + 1, encoded.size()));
        if (pair.empty()) {
            continue;
        }
        if (params.size() >= kPairsMax) {
            return fail(Code::kLimit, "too many form values, limit", kPairsMax);
        }
        const size_t equals = pair.find('=');
        TRY(std::string name, percent_decode(pair.substr(0, equals), true));
        std::string value;
        if (equals != std::string_view::npos) {
            TRY(value, percent_decode(pair.substr(equals + 1), true));
        }
        params.add(std::move(name), std::move(value));
    }
    return params;
}

std::optional<std::string_view> Params::find(std::string_view name) const {
    for (const auto& [key, value] : pairs_) {
        if (key == name) {
            return value;
        }
    }
    return std::nullopt;
}

std::string_view Params::get(std::string_view name) const {
    return find(name).value_or(std::string_view());
}

std::vector<std::string_view> Params::get_all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const auto& [key, value] : pairs_) {
        if (key == name) {
            values.push_back(value);
        }
    }
    return values;
}

void Params::add(std::string name, std::string value) {
    pairs_.emplace_back(std::move(name), std::move(value));
}

std::string Params::encode() const {
    std::string out;
    for (const auto& [key, value] : pairs_) {
        if (!out.empty()) {
            out += '&';
        }
        out += percent_encode(key) + "=" + percent_encode(value);
    }
    return out;
}

Result<Params> Request::form() const {
    const bool may_have_form =
        method == Method::kPost || method == Method::kPut || method == Method::kPatch;
    const std::string_view type = headers.get("Content-Type");
    const std::string_view media = trim(type.substr(0, type.find(';')));
    if (!may_have_form || !equals_ignoring_case(media, "application/x-www-form-urlencoded")) {
        return query;
    }
    TRY(Params params, Params::parse(body));
    for (const auto& [name, value] : query) {
        params.add(name, value);
    }
    return params;
}

Response Response::text(int status, std::string body) {
    Response response;
    response.status = status;
    response.headers.add("Content-Type", "text/plain; charset=utf-8");
    response.body = std::move(body);
    return response;
}

Response Response::json(int status, std::string body) {
    Response response;
    response.status = status;
    response.headers.add("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

Response Response::error(const Error& error) {
    Response response = text(status_of(error.code()), error.message() + "\n");
    response.headers.add("X-Content-Type-Options", "nosniff");
    return response;
}

Response Response::redirect(int status, std::string location) {
    Response response;
    response.status = status;
    response.headers.add("Location", std::move(location));
    return response;
}

}  // namespace base::http
