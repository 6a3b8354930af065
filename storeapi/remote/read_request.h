// What a remote read asks for.
// source: prometheus.ReadRequest, a message of protocol buffers in a snappy block
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/storage.h"

namespace storeapi {

struct ReadQuery {
    int64_t start_ms = 0;  // inclusive, as is the end
    int64_t end_ms = 0;
    std::vector<model::Matcher> matchers;
    model::SelectHints hints;
};

struct ReadRequest {
    static constexpr size_t kBytesMax = size_t{32} << 20;  // of a request, decompressed
    static constexpr size_t kQueriesMax = 1000;

    std::vector<ReadQuery> queries;
    bool streamed = false;  // as chunks, which the reader accepts and likes best; else as samples
};

// Reads the body of a request.
//   external  the server's labels. A matcher that asks for one of them as it is finds the series
//             without it, which are shown with it.
//   errors    kInvalid, kCorrupt: not a request; kLimit: larger than kBytesMax, more than
//             kQueriesMax, or a regular expression
[[nodiscard]] base::Result<ReadRequest> parse_read_request(std::string_view body,
                                                           const model::Labels& external);

}  // namespace storeapi
