#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace base {

void check_failed(const char* condition, const char* file, int line, std::string_view text) {
    std::fprintf(stderr,
                 "CHECK failed: %s at %s:%d: %.*s\n",
                 condition,
                 file,
                 line,
                 static_cast<int>(text.size()),
                 text.data());
    std::abort();
}

}  // namespace base
