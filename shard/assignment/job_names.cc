#include "shard/assignment/job_names.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "shard/assignment/table.h"

namespace shard {

base::Status JobNames::check_room(std::span<const std::string_view> wanted) const {
    size_t known = 0, known_unheld = 0;
    for (const std::string_view name : wanted) {
        const auto place = numbers_.find(name);
        if (place != numbers_.end()) {
            ++known;
            known_unheld += holders_[place->second] == 0 ? 1 : 0;
        }
    }
    const size_t fresh = wanted.size() - known;
    size_t room = kJobsMax - names_.size();
    if (fresh > room) {
        const auto unheld = std::count(holders_.begin(), holders_.end(), 0U);
        room += static_cast<size_t>(unheld) - known_unheld;
    }
    if (fresh > room) {
        return base::fail(base::Code::kLimit, "the table has targets of", kJobsMax, "jobs");
    }
    return base::success();
}

uint32_t JobNames::hold(std::string_view name) {
    const auto place = numbers_.find(name);
    if (place != numbers_.end()) {
        hold(place->second);
        return place->second;
    }
    if (names_.size() == kJobsMax) {
        const auto unheld = std::find(holders_.begin(), holders_.end(), 0U);
        SKEIN_CHECK(unheld != holders_.end(), "check_room() was not asked");
        const auto number = static_cast<uint32_t>(unheld - holders_.begin());
        numbers_.erase(names_[number]);
        names_[number] = std::string(name);
        numbers_.emplace(names_[number], number);
        hold(number);
        return number;
    }
    append(std::string(name));
    const auto number = static_cast<uint32_t>(names_.size() - 1);
    hold(number);
    return number;
}

bool JobNames::append(std::string name) {
    if (!numbers_.emplace(name, static_cast<uint32_t>(names_.size())).second) {
        return false;
    }
    names_.push_back(std::move(name));
    holders_.push_back(0);
    return true;
}

size_t JobNames::memory_bytes() const {
    constexpr size_t kMapNodeBytes = 4 * sizeof(void*);
    size_t bytes = names_.capacity() * sizeof(std::string) + holders_.capacity() * sizeof(uint32_t);
    for (const std::string& name : names_) {
        bytes += kMapNodeBytes + sizeof(decltype(numbers_)::value_type) + 2 * name.capacity();
    }
    return bytes;
}

}  // namespace shard
