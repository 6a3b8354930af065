#include "base/http/request_text.h"

#include <algorithm>

#include "base/http/base64.h"

namespace base::http {

namespace {

// A value that would end its line would be another header.
bool sendable(std::string_view text) {
    return std::none_of(
        text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Status append_line(std::string& out, std::string_view name, std::string_view value) {
    if (name.empty() || !sendable(name) || !sendable(value)) {
        return fail(Code::kInvalid, "header", "\"" + std::string(name) + "\"", "cannot be sent");
    }
    out.append(name).append(": ").append(value).append("\r\n");
    return success();
}

std::string trimmed(const std::string& text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const size_t begin = text.find_first_not_of(kBlank);
    return begin == std::string::npos
               ? ""
               : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace

Result<RequestText> RequestText::create(const Url& url,
                                        const ClientOptions& options,
                                        const Headers& headers,
                                        const std::string& user_agent,
                                        const Url* proxy) {
    RequestText text;
    text.target_ = url.target();
    text.host_ = url.host_header();
    if (proxy != nullptr) {
        text.target_prefix_ = url.scheme + "://" + url.host_header();
    }
    if (!headers.has("User-Agent")) {
        text.lines_.push_back({"User-Agent", "", user_agent, ""});
    }
    for (const auto& [name, value] : headers) {
        text.lines_.push_back({name, "", value, ""});
    }
    if (proxy != nullptr && proxy->has_userinfo) {
        const std::string pair = proxy->user + ":" + proxy->password.reveal();
        text.lines_.push_back({"Proxy-Authorization", "Basic ", base64_encode(pair), ""});
    }
    text.add_credentials(options);
    if (url.has_userinfo && !options.basic_auth && !options.authorization) {
        const std::string pair = url.user + ":" + url.password.reveal();
        text.lines_.push_back({"Authorization", "Basic ", base64_encode(pair), ""});
    }
    if (text.has_files_) {
        // Read with the first request, so that a file that comes later does no harm.
        return text;
    }
    TRY(text.read_files());
    TRY(text.write_fixed());
    return text;
}

void RequestText::add_credentials(const ClientOptions& options) {
    for (const auto& [name, header] : options.headers) {
        for (const std::string& value : header.values) {
            lines_.push_back({name, "", value, ""});
        }
        for (const Secret& value : header.secrets) {
            lines_.push_back({name, "", value.reveal(), ""});
        }
        for (const std::string& file : header.files) {
            lines_.push_back({name, "", "", file});
            has_files_ = true;
        }
    }
    if (options.authorization) {
        const AuthorizationOptions& auth = *options.authorization;
        lines_.push_back(
            {"Authorization", auth.type + " ", auth.credentials.reveal(), auth.credentials_file});
        has_files_ = has_files_ || !auth.credentials_file.empty();
    }
    basic_ = options.basic_auth;
    if (basic_) {
        has_files_ = has_files_ || !basic_->username_file.empty() || !basic_->password_file.empty();
    }
}

std::string RequestText::file_stamps() const {
    std::string stamps;
    for (const Line& line : lines_) {
        stamps += file_stamp(line.file) + " ";
    }
    if (basic_) {
        stamps += file_stamp(basic_->username_file) + " " + file_stamp(basic_->password_file);
    }
    return stamps;
}

Status RequestText::read_files() {
    for (Line& line : lines_) {
        if (!line.file.empty()) {
            TRY(const std::string text, read_small_file(line.file));
            line.value = trimmed(text);
        }
    }
    if (!basic_) {
        return success();
    }
    std::string user = basic_->username;
    std::string password = basic_->password.reveal();
    if (!basic_->username_file.empty()) {
        TRY(user, context(read_small_file(basic_->username_file), "username_file"));
        user = trimmed(user);
    }
    if (!basic_->password_file.empty()) {
        TRY(password, context(read_small_file(basic_->password_file), "password_file"));
        password = trimmed(password);
    }
    basic_value_ = "Basic " + base64_encode(user + ":" + password);
    return success();
}

Status RequestText::write_fixed() {
    fixed_.clear();
    TRY(append_line(fixed_, "Host", host_));
    for (const Line& line : lines_) {
        TRY(append_line(fixed_, line.name, line.before + line.value));
    }
    if (!basic_value_.empty()) {
        TRY(append_line(fixed_, "Authorization", basic_value_));
    }
    get_ = "GET " + target_prefix_ + target_ + " HTTP/1.1\r\n" + fixed_ + "\r\n";
    return success();
}

Status RequestText::refresh() {
    if (!has_files_) {
        return success();
    }
    std::string stamps = file_stamps();
    if (stamps == stamps_) {
        return success();
    }
    TRY(read_files());
    TRY(write_fixed());
    stamps_ = std::move(stamps);
    return success();
}

Result<std::string> RequestText::make(std::string_view method,
                                      const std::string& target,
                                      const Headers& headers,
                                      std::optional<size_t> body_size) const {
    if (!sendable(target) || target.find(' ') != std::string::npos) {
        return fail(Code::kInvalid, "request target cannot be sent");
    }
    std::string text(method);
    text += " " + target_prefix_ + (target.empty() ? target_ : target) + " HTTP/1.1\r\n" + fixed_;
    for (const auto& [name, value] : headers) {
        TRY(append_line(text, name, value));
    }
    if (body_size) {
        text += "Content-Length: " + std::to_string(*body_size) + "\r\n";
    }
    text += "\r\n";
    return text;
}

}  // namespace base::http
