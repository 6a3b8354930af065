// How others are asked.
#pragma once

#include <chrono>
#include <cstddef>

namespace storeapi {

struct PeersOptions {
    std::chrono::milliseconds check_interval{
        std::chrono::seconds(5)};  // between questions for facts
    // Until one that does not answer is asked again; twice as long each time, up to check_interval.
    std::chrono::milliseconds retry_first{200};
    std::chrono::milliseconds check_timeout{std::chrono::seconds(5)};
    // Of the wait for one message of a foreign endpoint; 0: none.
    std::chrono::milliseconds response_timeout{0};
    size_t endpoints_max = 1000;  // more are not asked
    size_t calls_max = 4096;      // of all queries together; one more fails its query
};

}  // namespace storeapi
