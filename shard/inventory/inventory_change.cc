#include "shard/inventory/inventory_change.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "shard/inventory/target_key.h"

namespace shard {

namespace {

struct Place {
    uint64_t key = 0;
    size_t at = 0;  // among the differences, or among the added

    auto operator<=>(const Place&) const = default;
};

bool differ(const model::Target& a, const model::Target& b) {
    return a.interval != b.interval || a.timeout != b.timeout || a.discovered != b.discovered;
}

// Numbers jobs by name.
class JobNumbers {
  public:
    void add(std::string_view name) { numbers_.try_emplace(name); }

    [[nodiscard]] std::vector<std::string> number() {
        std::vector<std::string> names;
        for (auto& [name, number] : numbers_) {
            number = static_cast<uint32_t>(names.size());
            names.emplace_back(name);
        }
        return names;
    }

    [[nodiscard]] uint32_t of(std::string_view name) const { return numbers_.find(name)->second; }

  private:
    std::map<std::string_view, uint32_t> numbers_;
};

// Pairs what went with what came at the same place, in the order of their ids.
void find_predecessors(std::span<const TargetDifference> differences, InventoryChange& change) {
    std::vector<Place> left;
    std::vector<Place> came;
    size_t added = 0;
    for (size_t at = 0; at < differences.size(); ++at) {
        const auto& [id, before, now, other_limit] = differences[at];
        if ((before == nullptr) == (now == nullptr)) {
            continue;
        }
        if (const auto key = place_key(before != nullptr ? *before : *now)) {
            (before != nullptr ? left : came).push_back({*key, before != nullptr ? at : added});
        }
        added += now != nullptr ? 1 : 0;
    }
    std::ranges::sort(left);
    std::ranges::sort(came);
    auto from = left.begin();
    for (auto to = came.begin(); to != came.end() && from != left.end();) {
        if (from->key == to->key) {
            change.added[to++->at].predecessor = differences[from++->at].id;
        } else {
            from->key < to->key ? ++from : ++to;
        }
    }
}

}  // namespace

InventoryChange describe(std::span<const TargetDifference> differences) {
    InventoryChange change;
    JobNumbers numbers;
    for (const auto& [id, before, now, other_limit] : differences) {
        if (before == nullptr && now != nullptr) {
            numbers.add(now->job);
        }
    }
    change.jobs = numbers.number();
    for (const auto& [id, before, now, other_limit] : differences) {
        if (before == nullptr && now != nullptr) {
            change.added.push_back({.id = id, .job = numbers.of(now->job)});
        } else if (before != nullptr && now == nullptr) {
            change.removed.push_back(id);
        } else if (before != nullptr && (other_limit || differ(*before, *now))) {
            change.changed.push_back(id);
        }
    }
    if (!change.added.empty() && !change.removed.empty()) {
        find_predecessors(differences, change);
    }
    return change;
}

}  // namespace shard
