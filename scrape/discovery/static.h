// Targets that stand in the configuration.
#pragma once

#include <vector>

#include "model/target.h"

namespace scrape {

class StaticSource final : public model::GroupSource {
  public:
    explicit StaticSource(std::vector<model::TargetGroup> groups) : groups_(std::move(groups)) {}

    // Tells the listener before it returns.
    void start(model::GroupListener& listener) override { listener.groups_changed(groups_); }

    void stop() override {}

    [[nodiscard]] std::string mechanism() const override { return "static"; }

  private:
    const std::vector<model::TargetGroup> groups_;
};

}  // namespace scrape
