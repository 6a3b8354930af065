// Any bytes are a page that parses or is refused, and labels of what parsed can be read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "scrape/parse/parser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view page(reinterpret_cast<const char*>(data), size);
    const auto parser = scrape::make_parser(scrape::Format::kOpenMetrics, page);
    scrape::SeriesLabels labels;
    std::string scratch;
    size_t entries = 0;
    while (true) {
        const scrape::EntryKind kind = parser->next();
        if (kind == scrape::EntryKind::kEnd || kind == scrape::EntryKind::kError) {
            return 0;
        }
        if (kind == scrape::EntryKind::kSeries) {
            (void)parser->labels(labels);
        } else {
            (void)parser->help(scratch);
        }
        if (++entries > size + 1) {
            std::abort();  // no progress
        }
    }
}
