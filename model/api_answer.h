// The envelope of every answer of the HTTP API: {"status":"success","data":…} and its errors.
// source: Prometheus HTTP API v1
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/http/message.h"
#include "base/result.h"

namespace model {

// What goes out beside the data.
struct ApiNotes {
    static constexpr size_t kMaxPrinted = 10;  // per kind; the rest is counted in a last line

    std::vector<std::string> warnings;
    std::vector<std::string> infos;
};

// `data` is JSON already.
[[nodiscard]] base::http::Response api_success(std::string_view data, const ApiNotes& notes = {});
// The pieces around data, for answers that are written into one string.
void begin_api_answer(std::string& out);
void end_api_answer(std::string& out, const ApiNotes& notes = {});

// Error type and status as Prometheus maps them: kInvalid bad_data 400, kExecution and kLimit
// execution 422, kCanceled canceled 499, kTimeout timeout 503, kNotFound not_found 404,
// kUnavailable and kPermission unavailable 500, everything else internal 500.
[[nodiscard]] base::http::Response api_error(const base::Error& error);

}  // namespace model
