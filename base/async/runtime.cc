#include "base/async/runtime.h"

#include "base/check.h"

namespace base {

Runtime::Runtime(const Clock& clock, RuntimeOptions options) : clock_(clock) {
    SKEIN_CHECK(options.lanes >= 1 && options.lanes <= kLanesMax, "lanes:", options.lanes);
    for (size_t i = 0; i < options.lanes; ++i) {
        LaneOptions lane = options.lane;
        if (options.lanes > 1) {
            lane.name += "-" + std::to_string(i);
        }
        lanes_.push_back(std::make_unique<Lane>(clock, std::move(lane)));
    }
}

Runtime::~Runtime() {
    stop();
}

void Runtime::start() {
    for (const auto& lane : lanes_) {
        lane->start();
    }
}

void Runtime::stop() {
    for (const auto& lane : lanes_) {
        lane->stop();
    }
}

}  // namespace base
