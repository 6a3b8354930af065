#include "base/log.h"

#include <cerrno>

#include <unistd.h>

#include "base/duration.h"
#include "base/float_format.h"
#include "base/json.h"
#include "base/time_format.h"
#include "base/utf8.h"

namespace base {

namespace {

std::string_view level_name(LogLevel level) {
    switch (level) {
        case LogLevel::kDebug:
            return "DEBUG";
        case LogLevel::kInfo:
            return "INFO";
        case LogLevel::kWarn:
            return "WARN";
        case LogLevel::kError:
            return "ERROR";
    }
    return "ERROR";
}

// "loop.cc:88"
void append_source(std::string& out, const std::source_location& where) {
    const std::string_view path = where.file_name();
    out.append(path.substr(path.rfind('/') + 1));  // npos + 1 is 0
    out.push_back(':');
    append_natural(out, where.line());
}

// logfmt: text that is empty, or holds a blank, a quote, an equals sign or something not printable,
// goes in quotes.
bool needs_quotes(std::string_view text) {
    if (text.empty()) {
        return true;
    }
    bool ascii = true;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= ' ' || c == '"' || c == '=' || c == '\\' || byte == 0x7f) {
            return true;
        }
        ascii = ascii && byte < 0x80;
    }
    return !ascii && !is_valid_utf8(text);
}

void append_text(std::string& out, LogFormat format, std::string_view text) {
    if (format == LogFormat::kJson || needs_quotes(text)) {
        append_json_string(out, text, HtmlEscape::kNo);
    } else {
        out.append(text);
    }
}

void append_real(std::string& out, LogFormat format, double value) {
    std::string text;
    append_float_g(text, value);
    // JSON has no NaN and no infinity: those go as text.
    const bool as_text = text.back() == 'N' || text.back() == 'f';
    append_text(out, as_text ? format : LogFormat::kLogfmt, text);
}

void append_value(std::string& out, LogFormat format, const LogValue& value) {
    switch (value.kind()) {
        case LogValue::Kind::kText:
            append_text(out, format, value.text());
            break;
        case LogValue::Kind::kSigned:
            append_integer(out, value.integer());
            break;
        case LogValue::Kind::kUnsigned:
            append_natural(out, value.natural());
            break;
        case LogValue::Kind::kFloat:
            append_real(out, format, value.real());
            break;
        case LogValue::Kind::kBool:
            out.append(value.boolean() ? "true" : "false");
            break;
        case LogValue::Kind::kDuration:
            append_text(out, format, format_go_duration_ns(value.integer()));
            break;
    }
}

// The separator and the key; the value follows.
void append_key(std::string& out, LogFormat format, std::string_view key) {
    if (format == LogFormat::kJson) {
        out.push_back(',');
        append_json_string(out, key, HtmlEscape::kNo);
        out.push_back(':');
    } else {
        out.push_back(' ');
        out.append(key);
        out.push_back('=');
    }
}

void append_fields(std::string& out, LogFormat format, std::span<const LogField> fields) {
    for (const LogField& field : fields) {
        append_key(out, format, field.key);
        append_value(out, format, field.value);
    }
}

}  // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
    if (text == "debug") {
        return LogLevel::kDebug;
    }
    if (text == "info") {
        return LogLevel::kInfo;
    }
    if (text == "warn") {
        return LogLevel::kWarn;
    }
    if (text == "error") {
        return LogLevel::kError;
    }
    return fail(Code::kInvalid, "unknown log level", text, "- use debug, info, warn or error");
}

Result<LogFormat> parse_log_format(std::string_view text) {
    if (text == "logfmt") {
        return LogFormat::kLogfmt;
    }
    if (text == "json") {
        return LogFormat::kJson;
    }
    return fail(Code::kInvalid, "unknown log format", text, "- use logfmt or json");
}

void StderrSink::write(std::string_view line) {
    while (!line.empty()) {
        const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
        if (written < 0 && errno != EINTR) {
            return;  // nobody reads the log: there is no place left to say so
        }
        line.remove_prefix(written > 0 ? static_cast<size_t>(written) : 0);
    }
}

void LogBackend::write(LogLevel level,
                       const LogMessage& message,
                       std::string_view context,
                       std::span<const LogField> fields) {
    std::string line;
    const bool json = format_ == LogFormat::kJson;
    line.append(json ? "{\"time\":\"" : "time=");
    append_rfc3339_fixed_ms(line, clock_.now_ms());
    line.append(json ? "\",\"level\":\"" : " level=");
    line.append(level_name(level));
    line.append(json ? "\",\"source\":\"" : " source=");
    append_source(line, message.where());
    line.append(json ? "\",\"msg\":" : " msg=");
    append_text(line, format_, message.text());
    line.append(context);
    append_fields(line, format_, fields);
    line.append(json ? "}\n" : "\n");
    sink_.write(line);
}

Logger Logger::extended(std::span<const LogField> fields) const {
    Logger logger(*this);
    if (backend_ != nullptr) {
        std::string context = context_ != nullptr ? *context_ : std::string();
        append_fields(context, backend_->format(), fields);
        logger.context_ = std::make_shared<const std::string>(std::move(context));
    }
    return logger;
}

}  // namespace base
