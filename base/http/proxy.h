// Which proxy, if any, stands between us and a URL.
#pragma once

#include <optional>
#include <string>

#include "base/http/options.h"
#include "base/http/url.h"

namespace base::http {

// errors  kInvalid: the proxy's URL; kUnsupported: its scheme
[[nodiscard]] Result<std::optional<Url>> choose_proxy(const ClientOptions& options, const Url& url);

// Whether a no_proxy list names the URL's host: "*", an address, a network, a domain with or
// without a dot in front, each with an optional port.
[[nodiscard]] bool bypasses_proxy(std::string_view no_proxy, const Url& url);

}  // namespace base::http
