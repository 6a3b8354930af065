#include "tsdb/head/replay_pipeline.h"

#include <algorithm>
#include <bitset>
#include <utility>

namespace tsdb {
namespace {

unsigned applier_count() {
    return std::clamp(std::thread::hardware_concurrency(), 1u, ReplayPipeline::kAppliersMax);
}

}  // namespace

ReplayPipeline::ReplayPipeline(Head& head,
                               const RefTable<ReplayedSeries>& series,
                               int64_t min_valid_t,
                               const ReplayDecoder::Salvage* salvage)
    : head_(head),
      series_(series),
      min_valid_t_(min_valid_t),
      salvage_(salvage),
      decoder_(head, series, min_valid_t),
      appliers_(applier_count()) {
    {
        const base::MutexLock lock(mutex_);
        for (size_t i = 0; i < kBatches; ++i) {
            free_.push_back(entries_.emplace_back(std::make_unique<Entry>()).get());
        }
    }
    for (unsigned i = 0; i < appliers_.size(); ++i) {
        appliers_[i].thread = std::thread([this, i] { run(i); });
    }
}

ReplayPipeline::~ReplayPipeline() {
    finish();
}

// ---------------------------------------------------------------------------------------------
// The reader

void ReplayPipeline::push(base::ByteView record, const wal::Source& source, uint64_t offset) {
    if (filling_ == nullptr) {
        wait_until_one_is_free();
    }
    filling_->batch.add(record, source, offset);
    if (filling_->batch.full()) {
        submit();
    }
}

void ReplayPipeline::wait_until_one_is_free() {
    while (filling_ == nullptr) {
        bool stopped = false;
        {
            const base::MutexLock lock(mutex_);
            while (free_.empty() && !first_stopped()) {
                progress_.wait(mutex_);
            }
            stopped = first_stopped();
            if (!stopped) {
                filling_ = free_.back();
                free_.pop_back();
            }
        }
        if (stopped) {
            salvage_first();
        }
    }
}

void ReplayPipeline::submit() {
    if (filling_ == nullptr) {
        return;
    }
    const base::MutexLock lock(mutex_);
    filling_->state = State::kWaiting;
    order_.push_back(filling_);
    waiting_.push_back(filling_);
    filling_ = nullptr;
    work_.notify_all();
}

ReplayTally ReplayPipeline::settle() {
    submit();
    wait_until_decoded();
    const base::MutexLock lock(mutex_);
    return std::exchange(tally_, {});
}

// The reader decodes what waits rather than wait for those who append.
void ReplayPipeline::wait_until_decoded() {
    while (true) {
        Entry* entry = nullptr;
        {
            const base::MutexLock lock(mutex_);
            while (!order_.empty() && !first_stopped() && waiting_.empty()) {
                progress_.wait(mutex_);
            }
            if (order_.empty()) {
                return;
            }
            if (!first_stopped()) {
                entry = take_waiting();
            }
        }
        if (entry != nullptr) {
            decode(decoder_, *entry);
        } else {
            salvage_first();
        }
    }
}

void ReplayPipeline::wait_until_applied() {
    const base::MutexLock lock(mutex_);
    while (free_.size() + order_.size() != kBatches) {
        progress_.wait(mutex_);
    }
}

void ReplayPipeline::drain() {
    if (salvaging_ == nullptr) {
        submit();
        wait_until_decoded();
        wait_until_applied();
        return;
    }
    wait_until_applied();
    ReplayBatch& batch = salvaging_->batch;
    for (const ReplayRun& run : batch.runs()) {
        applied_.samples += run.to - run.from;
        applied_.appended += batch.apply_to(head_, run);
    }
    batch.clear_samples();
}

// Decodes the first batch once more, while nobody else looks at the table of series.
void ReplayPipeline::salvage_first() {
    {
        const base::MutexLock lock(mutex_);
        paused_ = true;
        while (decoding_ != 0) {
            progress_.wait(mutex_);
        }
        salvaging_ = order_.front();
    }
    decoder_.decode(salvaging_->batch, salvage_);
    const base::MutexLock lock(mutex_);
    paused_ = false;
    std::exchange(salvaging_, nullptr)->state = State::kDecoded;
    hand_out();
    work_.notify_all();
}

ReplayPipeline::Applied ReplayPipeline::finish() {
    if (!appliers_.front().thread.joinable()) {
        return {};
    }
    drain();
    {
        const base::MutexLock lock(mutex_);
        finished_ = true;
        work_.notify_all();
    }
    Applied sum = applied_;
    for (Applier& applier : appliers_) {
        applier.thread.join();
        sum.samples += applier.applied.samples;
        sum.appended += applier.applied.appended;
    }
    return sum;
}

// ---------------------------------------------------------------------------------------------
// Those who append. What they have to append goes before decoding: it makes room for the reader.

void ReplayPipeline::run(unsigned number) {
    ReplayDecoder decoder(head_, series_, min_valid_t_);
    Applier& applier = appliers_[number];
    while (true) {
        Entry* to_apply = nullptr;
        Entry* to_decode = nullptr;
        {
            const base::MutexLock lock(mutex_);
            while (applier.waiting.empty() && (waiting_.empty() || paused_) && !finished_) {
                work_.wait(mutex_);
            }
            if (!applier.waiting.empty()) {
                to_apply = applier.waiting.front();
                applier.waiting.pop_front();
            } else if (finished_) {
                return;
            } else {
                to_decode = take_waiting();
            }
        }
        if (to_apply != nullptr) {
            apply(*to_apply, number);
        } else {
            decode(decoder, *to_decode);
        }
    }
}

void ReplayPipeline::apply(Entry& entry, unsigned number) {
    Applied& applied = appliers_[number].applied;
    for (const ReplayRun& run : entry.batch.runs()) {
        if (applier_of(run) == number) {
            applied.samples += run.to - run.from;
            applied.appended += entry.batch.apply_to(head_, run);
        }
    }
    const base::MutexLock lock(mutex_);
    if (--entry.appliers == 0) {
        give_back(entry);
        progress_.notify_one();
    }
}

// ---------------------------------------------------------------------------------------------
// Both

void ReplayPipeline::decode(ReplayDecoder& decoder, Entry& entry) {
    bool complete = true;
    if (salvage_ != nullptr) {
        complete = decoder.decode_known(entry.batch);
    } else {
        decoder.decode(entry.batch);
    }
    const base::MutexLock lock(mutex_);
    --decoding_;
    entry.state = complete ? State::kDecoded : State::kStopped;
    hand_out();
    progress_.notify_one();
}

ReplayPipeline::Entry* ReplayPipeline::take_waiting() {
    Entry* const entry = waiting_.front();
    waiting_.pop_front();
    entry->state = State::kDecoding;
    ++decoding_;
    return entry;
}

bool ReplayPipeline::first_stopped() const {
    return !order_.empty() && order_.front()->state == State::kStopped;
}

void ReplayPipeline::hand_out() {
    while (!order_.empty() && order_.front()->state == State::kDecoded) {
        Entry& entry = *order_.front();
        order_.pop_front();
        tally_.add(entry.batch.tally);
        std::bitset<kAppliersMax> wanted;
        for (const ReplayRun& run : entry.batch.runs()) {
            wanted.set(applier_of(run));
        }
        entry.appliers = static_cast<unsigned>(wanted.count());
        for (unsigned i = 0; i < appliers_.size(); ++i) {
            if (wanted.test(i)) {
                appliers_[i].waiting.push_back(&entry);
            }
        }
        if (wanted.none()) {
            give_back(entry);
        } else {
            work_.notify_all();
        }
    }
}

void ReplayPipeline::give_back(Entry& entry) {
    entry.batch.clear();
    free_.push_back(&entry);
}

}  // namespace tsdb
