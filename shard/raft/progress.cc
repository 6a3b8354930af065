#include "shard/raft/progress.h"

#include <algorithm>

namespace shard::raft {

bool Progress::may_send(const CoreOptions& options, bool entries) const {
    switch (pace_) {
        case Pace::kProbe:
            return !paused_;
        case Pace::kPipeline:
            return !entries || (in_flight_.size() < options.in_flight_appends_max &&
                                in_flight_bytes_ < options.in_flight_bytes_max);
        case Pace::kSnapshot:
            return false;
    }
    return false;
}

void Progress::sent(Index last, size_t bytes, uint64_t round) {
    ask = false;
    if (pace_ == Pace::kProbe) {
        paused_ = true;
        probe_round_ = round;
        return;
    }
    if (last >= next_) {
        next_ = last + 1;
        in_flight_.push_back({last, bytes, round});
        in_flight_bytes_ += bytes;
    }
}

void Progress::accepted(Index index, Index begin) {
    match_ = std::max(match_, index);
    while (!in_flight_.empty() && in_flight_.front().last <= match_) {
        in_flight_bytes_ -= in_flight_.front().bytes;
        in_flight_.pop_front();
    }
    if (pace_ == Pace::kPipeline) {
        next_ = std::max(next_, match_ + 1);
        return;
    }
    if (pace_ == Pace::kSnapshot && match_ + 1 < begin) {
        return;
    }
    pace_ = Pace::kPipeline;
    next_ = match_ + 1;
    paused_ = false;
    transmission = {};
}

bool Progress::rejected(Index index, Index may_match) {
    const bool current = pace_ == Pace::kPipeline ? index > match_ && index < next_
                                                  : pace_ == Pace::kProbe && index == next_ - 1;
    if (!current || index <= match_) {
        return false;
    }
    probe(std::min(index, may_match + 1));
    ask = true;
    return true;
}

void Progress::answered(uint64_t round, Index last) {
    confirmed_round = std::max(confirmed_round, round);
    if (pace_ == Pace::kProbe) {
        if (paused_ && round > probe_round_) {
            paused_ = false;
            ask = true;
        }
        return;
    }
    for (const InFlight& append : in_flight_) {
        if (append.round >= round) {
            break;
        }
        if (append.last > last) {
            probe(last + 1);
            ask = true;
            return;
        }
        ask = true;
    }
}

void Progress::lost(uint64_t round) {
    if (pace_ == Pace::kSnapshot) {
        return;
    }
    if (pace_ == Pace::kPipeline) {
        probe(match_ + 1);
    }
    paused_ = true;
    probe_round_ = round;
}

void Progress::begin_snapshot(const SnapshotMeta& meta) {
    pace_ = Pace::kSnapshot;
    in_flight_.clear();
    in_flight_bytes_ = 0;
    ask = false;
    transmission = {.meta = meta, .offset = 0, .due = true, .sent_at = 0};
}

void Progress::installed(Index index) {
    match_ = std::max(match_, index);
    probe(match_ + 1);
    transmission = {};
    ask = true;
}

void Progress::probe(Index next) {
    pace_ = Pace::kProbe;
    next_ = std::max(next, match_ + 1);
    paused_ = false;
    in_flight_.clear();
    in_flight_bytes_ = 0;
}

}  // namespace shard::raft
