// How the buckets of one histogram lie to those of another: which are new, which are missing, and
// whether any counts less.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "model/histogram_layout.h"
#include "model/varbit.h"
#include "model/xor_value.h"

namespace model {

// Absolute counts, one after the other, of buckets as they are stored: deltas of integer
// histograms, counts of float ones; plain or as an encoder remembers them.
template <class Stored>
class Counts {
  public:
    explicit Counts(std::span<const Stored> stored) : stored_(stored) {}

    auto next() {
        const Stored& stored = stored_[at_++];
        if constexpr (std::is_same_v<Stored, double>) {
            return stored;
        } else if constexpr (std::is_same_v<Stored, XorValue>) {
            return stored.value();
        } else {
            counted_ += static_cast<uint64_t>(delta(stored));
            return static_cast<int64_t>(counted_);
        }
    }

  private:
    static int64_t delta(int64_t stored) { return stored; }

    static int64_t delta(const DodValue& stored) { return stored.value; }

    std::span<const Stored> stored_;
    size_t at_ = 0;
    uint64_t counted_ = 0;
};

// One side's buckets: where they are and how many each has counted.
template <class Stored>
struct Side {
    std::span<const Span> spans;
    std::span<const Stored> buckets;
};

// A bucket of two sides that are walked together.
template <class Count>
struct Pair {
    bool in_old = false;
    bool in_new = false;
    Count before{};
    Count now{};
};

// Shows every bucket of either side, in order, until `visit` returns false.
template <class Count, class Old, class New, class Visit>
void walk_together(const Side<Old>& old_side, const Side<New>& new_side, Visit&& visit) {
    BucketWalk a(old_side.spans);
    BucketWalk b(new_side.spans);
    Counts<Old> before(old_side.buckets);
    Counts<New> now(new_side.buckets);
    while (!a.done() || !b.done()) {
        Pair<Count> pair;
        pair.in_old = !a.done() && (b.done() || a.index() <= b.index());
        pair.in_new = !b.done() && (a.done() || b.index() <= a.index());
        if (pair.in_old) {
            pair.before = before.next();
            a.next();
        }
        if (pair.in_new) {
            pair.now = now.next();
            b.next();
        }
        if (!visit(pair)) {
            return;
        }
    }
}

// How one side of a sample fits into the chunk's layout.
struct Fit {
    bool reset = false;    // a counter went back
    bool added = false;    // the sample has buckets the chunk has not
    bool missing = false;  // the chunk has buckets the sample has not
};

template <class Count, class Old, class New>
Fit fit_side(const Side<Old>& chunk, const Side<New>& sample, bool gauge) {
    Fit fit;
    walk_together<Count>(chunk, sample, [&](const Pair<Count>& pair) {
        fit.added |= !pair.in_old;
        fit.missing |= !pair.in_new;
        fit.reset |= !gauge && pair.in_old &&
                     (pair.in_new ? pair.before > pair.now : pair.before != Count{});
        return !fit.reset;
    });
    return fit;
}

template <class Count, class Old, class New>
bool equal_sides(const Side<Old>& a, const Side<New>& b) {
    bool equal = true;
    walk_together<Count>(a, b, [&](const Pair<Count>& pair) {
        equal = pair.before == pair.now;
        return equal;
    });
    return equal;
}

}  // namespace model
