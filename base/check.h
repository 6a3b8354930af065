// CHECK: our own invariants. On in every build; a failure prints the condition, the place and the
// values, and aborts. The world's faults (disk, peers, users, limits) are never CHECKed: they are
// base/result.h.
#pragma once

#include <sstream>
#include <string_view>

namespace base {

// Prints "CHECK failed: COND at FILE:LINE: TEXT" to standard error and aborts.
[[noreturn]] void check_failed(const char* condition,
                               const char* file,
                               int line,
                               std::string_view text);

namespace detail {

template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail_check(const char* condition,
                                                       const char* file,
                                                       int line,
                                                       const Parts&... parts) {
    std::ostringstream text;
    const char* separator = "";
    ((text << separator << parts, separator = " "), ...);
    check_failed(condition, file, line, text.str());
}

}  // namespace detail
}  // namespace base

// CHECK(cond), CHECK(cond, "why", values…)
#define SKEIN_CHECK(condition, ...)                                                                \
    do {                                                                                           \
        if (!(condition)) [[unlikely]] {                                                           \
            ::base::detail::fail_check(#condition, __FILE__, __LINE__ __VA_OPT__(, ) __VA_ARGS__); \
        }                                                                                          \
    } while (false)

// Catch2 claims the plain name CHECK, so the tree's own spelling carries the project's prefix.
// SKEIN_DCHECK: only for hot loops; compiled out of the release build.
#ifdef NDEBUG
#define SKEIN_DCHECK(condition, ...) \
    do {                             \
    } while (false)
#else
#define SKEIN_DCHECK(condition, ...) SKEIN_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#endif
