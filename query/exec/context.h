// What all operators of one running query share.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/result.h"
#include "model/storage.h"
#include "query/annotations.h"
#include "query/exec/label_set.h"

namespace query::plan {
struct Node;
}

namespace query::exec {

class Bits;
class Explain;
class Helpers;

// Counts the samples that are held in memory, and those that were read.
//   threads   one counts; any may look at held() and total_read()
class SampleMeter {
  public:
    explicit SampleMeter(int64_t limit) : limit_(limit) {}

    // errors   kExecution: too many samples
    [[nodiscard]] base::Status hold(int64_t count);

    void release(int64_t count) { add(held_, -count); }

    void read(int64_t count) { add(read_, count); }

    // Samples that functions and selectors looked at, over all steps.
    void queried(int64_t count) { queried_ += count; }

    // Takes over what a part of the query was counted for that holds nothing any more. Its peak
    // counts as if it were reached now.
    //   errors   kExecution: too many samples
    [[nodiscard]] base::Status take(const SampleMeter& part);

    // Back to nothing, for another part; as many steps are counted as before.
    void start_over();

    // What belongs to one step of the query.
    struct Step {
        int64_t queried = 0;
        int64_t first = 0;  // of these, what no earlier step looked at
    };

    // From now on they are counted by step, too.
    void count_steps(size_t steps) { per_step_.assign(steps, Step{}); }

    [[nodiscard]] bool counts_steps() const { return !per_step_.empty(); }

    [[nodiscard]] size_t steps() const { return per_step_.size(); }

    // Of queried(), what belongs to one step. Nothing without count_steps().
    void queried_at(size_t step, Step count) {
        if (step < per_step_.size()) {
            per_step_[step].queried += count.queried;
            per_step_[step].first += count.first;
        }
    }

    [[nodiscard]] std::span<const Step> per_step() const { return per_step_; }

    [[nodiscard]] int64_t peak() const { return peak_; }

    [[nodiscard]] int64_t limit() const { return limit_; }

    // How many more may be held.
    [[nodiscard]] int64_t left() const { return limit_ - held(); }

    [[nodiscard]] int64_t held() const { return held_.load(std::memory_order_relaxed); }

    [[nodiscard]] int64_t total_read() const { return read_.load(std::memory_order_relaxed); }

    [[nodiscard]] int64_t total_queried() const { return queried_; }

  private:
    // One thread writes: no locked instruction is needed.
    static int64_t add(std::atomic<int64_t>& to, int64_t count) {
        const int64_t sum = to.load(std::memory_order_relaxed) + count;
        to.store(sum, std::memory_order_relaxed);
        return sum;
    }

    int64_t limit_;
    std::atomic<int64_t> held_{0};
    int64_t peak_ = 0;
    std::atomic<int64_t> read_{0};
    int64_t queried_ = 0;
    std::vector<Step> per_step_;
};

// What one operator looks at, as often as it counts. Borrows the meter.
class QueriedSamples {
  public:
    QueriedSamples(const plan::Node& node, SampleMeter& meter);

    // At a step of the operator's: `first` of them at no step before.
    void add(size_t step, int64_t count, int64_t first);

    // The whole of a row: one per step that is present.
    void add(const Bits& present);

  private:
    SampleMeter& meter_;
    const int64_t weight_;
    const size_t steps_;
};

// Samples held for a scope.
class HeldSamples {
  public:
    explicit HeldSamples(SampleMeter& meter) : meter_(&meter) {}

    ~HeldSamples() { meter_->release(count_); }

    HeldSamples(const HeldSamples&) = delete;
    HeldSamples& operator=(const HeldSamples&) = delete;

    [[nodiscard]] base::Status add(int64_t count) {
        count_ += count;
        return meter_->hold(count);
    }

    // Holds `count` instead of what was held.
    [[nodiscard]] base::Status replace(int64_t count) {
        meter_->release(count_);
        count_ = count;
        return meter_->hold(count);
    }

  private:
    SampleMeter* meter_;
    int64_t count_ = 0;
};

struct ExecOptions {
    int64_t lookback_ms = 300'000;
    bool delayed_name_removal = false;
    bool use_start_timestamps = false;
};

// What making the rows of a series needs. Threads: one.
struct RowContext {
    RowContext(const ExecOptions& exec_options,
               const model::QueryContext& query_context,
               int64_t max_samples)
        : options(exec_options), request(query_context), samples(max_samples) {}

    virtual ~RowContext() = default;
    RowContext(const RowContext&) = delete;
    RowContext& operator=(const RowContext&) = delete;

    // Whether to go on: called at least once per batch.
    //   errors   kTimeout, kCanceled, with the texts of the API
    [[nodiscard]] virtual base::Status check();

    ExecOptions options;
    const model::QueryContext& request;
    SampleMeter samples;
    Annotations annotations;
};

// Borrowed by every operator; outlives them. Threads: one.
struct ExecContext final : RowContext {
    ExecContext(const ExecOptions& exec_options,
                const model::QueryContext& query_context,
                model::Queryable& source,
                base::Budget& memory,
                int64_t max_samples)
        : RowContext(exec_options, query_context, max_samples),
          queryable(source),
          budget(memory),
          label_memory_(memory) {}

    //   errors   those of RowContext; kLimit: no memory for the labels read so far
    [[nodiscard]] base::Status check() override;

    // What a function that changes the meaning of a value does with the metric's name: the labels
    // without it, or the mark that it goes at the end.
    void drop_name(struct RowLabels& row);

    // The labels are the answer's from here on, which counts them.
    void give_labels_away() { label_memory_.reset(); }

    model::Queryable& queryable;
    base::Budget& budget;
    const std::shared_ptr<LabelTable> label_table = std::make_shared<LabelTable>();
    LabelTable& labels = *label_table;
    Explain* explain = nullptr;  // null: nobody wants to know
    Helpers* helpers = nullptr;  // null: the query has one thread

  private:
    base::Reservation label_memory_;
};

// For loops that may take longer than a query may: looks whether it is to go on each time they have
// touched another so many samples or pairs.
class Pace {
  public:
    explicit Pace(RowContext& context) : context_(context) {}

    // errors   kTimeout, kCanceled, kLimit, as the context's check()
    [[nodiscard]] base::Status touch(size_t count) {
        touched_ += count;
        if (touched_ < kCountPerLook) {
            return base::success();
        }
        touched_ = 0;
        return context_.check();
    }

    // Touches histograms whose weights are `weight` in all: buckets take longer than samples.
    [[nodiscard]] base::Status touch_histograms(size_t weight) {
        return touch(kTouchedPerUnit * weight);
    }

  private:
    static constexpr size_t kCountPerLook = size_t{1} << 18;
    static constexpr size_t kTouchedPerUnit = 16;

    RowContext& context_;
    size_t touched_ = 0;
};

}  // namespace query::exec
