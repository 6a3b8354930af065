// A test that cannot run here says why and counts as skipped, never as passed.
#pragma once

#include <string>

namespace test {

// Notes that the running test case is skipped. When the case ends without a failed assertion the
// line "SKIPPED: reason" goes to standard output, where ctest finds it (cmake/module.cmake); a case
// that failed before is a failure. The case counts as skipped even if other sections of it ran.
//   reason   one line that names what is absent and how to get it
//   threads  the test's own
void note_skip(const std::string& reason);

}  // namespace test

// Ends the running test case (or section) as skipped.
#define SKEIN_SKIP(reason)           \
    do {                             \
        ::test::note_skip((reason)); \
        return;                      \
    } while (false)
