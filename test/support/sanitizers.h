// The defaults that the sanitizers' run-time libraries look up by name.
#pragma once

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
const char* __asan_default_options();
const char* __ubsan_default_options();
const char* __lsan_default_suppressions();
const char* __tsan_default_options();
const char* __tsan_default_suppressions();
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
