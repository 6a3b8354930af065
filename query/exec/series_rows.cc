#include "query/exec/series_rows.h"

#include <algorithm>
#include <atomic>
#include <deque>

#include "query/exec/series_reader.h"
#include "query/exec/shared_pieces.h"

namespace query::exec {
namespace {

constexpr size_t kTaskValues = 8 * 1024;  // of a task's rows, 64 KiB
constexpr size_t kTaskRowsMax = 256;
// Of a first batch that is shared, which may be all there is.
constexpr size_t kTaskRowsMin = 16;
constexpr size_t kTaskValuesMin = 2 * 1024;  // fewer rows than that when they are long
constexpr size_t kTasksPerFirstBatch = 4;
// That wait, are worked on or are done: enough that threads seldom sleep and are woken.
constexpr size_t kTasksAheadPerThread = 4;
// Of a first batch: what takes several times as long as to wake a thread, some 30 us.
constexpr size_t kWorthHelpBytes = 12 * 1024;  // of chunks
constexpr size_t kWorthHelpValues = 6 * 1024;

// Some series that were read together, for the tasks that are made of them.
struct HeldBatch {
    model::SeriesBatch batch;
    base::Reservation memory;
};

// Some series, and then their rows. Belongs to the query's thread, but for the time that it is
// being worked on.
struct Task {
    Task(const ExecContext& context)
        : context(context.options, context.request, context.samples.limit()) {
        if (context.samples.counts_steps()) {
            this->context.samples.count_steps(context.samples.steps());
        }
    }

    struct Series {
        RowLabels labels;
        std::string_view metric;
    };

    enum class State : uint8_t { kWaiting, kRunning, kDone };

    std::shared_ptr<HeldBatch> held;
    size_t first = 0;            // in the batch
    std::vector<Series> series;  // from there on
    Block block;
    RowContext context;
    int64_t last_size = 0;  // samples of the last series
    base::Status status = base::success();
    State state = State::kWaiting;  // guarded by the mutex of the work they belong to
};

// How tasks become rows.
struct Making {
    const plan::Select& select;
    bool drop_stale;
    const RowMaker& maker;
    base::Budget& budget;
    std::atomic<bool> closed{false};

    void run(Task& task, RowScratch& scratch) const { task.status = rows_of(task, scratch); }

  private:
    base::Status rows_of(Task& task, RowScratch& scratch) const {
        HeldSamples held(task.context.samples);
        base::Reservation histograms(budget);
        for (size_t i = 0; i < task.series.size(); ++i) {
            if (closed.load(std::memory_order_relaxed)) {
                return base::success();  // nobody wants the rows any more
            }
            const model::SeriesView& series = task.held->batch.series[task.first + i];
            TRY(read_series(series, select, drop_stale, scratch.columns, histograms));
            task.last_size = static_cast<int64_t>(scratch.columns.size());
            task.context.samples.read(task.last_size);
            TRY(held.replace(task.last_size));
            const size_t row = task.block.add_row(task.series[i].labels);
            TRY(maker.make(
                scratch.columns, task.series[i].metric, task.context, scratch, task.block, row));
            if (!task.block.present(row).any()) {
                task.block.drop_last_row();
            } else if (task.block.has_histograms()) {
                TRY(task.block.account(budget));
            }
        }
        return base::success();
    }
};

// The tasks that a query's thread and its helpers share. Begun in their order, so the one that is
// wanted next is never behind others.
class Tasks final : public SharedPieces {
  public:
    explicit Tasks(Making& making) : making_(making) {}

    // Hands tasks over, and asks for helpers.
    void add(std::vector<Task*>& tasks, Helpers& helpers, const std::shared_ptr<Tasks>& self) {
        size_t waiting = 0;
        {
            const base::MutexLock lock(mutex_);
            waiting_.insert(waiting_.end(), tasks.begin(), tasks.end());
            waiting = waiting_.size();
        }
        tasks.clear();
        ask(waiting, helpers, self);
    }

    // Returns when the task is done; works on others while another thread has it.
    void finish(const Task& wanted) {
        const base::MutexLock lock(mutex_);
        while (wanted.state != Task::State::kDone) {
            if (may_begin()) {
                do_next();
            } else {
                done_.wait(mutex_);
            }
        }
    }

    // No helper touches a task any more. Those that come later find nothing.
    void close() {
        making_.closed.store(true, std::memory_order_relaxed);
        const base::MutexLock lock(mutex_);
        waiting_.clear();
        wait_for_helpers();
    }

  private:
    [[nodiscard]] bool may_begin() const override REQUIRES_LOCK(mutex_) {
        return !waiting_.empty();
    }

    void do_next() override REQUIRES_LOCK(mutex_) {
        Task& task = *waiting_.front();
        waiting_.pop_front();
        task.state = Task::State::kRunning;
        std::unique_ptr<RowScratch> scratch = take_scratch();
        mutex_.unlock();
        making_.run(task, *scratch);
        mutex_.lock();
        task.state = Task::State::kDone;
        scratch_.push_back(std::move(scratch));
    }

    std::unique_ptr<RowScratch> take_scratch() REQUIRES_LOCK(mutex_) {
        if (scratch_.empty()) {
            return std::make_unique<RowScratch>();
        }
        std::unique_ptr<RowScratch> scratch = std::move(scratch_.back());
        scratch_.pop_back();
        return scratch;
    }

    Making& making_;
    std::deque<Task*> waiting_ GUARDED_BY(mutex_);
    std::vector<std::unique_ptr<RowScratch>> scratch_ GUARDED_BY(mutex_);  // that nobody uses
};

class SeriesRows final : public Operator {
  public:
    explicit SeriesRows(SeriesRowsInputs inputs)
        : inputs_(std::move(inputs)),
          context_(inputs_.context),
          steps_(inputs_.node.grid.count),
          held_(context_.samples),
          making_{inputs_.select, inputs_.drop_stale, *inputs_.maker, context_.budget} {}

    ~SeriesRows() override {
        if (tasks_) {
            tasks_->close();
        }
    }

    SeriesRows(const SeriesRows&) = delete;
    SeriesRows& operator=(const SeriesRows&) = delete;

    base::Result<bool> next(Block& out) override {
        if (!set_) {
            TRY(start());
        }
        while (true) {
            TRY(prepare());
            if (prepared_.empty()) {
                TRY(out.reset(context_.budget, 0, steps_));
                return false;
            }
            Task& task = *prepared_.front();
            if (tasks_) {
                tasks_->finish(task);
            } else {
                making_.run(task, scratch_);
            }
            TRY(collect(task, out));
            if (!out.empty()) {
                return true;
            }
        }
    }

  private:
    base::Status start() {
        TRY(inputs_.maker->start());
        if (inputs_.labels) {
            wanted_.push_back(kMetricNameSymbol);
            for (const std::string& name : *inputs_.labels) {
                wanted_.push_back(context_.labels.intern(name));
            }
        }
        TRY(context_.check());
        TRY(set_,
            inputs_.querier.select(
                inputs_.select.hints, inputs_.select.matchers, context_.request));
        return base::success();
    }

    // Prepares the next task, or, with helpers, as many as may wait.
    base::Status prepare() {
        if (prepared_.size() > ahead_ / 2) {
            return base::success();
        }
        do {
            TRY(const bool more, read_on());
            if (!more) {
                break;
            }
            TRY(prepare_one());
        } while (prepared_.size() < ahead_);
        hand_over();
        return base::success();
    }

    void hand_over() {
        if (tasks_ && !fresh_.empty()) {
            tasks_->add(fresh_, *context_.helpers, tasks_);
        }
    }

    // Makes sure that there are series which no task has yet; false when all have one.
    base::Result<bool> read_on() {
        while (batch_ == nullptr || position_ == batch_->batch.series.size()) {
            if (at_end_) {
                return false;
            }
            TRY(context_.check());
            hand_over();  // reading takes a while, in which others can work
            position_ = 0;
            take_spare_batch();
            TRY(const bool more, set_->next(batch_->batch));
            if (!more) {
                at_end_ = true;
                for (std::string& warning : set_->warnings()) {
                    context_.annotations.storage_warning(std::move(warning));
                }
                return false;
            }
            if (tasks_ || worth_help()) {
                TRY(be_helped());
            }
            ++batches_read_;
        }
        return true;
    }

    void take_spare_batch() {
        batch_.reset();
        // Tasks let go of them on this thread only.
        const auto spare = std::ranges::find_if(
            batches_, [](const std::shared_ptr<HeldBatch>& held) { return held.use_count() == 1; });
        if (spare != batches_.end()) {
            batch_ = *spare;
            return;
        }
        batch_ = std::make_shared<HeldBatch>();
        batches_.push_back(batch_);
    }

    [[nodiscard]] bool worth_help() const {
        if (context_.helpers == nullptr || context_.explain != nullptr ||
            context_.helpers->free() == 0) {
            return false;
        }
        if (batches_read_ > 0) {
            return true;
        }
        const auto& all = batch_->batch.series;
        size_t bytes = 0;
        for (const model::SeriesView& series : all) {
            for (const model::ChunkView& chunk : series.chunks) {
                bytes += chunk.bytes.size();
            }
        }
        return bytes >= kWorthHelpBytes || all.size() * steps_ >= kWorthHelpValues;
    }

    // From now on several batches are there at once: the source counts one.
    base::Status be_helped() {
        if (!tasks_) {
            tasks_ = std::make_shared<Tasks>(making_);
            ahead_ = kTasksAheadPerThread * (context_.helpers->free() + 1);
        }
        const auto bytes = static_cast<int64_t>(batch_->batch.arena.capacity_bytes());
        if (batch_->memory.bytes() == 0) {
            batch_->memory = base::Reservation(context_.budget);
        }
        return bytes > batch_->memory.bytes() ? batch_->memory.grow(bytes - batch_->memory.bytes())
                                              : base::success();
    }

    base::Status prepare_one() {
        std::unique_ptr<Task> task;
        if (spare_.empty()) {
            task = std::make_unique<Task>(context_);
        } else {
            task = std::move(spare_.back());
            spare_.pop_back();
        }
        const auto& all = batch_->batch.series;
        const size_t count = std::min(rows_per_task(all.size()), all.size() - position_);
        task->held = batch_;
        task->first = position_;
        task->state = Task::State::kWaiting;
        task->series.clear();
        for (size_t i = 0; i < count; ++i) {
            task->series.push_back(labels_of(all[position_ + i]));
        }
        position_ += count;
        TRY(task->block.reset(context_.budget, count, steps_));
        if (tasks_) {
            fresh_.push_back(task.get());
        }
        prepared_.push_back(std::move(task));
        return base::success();
    }

    [[nodiscard]] Task::Series labels_of(const model::SeriesView& series) {
        const auto& symbols = batch_->batch.symbols;
        LabelTable& table = context_.labels;
        if (inputs_.maker->drops_name() && !inputs_.labels &&
            !context_.options.delayed_name_removal) {
            Symbol metric = kEmptySymbol;
            const LabelSet labels = table.import_without_metadata(series.labels, symbols, metric);
            return {{labels, false}, table.text(metric)};
        }
        RowLabels labels{inputs_.labels ? table.import(series.labels, symbols, wanted_)
                                        : table.import(series.labels, symbols),
                         false};
        const std::string_view metric = table.metric_name(labels.labels);
        if (inputs_.maker->drops_name()) {
            context_.drop_name(labels);
        }
        return {labels, metric};
    }

    [[nodiscard]] size_t rows_per_task(size_t batch) const {
        const size_t rows =
            std::clamp<size_t>(kTaskValues / std::max<size_t>(steps_, 1), 1, kTaskRowsMax);
        if (!tasks_ || batches_read_ != 1) {
            return rows;
        }
        const size_t least =
            std::clamp<size_t>(kTaskValuesMin / std::max<size_t>(steps_, 1), 1, kTaskRowsMin);
        return std::min(rows, std::max(least, batch / kTasksPerFirstBatch));
    }

    // What the first task came to, as if its series had been read now.
    base::Status collect(Task& task, Block& out) {
        TRY(task.status);
        TRY(context_.samples.take(task.context.samples));
        TRY(held_.replace(task.last_size));
        task.context.samples.start_over();
        if (!task.context.annotations.empty()) {
            context_.annotations.take(std::move(task.context.annotations));
        }
        std::swap(out, task.block);
        TRY(out.account(context_.budget));
        task.block.clear();
        task.held.reset();
        spare_.push_back(std::move(prepared_.front()));
        prepared_.pop_front();
        return base::success();
    }

    SeriesRowsInputs inputs_;
    ExecContext& context_;
    const size_t steps_;
    HeldSamples held_;
    Making making_;
    std::vector<Symbol> wanted_;  // names of labels, when not all are
    std::unique_ptr<model::SeriesSet> set_;
    bool at_end_ = false;
    std::vector<std::shared_ptr<HeldBatch>> batches_;  // all there are
    std::shared_ptr<HeldBatch> batch_;                 // the one read last
    size_t batches_read_ = 0;
    size_t position_ = 0;                         // in it: what no task has yet
    size_t ahead_ = 1;                            // tasks that may be there at once
    std::deque<std::unique_ptr<Task>> prepared_;  // in the order of their rows
    std::vector<std::unique_ptr<Task>> spare_;
    std::vector<Task*> fresh_;  // prepared, not handed over
    RowScratch scratch_;
    std::shared_ptr<Tasks> tasks_;  // null: nobody helps
};

}  // namespace

OperatorPtr make_series_rows(SeriesRowsInputs inputs) {
    return std::make_unique<SeriesRows>(std::move(inputs));
}

}  // namespace query::exec
