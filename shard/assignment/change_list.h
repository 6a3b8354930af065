// What was changed since somebody asked.
#pragma once

#include "shard/assignment/table.h"

namespace shard {

class ChangeList {
  public:
    void add_target(model::TargetId id);

    void add_node(NodeNumber number) { change_.nodes.push_back(number); }

    void set_takeovers() { change_.takeovers = true; }

    void set_settings() { change_.settings = true; }

    void set_everything();

    // Each id and number once; the list is empty afterwards.
    [[nodiscard]] TableChange take(Epoch epoch);

  private:
    TableChange change_;
};

}  // namespace shard
