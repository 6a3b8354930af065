// The program's own metrics: counters, gauges, histograms and values computed when asked, in a
// registry that prints the text exposition format 0.0.4.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/sync.h"

namespace base {

enum class MetricKind : uint8_t { kCounter, kGauge, kHistogram, kSummary };

// Only goes up. Threads: any; whole numbers cost one relaxed addition.
class Counter {
  public:
    template <std::integral Integer>
    void add(Integer count) {
        whole_.fetch_add(static_cast<uint64_t>(count), std::memory_order_relaxed);
    }

    void add() { add(1U); }

    template <std::floating_point Float>
    void add(Float amount) {
        part_.fetch_add(static_cast<double>(amount), std::memory_order_relaxed);
    }

    [[nodiscard]] double value() const {
        return static_cast<double>(whole_.load(std::memory_order_relaxed)) +
               part_.load(std::memory_order_relaxed);
    }

  private:
    std::atomic<uint64_t> whole_{0};
    std::atomic<double> part_{0};
};

// Goes up and down. Threads: any.
class Gauge {
  public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }

    void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }

    void subtract(double amount) { value_.fetch_sub(amount, std::memory_order_relaxed); }

    [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> value_{0};
};

// Counts observations in classic buckets (value <= bound). Threads: any; a collection that runs
// beside an observation may see its bucket before its sum.
class Histogram {
  public:
    // bounds  ascending, without +Inf
    explicit Histogram(std::span<const double> bounds);

    void observe(double value);

    [[nodiscard]] std::span<const double> bounds() const { return bounds_; }

    // Observations per bucket, not cumulative; the last one is +Inf's.
    [[nodiscard]] std::vector<uint64_t> counts() const;

    [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

  private:
    std::vector<double> bounds_;
    std::unique_ptr<std::atomic<uint64_t>[]> counts_;
    std::atomic<double> sum_{0};
};

// Sum and count of observations; no quantiles. Threads: any.
class Summary {
  public:
    void observe(double value) {
        sum_.fetch_add(value, std::memory_order_relaxed);
        count_.fetch_add(1, std::memory_order_relaxed);
    }

    [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

    [[nodiscard]] uint64_t count() const { return count_.load(std::memory_order_relaxed); }

  private:
    std::atomic<double> sum_{0};
    std::atomic<uint64_t> count_{0};
};

// Bounds for histograms: `count` of them from `start`, each `factor` times the one before.
[[nodiscard]] std::vector<double> exponential_bounds(double start, double factor, size_t count);

// The metrics of one name, one per combination of label values.
//   threads   any; with() takes a lock, so keep the reference it returns
//   lifetime  a reference stays good as long as the registry, even after remove()
template <class Metric>
class MetricFamily {
  public:
    using Make = std::function<std::unique_ptr<Metric>()>;
    // What the label values of a combination too many are replaced by.
    static constexpr std::string_view kOther = "other";

    MetricFamily(size_t label_count, size_t limit, Make make)
        : label_count_(label_count), limit_(limit), make_(std::move(make)) {}

    // The metric of these label values, in the order of the names; made when new. Beyond the limit
    // all new combinations share the one whose values are all "other".
    Metric& with(std::span<const std::string_view> values) EXCLUDES_LOCK(mutex_);

    Metric& with(std::initializer_list<std::string_view> values) {
        return with(std::span(values.begin(), values.size()));
    }

    // Stops printing a combination until with() asks for it again; then it goes on from its last
    // value.
    void remove(std::initializer_list<std::string_view> values) EXCLUDES_LOCK(mutex_);

    // Calls visit(label values, metric) for each, in the order of the values.
    template <class Visit>
    void visit(Visit&& visit) const EXCLUDES_LOCK(mutex_) {
        const MutexLock lock(mutex_);
        for (const auto& [values, metric] : metrics_) {
            visit(std::span<const std::string>(values), *metric);
        }
    }

  private:
    const size_t label_count_;
    const size_t limit_;
    const Make make_;
    mutable Mutex mutex_;
    std::map<std::vector<std::string>, std::unique_ptr<Metric>> metrics_ GUARDED_BY(mutex_);
    std::map<std::vector<std::string>, std::unique_ptr<Metric>> removed_ GUARDED_BY(mutex_);
};

// What a computed family hands its values to.
class MetricEmitter {
  public:
    virtual ~MetricEmitter() = default;
    // values  one per label name
    virtual void emit(std::span<const std::string_view> values, double value) = 0;

    void emit(std::initializer_list<std::string_view> values, double value) {
        emit(std::span(values.begin(), values.size()), value);
    }
};

struct MetricDescription {
    std::string name;
    MetricKind kind;
    std::string help;
    std::vector<std::string> labels;
};

// Keeps a computed metric registered; its destruction waits for a call that is running.
class [[nodiscard]] MetricCallback {
  public:
    MetricCallback() = default;

    explicit MetricCallback(std::function<void()> remove) : remove_(std::move(remove)) {}

    ~MetricCallback() { reset(); }

    MetricCallback(MetricCallback&& other) noexcept
        : remove_(std::exchange(other.remove_, nullptr)) {}

    MetricCallback& operator=(MetricCallback&& other) noexcept {
        if (this != &other) {
            reset();
            remove_ = std::exchange(other.remove_, nullptr);
        }
        return *this;
    }

    void reset() {
        if (remove_) {
            std::exchange(remove_, nullptr)();
        }
    }

  private:
    std::function<void()> remove_;
};

// Owns the metrics; references stay good as long as it lives. Registering is for start-up: a name
// that is malformed or taken, of a metric or of a label, is CHECKed. Threads: any.
class Registry {
  public:
    using Names = std::vector<std::string>;
    // Combinations of label values per family, unless its owner says otherwise.
    static constexpr size_t kFamilyLimit = 10'000;

    Registry();
    ~Registry();
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    Counter& counter(std::string_view name, std::string_view help);
    Gauge& gauge(std::string_view name, std::string_view help);
    Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds);
    Summary& summary(std::string_view name, std::string_view help);

    MetricFamily<Counter>& counters(std::string_view name,
                                    std::string_view help,
                                    Names labels,
                                    size_t limit = kFamilyLimit);
    MetricFamily<Gauge>& gauges(std::string_view name,
                                std::string_view help,
                                Names labels,
                                size_t limit = kFamilyLimit);
    MetricFamily<Histogram>& histograms(std::string_view name,
                                        std::string_view help,
                                        Names labels,
                                        std::vector<double> bounds,
                                        size_t limit = kFamilyLimit);
    MetricFamily<Summary>& summaries(std::string_view name,
                                     std::string_view help,
                                     Names labels,
                                     size_t limit = kFamilyLimit);

    // A counter or gauge computed at every collection. The function is quick, takes no lock that is
    // held while registering, and does not use the registry. After the handle has gone the name may
    // be registered again.
    MetricCallback computed(MetricKind kind,
                            std::string_view name,
                            std::string_view help,
                            std::function<double()> value);
    // The same with labels: the function emits any number of combinations, each once.
    MetricCallback computed(MetricKind kind,
                            std::string_view name,
                            std::string_view help,
                            Names labels,
                            std::function<void(MetricEmitter&)> values);

    // Appends everything, sorted by name, then by label values. Families without a value are left
    // out.
    void write_text(std::string& out) const;

    // Every metric there is, sorted by name.
    [[nodiscard]] std::vector<MetricDescription> describe() const;

  private:
    struct Entry;
    struct State;

    template <class Metric>
    MetricFamily<Metric>& add_family(MetricKind kind,
                                     std::string_view name,
                                     std::string_view help,
                                     Names labels,
                                     size_t limit,
                                     typename MetricFamily<Metric>::Make make);

    std::unique_ptr<State> state_;
};

}  // namespace base
