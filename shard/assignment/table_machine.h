// The table as what the members of the group agree on.
#pragma once

#include "shard/assignment/table.h"
#include "shard/raft/driver.h"

namespace shard {

//   threads  the driver's
class TableMachine final : public raft::StateMachine {
  public:
    // `table` is borrowed, and changed by this alone.
    explicit TableMachine(Table& table) : table_(table) {}

    // returns  an encoded EditAnswer
    std::string apply(raft::Index index, std::string_view command) override;
    [[nodiscard]] std::shared_ptr<const std::string> snapshot() const override;
    [[nodiscard]] base::Status restore(std::string_view snapshot) override;

  private:
    Table& table_;
};

}  // namespace shard
