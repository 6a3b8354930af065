// The log: one event, one line, a constant message and key–value pairs.
//
//   log_.warn("scrape failed", "target", target.id(), "took_ms", took, "error", error);
//   time=2026-01-02T03:04:05.678Z level=WARN source=loop.cc:88 msg="scrape failed" component=scrape
//   target=…
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/result.h"

namespace base {

class Secret;

enum class LogLevel : uint8_t { kDebug, kInfo, kWarn, kError };
enum class LogFormat : uint8_t { kLogfmt, kJson };

// "debug", "info", "warn", "error". errors  kInvalid
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);
// "logfmt", "json". errors  kInvalid
[[nodiscard]] Result<LogFormat> parse_log_format(std::string_view text);

// Where lines go. write() gets one whole line with its newline and is called from any thread.
class LogSink {
  public:
    virtual ~LogSink() = default;
    virtual void write(std::string_view line) = 0;
};

// Standard error, one write(2) per line.
class StderrSink final : public LogSink {
  public:
    void write(std::string_view line) override;
};

// A field's value, borrowed for the length of the call.
class LogValue {
  public:
    enum class Kind : uint8_t { kText, kSigned, kUnsigned, kFloat, kBool, kDuration };

    LogValue(std::string_view text) : kind_(Kind::kText), text_(text) {}  // NOLINT

    LogValue(const std::string& text) : LogValue(std::string_view(text)) {}  // NOLINT

    LogValue(const char* text) : LogValue(std::string_view(text)) {}  // NOLINT

    LogValue(const Error& error) : LogValue(std::string_view(error.message())) {}  // NOLINT

    LogValue(bool value) : kind_(Kind::kBool), number_{.boolean = value} {}  // NOLINT

    template <std::signed_integral Integer>
    LogValue(Integer value) : kind_(Kind::kSigned), number_{.integer = value} {}  // NOLINT

    template <std::unsigned_integral Integer>
        requires(!std::same_as<Integer, bool>)
    LogValue(Integer value) : kind_(Kind::kUnsigned), number_{.natural = value} {}  // NOLINT

    template <std::floating_point Float>
    LogValue(Float value) : kind_(Kind::kFloat), number_{.real = value} {}  // NOLINT

    // Printed as "1h2m3.5s".
    template <class Rep, class Period>
    LogValue(std::chrono::duration<Rep, Period> value)  // NOLINT
        : kind_(Kind::kDuration),
          number_{.integer = std::chrono::duration_cast<Duration>(value).count()} {}

    // A secret has no place in a log.
    LogValue(const Secret&) = delete;

    [[nodiscard]] Kind kind() const { return kind_; }

    [[nodiscard]] std::string_view text() const { return text_; }

    [[nodiscard]] int64_t integer() const { return number_.integer; }

    [[nodiscard]] uint64_t natural() const { return number_.natural; }

    [[nodiscard]] double real() const { return number_.real; }

    [[nodiscard]] bool boolean() const { return number_.boolean; }

  private:
    Kind kind_;
    std::string_view text_;

    union {
        int64_t integer;
        uint64_t natural;
        double real;
        bool boolean;
    } number_{.integer = 0};
};

struct LogField {
    std::string_view key;
    LogValue value;
};

// The constant message of an event, and where in the source it stands.
class LogMessage {
  public:
    consteval LogMessage(const char* text,  // NOLINT
                         std::source_location where = std::source_location::current())
        : text_(text), where_(where) {}

    [[nodiscard]] std::string_view text() const { return text_; }

    [[nodiscard]] const std::source_location& where() const { return where_; }

  private:
    std::string_view text_;
    std::source_location where_;
};

// What the loggers of a process share: sink, clock, format and the level, which may change while
// running. Outlives every Logger made from it. Threads: any.
class LogBackend {
  public:
    LogBackend(LogSink& sink, const Clock& clock, LogFormat format, LogLevel level)
        : sink_(sink), clock_(clock), format_(format), level_(level) {}

    void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }

    [[nodiscard]] LogLevel level() const { return level_.load(std::memory_order_relaxed); }

    [[nodiscard]] LogFormat format() const { return format_; }

    // Formats and writes a line. `context` is fields already formatted.
    void write(LogLevel level,
               const LogMessage& message,
               std::string_view context,
               std::span<const LogField> fields);

  private:
    LogSink& sink_;
    const Clock& clock_;
    const LogFormat format_;
    std::atomic<LogLevel> level_;
};

// A cheap copyable handle with fields of its own. A default Logger discards everything.
class Logger {
  public:
    Logger() = default;

    explicit Logger(LogBackend& backend) : backend_(&backend) {}

    // A logger that adds these fields to every line: log.with("component", "scrape").
    template <class... Fields>
    [[nodiscard]] Logger with(const Fields&... fields) const {
        const auto list = pairs(fields...);
        return extended(list);
    }

    [[nodiscard]] bool enabled(LogLevel level) const {
        return backend_ != nullptr && level >= backend_->level();
    }

    template <class... Fields>
    void debug(LogMessage message, const Fields&... fields) const {
        log(LogLevel::kDebug, message, fields...);
    }

    template <class... Fields>
    void info(LogMessage message, const Fields&... fields) const {
        log(LogLevel::kInfo, message, fields...);
    }

    template <class... Fields>
    void warn(LogMessage message, const Fields&... fields) const {
        log(LogLevel::kWarn, message, fields...);
    }

    template <class... Fields>
    void error(LogMessage message, const Fields&... fields) const {
        log(LogLevel::kError, message, fields...);
    }

  private:
    template <class... Fields>
    void log(LogLevel level, const LogMessage& message, const Fields&... fields) const {
        if (!enabled(level)) {
            return;
        }
        const auto list = pairs(fields...);
        backend_->write(level, message, context_ != nullptr ? *context_ : std::string_view(), list);
    }

    static std::array<LogField, 0> pairs() { return {}; }

    template <class... Fields>
    static std::array<LogField, sizeof...(Fields) / 2> pairs(const Fields&... fields) {
        static_assert(sizeof...(Fields) % 2 == 0, "fields come as key, value, key, value, …");
        static_assert((!std::is_same_v<Fields, Secret> && ...), "a secret has no place in a log");
        const std::array<LogValue, sizeof...(Fields)> values{LogValue(fields)...};
        return paired(values, std::make_index_sequence<sizeof...(Fields) / 2>());
    }

    template <size_t Count, size_t... Index>
    static std::array<LogField, Count / 2> paired(const std::array<LogValue, Count>& values,
                                                  std::index_sequence<Index...>) {
        return {LogField{values[2 * Index].text(), values[2 * Index + 1]}...};
    }

    [[nodiscard]] Logger extended(std::span<const LogField> fields) const;

    LogBackend* backend_ = nullptr;
    std::shared_ptr<const std::string> context_;
};

}  // namespace base
