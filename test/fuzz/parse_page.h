// Any bytes are a page that parses or is refused, and labels of what parsed can be read.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "scrape/parse/parser.h"

// Always 0, as a fuzzer returns it.
inline int parse_page(scrape::Format format, std::string_view page) {
    const auto parser = scrape::make_parser(format, page);
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
        if (++entries > page.size() + 1) {
            std::abort();  // no progress
        }
    }
}
