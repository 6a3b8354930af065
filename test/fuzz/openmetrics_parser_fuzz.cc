#include <cstdint>

#include "test/fuzz/parse_page.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    return parse_page(scrape::Format::kOpenMetrics, {reinterpret_cast<const char*>(data), size});
}
