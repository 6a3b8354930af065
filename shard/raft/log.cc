#include "shard/raft/log.h"

#include <algorithm>

#include "base/check.h"

namespace shard::raft {

namespace {

std::optional<Term> term_before(const Stored& stored) {
    if (stored.log_begin == 1) {
        return 0;
    }
    if (stored.snapshot && stored.snapshot->index == stored.log_begin - 1) {
        return stored.snapshot->term;
    }
    return std::nullopt;
}

}  // namespace

Log::Log(Stored& stored) : begin_(stored.log_begin), before_term_(term_before(stored)) {
    SKEIN_CHECK(begin_ >= 1, "a log begins with 1 at the earliest");
    for (Entry& entry : stored.entries) {
        append(std::move(entry));
    }
    handed_ = durable_ = last();
    const Index snapshot = stored.snapshot ? stored.snapshot->index : 0;
    SKEIN_CHECK(begin_ <= snapshot + 1, "entries are missing between the snapshot and", begin_);
    SKEIN_CHECK(last() >= snapshot, "the log ends before its snapshot:", last(), snapshot);
}

std::optional<Term> Log::term(Index index) const {
    if (index == begin_ - 1) {
        return before_term_;
    }
    if (index < begin_ || index > last()) {
        return std::nullopt;
    }
    return entries_[slot(index)].term;
}

Term Log::last_term() const {
    return term(last()).value_or(0);
}

bool Log::has(Index index, Term wanted) const {
    const auto known = term(index);
    return known && *known == wanted;
}

Index Log::last_not_above(Index index, Term limit) const {
    Index at = std::min(index, last());
    while (at > 0) {
        const auto known = term(at);
        if (!known || *known <= limit) {
            break;
        }
        --at;
    }
    return at;
}

std::span<const Entry> Log::range(Index from, Index to) const {
    SKEIN_CHECK(from >= begin_ && to <= last() && from <= to + 1, "no such entries", from, to);
    return {entries_.data() + slot(from), static_cast<size_t>(to + 1 - from)};
}

std::span<const Entry> Log::from(Index from, size_t bytes_max) const {
    SKEIN_CHECK(from >= begin_ && from <= last() + 1, "no such entry", from);
    size_t bytes = 0;
    Index to = from - 1;
    while (to < last() && bytes_max > 0) {
        bytes += entries_[slot(to + 1)].bytes();
        if (bytes > bytes_max && to >= from) {
            break;
        }
        ++to;
    }
    return range(from, to);
}

size_t Log::bytes_after(Index index) const {
    size_t bytes = 0;
    for (Index at = std::max(index + 1, begin_); at <= last(); ++at) {
        bytes += entries_[slot(at)].bytes();
    }
    return bytes;
}

void Log::append(Entry entry) {
    SKEIN_CHECK(entry.index == last() + 1, "a hole in the log before", entry.index);
    SKEIN_CHECK(entry.term >= last_term(), "terms fall at", entry.index);
    SKEIN_CHECK(entry.data != nullptr, "an entry without data", entry.index);
    bytes_ += entry.bytes();
    entries_.push_back(std::move(entry));
}

void Log::truncate(Index index, Index commit) {
    SKEIN_CHECK(index > commit, "committed entries stay:", index, "of", commit);
    SKEIN_CHECK(index >= begin_, "no such entry", index);
    while (last() >= index) {
        bytes_ -= entries_.back().bytes();
        entries_.pop_back();
    }
    handed_ = std::min(handed_, last());
    durable_ = std::min(durable_, last());
}

std::vector<Entry> Log::hand_out() {
    const auto entries = range(handed_ + 1, last());
    handed_ = last();
    return {entries.begin(), entries.end()};
}

void Log::made_durable(Index index) {
    SKEIN_CHECK(index <= handed_, "never handed to the disk:", index);
    durable_ = std::max(durable_, index);
}

void Log::cut(Index begin) {
    if (begin <= begin_) {
        return;
    }
    SKEIN_CHECK(begin <= durable_ + 1, "only what is durable is cut off:", begin);
    const Term before = entries_[slot(begin - 1)].term;
    const auto end = entries_.begin() + static_cast<ptrdiff_t>(slot(begin));
    for (auto entry = entries_.begin(); entry != end; ++entry) {
        bytes_ -= entry->bytes();
    }
    entries_.erase(entries_.begin(), end);
    begin_ = begin;
    before_term_ = before;
}

void Log::reset(Index index, Term term) {
    entries_.clear();
    begin_ = index + 1;
    before_term_ = term;
    handed_ = durable_ = index;
    bytes_ = 0;
}

}  // namespace shard::raft
