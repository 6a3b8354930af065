// What the farm's server serves: a request in, an answer out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bench/load/farm/request.h"

namespace bench {

// Threads: one, the server's.
class Pages {
  public:
    virtual ~Pages() = default;

    // Whether the request asks for a target's metrics, which alone may be delayed.
    [[nodiscard]] virtual bool is_scrape(const Request& request) const = 0;
    // The whole answer, head and body. The view holds until the next call.
    [[nodiscard]] virtual std::string_view answer(const Request& request) = 0;
    // For what is no request: status is "400 Bad Request" or the like.
    [[nodiscard]] virtual std::string_view refuse(std::string_view status,
                                                  std::string_view why) = 0;
    // Told by the server: its first port, and the connections now open.
    virtual void set_port(uint16_t port) = 0;
    virtual void set_connections(size_t count) = 0;
    // Called when it is time. returns  when next
    [[nodiscard]] virtual base::SteadyTime tick(base::SteadyTime now) = 0;
};

}  // namespace bench
