// The jobs of targets, numbered.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace shard {

// A name keeps its number while a target has it. One that no target has may lose it to another
// name, but not before all kJobsMax numbers are taken.
class JobNames {
  public:
    [[nodiscard]] std::span<const std::string> names() const { return names_; }

    [[nodiscard]] bool has(std::string_view name) const {
        return numbers_.find(name) != numbers_.end();
    }

    // Whether all of these (each once) can have a number at the same time.
    //   errors  kLimit
    [[nodiscard]] base::Status check_room(std::span<const std::string_view> wanted) const;

    // Counts one more that has the name. There must be room.
    uint32_t hold(std::string_view name);

    // One more, or one less, with this number.
    void hold(uint32_t number) { ++holders_[number]; }

    void release(uint32_t number) { --holders_[number]; }

    // The next number's, for restoring. False: the name is there already.
    bool append(std::string name);

    [[nodiscard]] size_t memory_bytes() const;

  private:
    std::vector<std::string> names_;
    std::vector<uint32_t> holders_;  // by number: targets, and plans that are being carried out
    std::map<std::string, uint32_t, std::less<>> numbers_;
};

}  // namespace shard
