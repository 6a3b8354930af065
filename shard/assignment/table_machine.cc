#include "shard/assignment/table_machine.h"

#include <utility>

namespace shard {

std::string TableMachine::apply(raft::Index, std::string_view command) {
    return encode(table_.apply(command));
}

std::shared_ptr<const std::string> TableMachine::snapshot() const {
    return std::make_shared<const std::string>(table_.snapshot());
}

base::Status TableMachine::restore(std::string_view snapshot) {
    return table_.restore(snapshot);
}

}  // namespace shard
