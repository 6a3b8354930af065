// Targets, jobs and an inventory on a clock that stands still, for tests.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shard/inventory/inventory.h"
#include "test/support/fake_clock.h"

namespace shard::inventory_test {

using TargetPtr = std::shared_ptr<const model::Target>;

inline model::Target target(std::string_view job, std::string_view address) {
    model::Target one;
    one.job = job;
    one.labels = {{"instance", address}, {"job", job}};
    one.discovered = {{"__address__", address}, {"job", job}};
    one.url = "http://" + std::string(address) + "/metrics";
    one.interval = std::chrono::seconds(15);
    one.timeout = std::chrono::seconds(10);
    return one;
}

inline TargetPtr shared(model::Target one) {
    return std::make_shared<const model::Target>(std::move(one));
}

// Of addresses a0, a1, …
inline std::vector<TargetPtr> targets(std::string_view job, size_t count) {
    std::vector<TargetPtr> all;
    for (size_t at = 0; at < count; ++at) {
        all.push_back(shared(target(job, "a" + std::to_string(at))));
    }
    return all;
}

struct Fixture {
    void configure(const std::vector<JobHash>& jobs) { inventory.jobs_configured(jobs); }

    void report(std::string_view job, std::vector<TargetPtr> active) {
        model::ResolvedJob resolved;
        resolved.job = job;
        resolved.active = std::move(active);
        inventory.targets_changed(std::make_shared<const model::ResolvedJob>(std::move(resolved)));
    }

    void pass(std::chrono::milliseconds time) {
        clock.advance(time);
        inventory.poll(clock.steady());
    }

    [[nodiscard]] JobInventory job(std::string_view name) const {
        for (const JobInventory& one : inventory.jobs()) {
            if (one.job == name) {
                return one;
            }
        }
        return {};
    }

    InventoryOptions options{};
    test_support::FakeClock clock{};
    Inventory inventory{clock, options};
};

}  // namespace shard::inventory_test
