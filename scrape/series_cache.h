// What a target exposed last time, in the order it did: the way from a line to its series without
// looking at labels.
//
// The entries hold hash and length of a series' text, not the text. A page that has the same series
// in the same order is walked in step: the n-th line must match the n-th entry. Where it does not,
// the line is looked up, first nearby, then in an index that is built for this one walk and thrown
// away; afterwards the entries are put into the order of the page, so that the next one is in step
// again.
#pragma once

#include <cstdint>
#include <vector>

#include "model/storage.h"

namespace scrape {

// Threads: one (the target's lane).
class SeriesCache {
  public:
    static constexpr uint32_t kNone = UINT32_MAX;
    // Entries beyond twice the last good page and this many are flushed even while scrapes fail.
    static constexpr size_t kFlushSlack = 1000;

    struct Entry {
        uint64_t hash;
        model::SeriesHandle series;
        uint32_t length : 24;
        uint32_t tracked : 1;  // the last pass saw it without a time of its own: it can go stale
        uint32_t tracked_now : 1;  // this pass did; counts only while seen == the pass' number
        uint32_t dropped : 1;      // relabelling drops it
        uint32_t unused : 5;
        uint32_t seen;  // number of the last pass that saw it
    };

    static_assert(sizeof(Entry) == 24);

    // Hash to position, for one walk at a time. Memory is reused from walk to walk, and shared by
    // the targets of a lane: a walk that pauses may find it taken by another.
    class Index {
      public:
        // Forgets everything and takes the entries in. Returns what holds() knows this by; never 0.
        uint64_t build(const std::vector<Entry>& entries);

        // Whether the index is still the one that build() returned this for.
        [[nodiscard]] bool holds(uint64_t build) const { return build == build_; }

        [[nodiscard]] uint32_t find(const std::vector<Entry>& entries,
                                    uint64_t hash,
                                    uint32_t length) const;
        void insert(const std::vector<Entry>& entries, uint32_t position);
        // Gives a large table back; whose it is, builds it anew.
        void shrink();

      private:
        static constexpr size_t kKeepSlots = size_t{1} << 18;

        void grow(const std::vector<Entry>& entries, size_t slots);
        void place(uint64_t hash, uint32_t position);

        std::vector<uint32_t> slots_;
        size_t mask_ = 0;
        size_t used_ = 0;
        uint64_t build_ = 1;  // number of the last build
    };

    // One pass over one page. Reused from page to page.
    struct Walk {
        uint32_t cursor = 0;  // the entry expected next
        uint32_t kept = 0;    // entries seen whose tracking stays what it was
        bool in_step = true;  // entries 0 … cursor-1 were seen in this order, and nothing else
        uint64_t index = 0;   // its build of the index; 0: none
        std::vector<uint32_t> order;  // entries in the order of the page, once out of step
    };

    // Starts a pass.
    void begin(Walk& walk);

    // The entry that the next line should be; null behind the last one.
    [[nodiscard]] const Entry* expected(const Walk& walk) const {
        return walk.cursor < entries_.size() ? &entries_[walk.cursor] : nullptr;
    }

    // The expected entry is there. Returns false when this pass has seen it before.
    bool take_expected(Walk& walk) {
        if (!walk.in_step) {
            walk.order.push_back(walk.cursor);
        }
        Entry& entry = entries_[walk.cursor++];
        if (entry.seen == pass_) [[unlikely]] {
            return false;
        }
        entry.seen = pass_;
        return true;
    }

    // Whether the entry seen just now for the first time can go stale.
    void track(Walk& walk, uint32_t position, bool tracked) {
        Entry& entry = entries_[position];
        entry.tracked_now = tracked;
        walk.kept += entry.tracked_now == entry.tracked ? 1 : 0;
    }

    // Looks up a line that was not the expected one. kNone: it is new.
    [[nodiscard]] uint32_t find(Walk& walk, Index& index, uint64_t hash, uint32_t length);
    // Goes on behind the entry found. Returns false when this pass has seen it before.
    bool take_found(Walk& walk, uint32_t position);
    // A new line, seen in this pass.
    uint32_t add(Walk& walk,
                 Index& index,
                 uint64_t hash,
                 uint32_t length,
                 model::SeriesHandle series,
                 bool dropped);

    // Calls stale(handle) for every series that was there after the last pass and is not now.
    //   all  the pass failed: nothing counts as seen
    template <class Stale>
    void end_pass(const Walk& walk, bool all, Stale&& stale);

    // Puts the entries into the order of the page and forgets those it did not have; after the last
    // use of positions.
    void settle(Walk& walk);
    // After a pass that failed: forgets what it did not see, when there is too much.
    // Returns whether it did.
    bool flush_if_grown(size_t other_entries);

    [[nodiscard]] Entry& at(uint32_t position) { return entries_[position]; }

    [[nodiscard]] const Entry& at(uint32_t position) const { return entries_[position]; }

    [[nodiscard]] size_t size() const { return entries_.size(); }

    [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

    // Bytes on the heap.
    [[nodiscard]] size_t bytes() const { return entries_.capacity() * sizeof(Entry); }

  private:
    void leave_step(Walk& walk);
    void forget_unseen();

    std::vector<Entry> entries_;
    uint32_t pass_ = 0;
    size_t good_size_ = 0;  // entries after the last pass that succeeded
};

template <class Stale>
void SeriesCache::end_pass(const Walk& walk, bool all, Stale&& stale) {
    if (!all && walk.kept == entries_.size()) {
        return;  // all there, all as before: nearly every scrape
    }
    for (Entry& entry : entries_) {
        const bool now = !all && entry.seen == pass_ && entry.tracked_now != 0;
        if (entry.tracked != 0 && !now && entry.series.valid()) {
            stale(entry.series);
        }
        entry.tracked = now ? 1 : 0;
    }
}

}  // namespace scrape
