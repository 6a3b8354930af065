// What the sanitizers read at start-up, so that a test binary behaves the same under ctest, under
// ./dev test and by hand. The names are the sanitizers' own; without a sanitizer nobody calls them.
#include "test/support/sanitizers.h"

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)

const char* __asan_default_options() {
    return "detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1";
}

const char* __ubsan_default_options() {
    return "print_stacktrace=1";
}

const char* __lsan_default_suppressions() {
    return "leak:libcares\n";  // c-ares keeps its initialisation until the process ends
}

const char* __tsan_default_options() {
    return "second_deadlock_stack=1";
}

// Debian's gRPC, absl and RocksDB are built without instrumentation; what happens inside them is
// unknown.
const char* __tsan_default_suppressions() {
    return "called_from_lib:libgrpc\ncalled_from_lib:librocksdb\nrace:grpc::\nrace:rocksdb::\n";
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}
