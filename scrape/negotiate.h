// What a scrape asks for, and what kind of page came.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "scrape/options.h"
#include "scrape/parse/parser.h"

namespace scrape {

// The Accept header of a job, weights as Prometheus gives them. The protobuf format is not offered:
// this build does not read it.
//   errors  kUnsupported: the job asks for nothing else
[[nodiscard]] base::Result<std::string> accept_header(const std::vector<ScrapeProtocol>& protocols,
                                                      EscapingScheme escaping);

// X-Prometheus-Scrape-Timeout-Seconds: "10", "0.5".
[[nodiscard]] std::string timeout_header(std::chrono::milliseconds timeout);

// The parser for a Content-Type; `fallback` is for what is blank, malformed or unknown.
//   errors  kInvalid: no fallback; kUnsupported: protobuf
[[nodiscard]] base::Result<Format> choose_format(std::string_view content_type,
                                                 std::optional<ScrapeProtocol> fallback);

}  // namespace scrape
