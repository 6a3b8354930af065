#include "shard/raft/reads.h"

namespace shard::raft {

void Reads::add(uint64_t context, Index index) {
    waiting_.push_back({.read = {.context = context, .index = index}, .round = 0});
}

bool Reads::want_round() const {
    return !waiting_.empty() && waiting_.front().round == 0;
}

void Reads::begin_round(uint64_t round) {
    for (auto read = waiting_.rbegin(); read != waiting_.rend() && read->round == 0; ++read) {
        read->round = round;
    }
}

void Reads::confirm(uint64_t round) {
    while (!waiting_.empty()) {
        const Waiting& first = waiting_.front();
        if (first.round == 0 || first.round > round) {
            break;
        }
        ready_.push_back(first.read);
        waiting_.pop_front();
    }
}

void Reads::fail() {
    for (const Waiting& waiting : waiting_) {
        failed_.push_back(waiting.read.context);
    }
    waiting_.clear();
}

}  // namespace shard::raft
