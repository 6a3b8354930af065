#include "query/exec/replica_join.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

#include "model/sample.h"
#include "query/exec/replica_copies.h"

namespace query::exec {
namespace {

// Deltas whose median is the interval at a place: odd, so that the first delta of a new interval
// has the majority already.
constexpr size_t kWindow = 17;

// Samples for which an interval is believed that every delta looks like.
constexpr size_t kBelieved = 64;

// Deltas that make an account's interval as good as any other's. With fewer of them a short one
// proves little: whoever takes a target over scrapes it at once, and again when it is time.
constexpr size_t kEnoughDeltas = 5;

// Both are in order: later >= earlier. Unsigned, because any two times fit.
uint64_t between(int64_t earlier, int64_t later) {
    return static_cast<uint64_t>(later) - static_cast<uint64_t>(earlier);
}

int64_t plus(int64_t t, uint64_t duration) {
    return between(t, model::kMaxTime) < duration
               ? model::kMaxTime
               : static_cast<int64_t>(static_cast<uint64_t>(t) + duration);
}

int64_t before(int64_t t) {
    return t == model::kMinTime ? t : t - 1;
}

// Whether a distance is more than 1.5, or than 0.5 intervals.
bool is_gap(uint64_t delta, uint64_t interval) {
    return delta > interval && delta - interval > interval / 2;
}

// Whether it may be one interval. So narrow that a change of the interval cannot hide a missing
// sample: 2 x 0.75 = 1.5.
bool is_one(uint64_t delta, uint64_t interval) {
    return !is_gap(delta, interval) && delta >= interval - interval / 4;
}

bool is_apart(uint64_t delta, uint64_t interval) {
    return delta > interval / 2;
}

bool is_stale(double value) {
    return model::is_stale(value);
}

bool is_stale(const HistogramPtr& histogram) {
    return model::is_stale(histogram->sum);
}

// ---------------------------------------------------------------------------------------------------------------------
// One account, read forward: floats and histograms as one sequence in time

template <class T>
bool any_alive(const std::vector<int64_t>& times,
               const std::vector<T>& values,
               int64_t from,
               int64_t to) {
    auto i = static_cast<size_t>(std::ranges::lower_bound(times, from) - times.begin());
    while (i < times.size() && times[i] <= to && is_stale(values[i])) {
        ++i;
    }
    return i < times.size() && times[i] <= to;
}

class Account {
  public:
    explicit Account(Columns columns) : columns_(std::move(columns)) {
        if (!columns_.t.empty() && !columns_.histogram_t.empty()) {
            std::ranges::set_union(columns_.t, columns_.histogram_t, std::back_inserter(both_));
        }
    }

    [[nodiscard]] bool ended() const { return next_ == times().size(); }

    [[nodiscard]] int64_t time() const { return times()[next_]; }

    // Whether the next sample is a marker.
    [[nodiscard]] bool stale() const {
        return (!float_is_next() || is_stale(columns_.v[float_])) &&
               (!histogram_is_next() || is_stale(columns_.histogram[histogram_]));
    }

    void skip() {
        const bool histogram = histogram_is_next();
        if (float_is_next()) {
            ++float_;
        }
        if (histogram) {
            ++histogram_;
        }
        ++next_;
    }

    void skip_through(int64_t t) {
        while (!ended() && time() <= t) {
            skip();
        }
    }

    // Appends the next sample.
    void take(bool keep_hint, Columns& out) {
        if (float_is_next()) {
            out.add(time(), columns_.start_time(float_), columns_.v[float_]);
        }
        if (histogram_is_next()) {
            const HistogramPtr& histogram = columns_.histogram[histogram_];
            out.add(time(),
                    columns_.histogram_start_time(histogram_),
                    keep_hint ? histogram : without_reset_hint(histogram));
        }
        skip();
    }

    // Appends what follows the sample taken last without a question: floats, an interval from one
    // to the next. The common case, in one piece; whatever else there is comes one by one.
    //   returns  how many, at most `count_max`
    size_t take_run(uint64_t interval, size_t count_max, Columns& out) {
        const auto& [t, v, st, histogram_t, histogram, histogram_st] = columns_;
        if (!histogram_t.empty() || !st.empty() || !out.st.empty()) {
            return 0;
        }
        const size_t begin = next_;
        const size_t end = std::min(t.size(), begin + count_max);
        while (next_ < end && is_one(between(t[next_ - 1], t[next_]), interval) &&
               !is_stale(v[next_])) {
            ++next_;
        }
        float_ = next_;
        out.t.insert(out.t.end(), t.data() + begin, t.data() + next_);
        out.v.insert(out.v.end(), v.data() + begin, v.data() + next_);
        return next_ - begin;
    }

    // Of the sample taken last.
    [[nodiscard]] int64_t last_time() const { return times()[next_ - 1]; }

    // Of the next sample.
    [[nodiscard]] size_t position() const { return next_; }

    // Whether it has a sample that is no marker in [from, to].
    [[nodiscard]] bool alive(int64_t from, int64_t to) const {
        return any_alive(columns_.t, columns_.v, from, to) ||
               any_alive(columns_.histogram_t, columns_.histogram, from, to);
    }

    // The latest sample that is not after `until`, if it is no marker.
    [[nodiscard]] std::optional<int64_t> last_word(int64_t until) const {
        const auto end = std::ranges::upper_bound(times(), until);
        if (end == times().begin()) {
            return std::nullopt;
        }
        const int64_t t = *std::prev(end);
        return alive(t, t) ? std::optional(t) : std::nullopt;
    }

    struct Interval {
        size_t deltas = 0;  // that it is the median of
        uint64_t ms = 0;
    };

    // Around the next sample; nothing where the account has no samples.
    [[nodiscard]] std::optional<Interval> interval_at(int64_t t) const {
        const std::span<const int64_t> all = times();
        const size_t deltas = std::min(kWindow, all.size() - 1);
        if (deltas == 0) {
            return std::nullopt;
        }
        const size_t half = kWindow / 2 + 1;
        const size_t first = std::min(next_ < half ? 0 : next_ - half, all.size() - 1 - deltas);
        std::array<uint64_t, kWindow> window{};
        for (size_t i = 0; i < deltas; ++i) {
            window[i] = between(all[first + i], all[first + i + 1]);
        }
        const auto median = window.begin() + static_cast<std::ptrdiff_t>((deltas - 1) / 2);
        std::nth_element(
            window.begin(), median, window.begin() + static_cast<std::ptrdiff_t>(deltas));
        if ((t < all.front() && is_gap(between(t, all.front()), *median)) ||
            (t > all.back() && is_gap(between(all.back(), t), *median))) {
            return std::nullopt;
        }
        return Interval{deltas, *median};
    }

  private:
    [[nodiscard]] std::span<const int64_t> times() const {
        return !both_.empty() ? both_ : columns_.t.empty() ? columns_.histogram_t : columns_.t;
    }

    [[nodiscard]] bool float_is_next() const {
        return float_ < columns_.t.size() && columns_.t[float_] == time();
    }

    [[nodiscard]] bool histogram_is_next() const {
        return histogram_ < columns_.histogram_t.size() &&
               columns_.histogram_t[histogram_] == time();
    }

    Columns columns_;
    std::vector<int64_t> both_;  // times, when there are floats and histograms
    size_t next_ = 0;
    size_t float_ = 0;
    size_t histogram_ = 0;
};

// ---------------------------------------------------------------------------------------------------------------------
// The rule

class Join {
  public:
    Join(std::span<Account> accounts, int64_t max_t, Columns& out)
        : accounts_(accounts), max_t_(max_t), out_(out) {}

    void run() {
        last_ = before(earliest()->time());
        refresh();
        while (Account* const source = choose()) {
            if (source->stale() && !counts(*source)) {
                source->skip();
            } else {
                take(*source);
            }
        }
    }

  private:
    // Whose next sample comes next; null at the end.
    Account* choose() {
        if (current_ == nullptr) {
            return earliest();
        }
        if (!current_->ended() && !gap_before(current_->time())) {
            return current_;
        }
        if (current_->ended()) {
            refresh();
        }
        for (Account& account : accounts_) {
            account.skip_through(last_);
            while (!account.ended() && !is_apart(between(last_, account.time()), interval_)) {
                account.skip();
            }
        }
        return earliest();
    }

    Account* earliest() {
        Account* best = current_ != nullptr && !current_->ended() ? current_ : nullptr;
        for (Account& account : accounts_) {
            if (!account.ended() && (best == nullptr || account.time() < best->time())) {
                best = &account;
            }
        }
        return best;
    }

    // The interval is worked out again now and then, and when the delta does not look like it.
    bool gap_before(int64_t t) {
        const uint64_t delta = between(last_, t);
        if (++checks_ >= kBelieved || !is_one(delta, interval_)) {
            refresh();
        }
        return is_gap(delta, interval_);
    }

    void refresh() {
        checks_ = 0;
        size_t most = 0;
        interval_ = kUnknownIntervalMs;
        for (Account& account : accounts_) {
            account.skip_through(last_);
            const auto interval = account.interval_at(last_);
            if (!interval) {
                continue;
            }
            const size_t deltas = std::min(interval->deltas, kEnoughDeltas);
            const bool better =
                deltas == kEnoughDeltas ? interval->ms < interval_ : interval->ms > interval_;
            if (deltas > most || (deltas == most && better)) {
                most = deltas;
                interval_ = interval->ms;
            }
        }
    }

    // Whether the marker that comes next says that the series ended.
    bool counts(const Account& source) const {
        if (ended_ && &source != current_) {
            return false;  // said already
        }
        const int64_t t = source.time();
        const int64_t until = plus(t, interval_);
        const bool unknown = until > max_t_;
        return std::ranges::none_of(accounts_, [&](const Account& other) {
            if (&other == &source) {
                return false;
            }
            if (other.alive(plus(t, 1), until)) {
                return true;
            }
            const auto last_word = unknown ? other.last_word(max_t_) : std::nullopt;
            return last_word && (*last_word >= t || !is_gap(between(*last_word, t), interval_));
        });
    }

    void take(Account& source) {
        const bool follows = &source == current_ && source.position() == next_position_;
        const bool first = current_ == nullptr && source.position() == 0;
        last_ = source.time();
        ended_ = source.stale();
        source.take(follows || first, out_);
        current_ = &source;
        if (const size_t more = source.take_run(interval_, kBelieved - checks_, out_)) {
            last_ = source.last_time();
            ended_ = false;
            checks_ += more;
        }
        next_position_ = source.position();
    }

    const std::span<Account> accounts_;
    const int64_t max_t_;
    Columns& out_;

    Account* current_ = nullptr;  // whose sample was taken last; null before the first
    size_t next_position_ = 0;    // in it, after that sample
    int64_t last_ = 0;            // time of that sample; before the first: just before it
    bool ended_ = false;          // whether it was a marker
    uint64_t interval_ = kUnknownIntervalMs;
    size_t checks_ = 0;  // deltas looked at since the interval was worked out
};

}  // namespace

void join_replicas(std::vector<Columns> accounts, int64_t max_t, Columns& out) {
    out.clear();
    unite_copies(accounts);
    if (accounts.empty()) {
        return;
    }
    if (accounts.size() == 1) {
        out = std::move(accounts.front());
        return;
    }
    std::vector<Account> joined;
    joined.reserve(accounts.size());
    size_t longest = 0;
    for (Columns& account : accounts) {
        longest = std::max(longest, account.t.size());
        joined.emplace_back(std::move(account));
    }
    out.t.reserve(longest);
    out.v.reserve(longest);
    Join(joined, max_t, out).run();
}

}  // namespace query::exec
