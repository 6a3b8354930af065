#include "engine/maintenance.h"

#include <algorithm>

namespace engine {

Maintenance::Maintenance(std::vector<Chore> chores)
    : chores_(std::move(chores)), thread_([this] { loop(); }) {}

Maintenance::~Maintenance() {
    stop();
}

void Maintenance::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void Maintenance::loop() {
    using Time = std::chrono::steady_clock::time_point;
    const Time start = std::chrono::steady_clock::now();
    std::vector<Time> due;
    for (const Chore& chore : chores_) {
        due.push_back(start + chore.every);
    }
    while (!chores_.empty()) {
        const auto next = std::min_element(due.begin(), due.end());
        {
            const base::MutexLock lock(mutex_);
            while (!stopping_ && std::chrono::steady_clock::now() < *next) {
                wake_.wait_until(mutex_, *next);
            }
            if (stopping_) {
                return;
            }
        }
        const Chore& chore = chores_[static_cast<size_t>(next - due.begin())];
        chore.run();
        *next = std::chrono::steady_clock::now() + chore.every;
    }
}

}  // namespace engine
