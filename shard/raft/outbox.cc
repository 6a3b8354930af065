#include "shard/raft/outbox.h"

#include <algorithm>

#include "base/check.h"

namespace shard::raft {

uint64_t Batches::with_entry(Index index) const {
    const auto found = std::ranges::find_if(
        under_way_, [&](const Batch& batch) { return batch.last_entry >= index; });
    SKEIN_CHECK(found != under_way_.end(), "no batch has the entry", index);
    return found->number;
}

uint64_t Batches::hand_out(Batch batch) {
    batch.number = ++last_;
    under_way_.push_back(std::move(batch));
    return last_;
}

void Batches::truncate(Index index) {
    for (Batch& batch : under_way_) {
        batch.last_entry = std::min(batch.last_entry, index - 1);
    }
}

std::optional<Batch> Batches::next_durable(uint64_t number) {
    SKEIN_CHECK(number <= last_, "never handed out: batch", number);
    if (under_way_.empty() || under_way_.front().number > number) {
        return std::nullopt;
    }
    Batch batch = std::move(under_way_.front());
    under_way_.pop_front();
    durable_ = batch.number;
    return batch;
}

void Outbox::add(Message message, uint64_t after) {
    if (waiting_.size() < kMessagesWaitingMax) {
        waiting_.push_back({after, std::move(message)});
    }
}

bool Outbox::ready(uint64_t durable) const {
    return std::ranges::any_of(waiting_,
                               [&](const Waiting& waiting) { return waiting.after <= durable; });
}

void Outbox::take(uint64_t durable, Term term, std::vector<Message>& to) {
    std::erase_if(waiting_, [&](Waiting& waiting) {
        if (waiting.message.term < term) {
            return true;
        }
        if (waiting.after > durable) {
            return false;
        }
        to.push_back(std::move(waiting.message));
        return true;
    });
}

}  // namespace shard::raft
