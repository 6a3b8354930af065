// Messages of random content.
#pragma once

#include "base/random.h"
#include "shard/session/messages.h"

namespace test {

[[nodiscard]] inline model::Labels random_labels(base::Random& random) {
    std::vector<std::pair<std::string, std::string>> texts;
    for (uint64_t i = 0; i < random.below(6); ++i) {
        texts.emplace_back("label_" + std::to_string(random.below(30)),
                           "value " + std::to_string(random.below(100)));
    }
    std::vector<model::LabelView> labels;
    for (const auto& [name, value] : texts) {
        labels.push_back({.name = name, .value = value});
    }
    return model::Labels::from_unsorted(labels);
}

[[nodiscard]] inline shard::AssignedTarget random_target(base::Random& random, uint64_t id) {
    auto descriptor = std::make_shared<shard::TargetDescriptor>();
    descriptor->job = "job " + std::to_string(random.below(5));
    descriptor->labels = random_labels(random);
    descriptor->discovered = random_labels(random);
    descriptor->url = "http://10.0.0." + std::to_string(random.below(255)) + ":9100/metrics";
    descriptor->unix_socket = random.below(4) == 0 ? "/run/exporter.sock" : "";
    descriptor->interval = std::chrono::milliseconds(1 + random.below(60'000));
    descriptor->timeout = std::chrono::milliseconds(1 + random.below(10'000));
    descriptor->over_target_limit = random.below(4) == 0;
    const auto slots = static_cast<uint8_t>(1 + random.below(3));
    return {.id = id,
            .slot = static_cast<uint8_t>(random.below(slots)),
            .slots = slots,
            .holding = static_cast<shard::Holding>(1 + random.below(3)),
            .exclusive = random.below(2) == 0,
            .since = random.below(1000),
            .descriptor = std::move(descriptor)};
}

}  // namespace test
