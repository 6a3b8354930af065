#include "query/exec/block.h"

#include <algorithm>

namespace query::exec {
namespace {

constexpr size_t kBlockValues = 64 * 1024;  // values of one block, 512 KiB
constexpr size_t kBlockRowsMax = 1024;
constexpr size_t kHistogramUnitBytes = 16;  // the size of a float sample

int64_t bytes_of(size_t rows, size_t steps, size_t words) {
    return static_cast<int64_t>(rows * (steps * sizeof(double) + words * 8 + sizeof(RowLabels)));
}

}  // namespace

const HistogramPtr Block::kNoHistogram;

bool Bits::any() const {
    return std::ranges::any_of(words(), [](uint64_t word) { return word != 0; });
}

size_t Bits::count() const {
    size_t sum = 0;
    for (const uint64_t word : words()) {
        sum += static_cast<size_t>(std::popcount(word));
    }
    return sum;
}

void Bits::fill() {
    for (uint64_t& word : words()) {
        word = ~uint64_t{0};
    }
    if (count_ % 64 != 0) {
        words().back() = (uint64_t{1} << (count_ % 64)) - 1;
    }
}

void Bits::reset() {
    std::ranges::fill(words(), 0);
}

base::Status Block::reset(base::Budget& budget, size_t rows, size_t steps) {
    clear();
    steps_ = steps;
    words_ = (steps + 63) / 64;
    const int64_t wanted = bytes_of(rows, steps_, words_);
    if (memory_.bytes() < wanted) {
        base::Reservation memory(budget);
        TRY(memory.grow(wanted));
        memory_ = std::move(memory);
    }
    rows_.reserve(rows);
    values_.reserve(rows * steps_);
    present_.reserve(rows * words_);
    return base::success();
}

size_t Block::add_row(RowLabels labels) {
    rows_.push_back(labels);
    values_.resize(values_.size() + steps_);
    present_.resize(present_.size() + words_, 0);
    if (!histograms_.empty()) {
        histograms_.resize(rows_.size() * steps_);
    }
    return rows_.size() - 1;
}

base::Status Block::make_room(base::Budget& budget) {
    const size_t rows = rows_.size() + 1;
    if (rows <= rows_.capacity() && rows * steps_ <= values_.capacity() &&
        rows * words_ <= present_.capacity()) {
        return base::success();
    }
    const size_t wanted = 2 * rows;
    base::Reservation memory(budget);
    TRY(memory.grow(bytes_of(wanted, steps_, words_)));
    rows_.reserve(wanted);
    values_.reserve(wanted * steps_);
    present_.reserve(wanted * words_);
    memory_ = std::move(memory);
    return account(budget);
}

void Block::drop_last_row() {
    rows_.pop_back();
    values_.resize(rows_.size() * steps_);
    present_.resize(rows_.size() * words_);
    if (!histograms_.empty()) {
        for (size_t step = 0; step < steps_; ++step) {
            drop_histogram(rows_.size(), step);
        }
        histograms_.resize(rows_.size() * steps_);
    }
}

base::Status Block::account(base::Budget& budget) {
    int64_t bytes = bytes_of(rows_.capacity(), steps_, words_);
    bytes += static_cast<int64_t>(histograms_.capacity() * sizeof(HistogramPtr));
    bytes += histogram_bytes_;
    if (bytes <= memory_.bytes()) {
        return base::success();
    }
    if (memory_.bytes() == 0) {
        memory_ = base::Reservation(budget);
    }
    return memory_.grow(bytes - memory_.bytes());
}

void Block::clear() {
    rows_.clear();
    values_.clear();
    present_.clear();
    histograms_.clear();
    histogram_bytes_ = 0;
}

int64_t Block::cost_at(size_t r, size_t step, const HistogramPtr& histogram) const {
    const HistogramPtr* at = histograms_.data() + r * steps_ + step;
    const bool shared =
        (step > 0 && *(at - 1) == histogram) || (step + 1 < steps_ && *(at + 1) == histogram);
    return histogram == nullptr || shared ? 0 : bytes_of(*histogram);
}

void Block::set(size_t r, size_t step, HistogramPtr histogram) {
    if (histograms_.empty()) {
        histograms_.resize(rows_.size() * steps_);
    }
    drop_histogram(r, step);
    histogram_bytes_ += cost_at(r, step, histogram);
    histograms_[r * steps_ + step] = std::move(histogram);
    values(r)[step] = 0;
    present(r).set(step);
}

void Block::copy(size_t r, size_t step, const Block& from, size_t from_row, size_t from_step) {
    if (const HistogramPtr& histogram = from.histogram(from_row, from_step)) {
        set(r, step, histogram);
    } else {
        set(r, step, from.values(from_row)[from_step]);
        drop_histogram(r, step);
    }
}

void Block::copy_row(size_t r, const Block& from, size_t from_row) {
    std::copy_n(from.values(from_row), steps_, values(r));
    std::ranges::copy(from.present(from_row).words(), present(r).words().begin());
    if (from.has_histograms()) {
        from.present(from_row).for_each([&](size_t step) {
            if (const HistogramPtr& histogram = from.histogram(from_row, step)) {
                set(r, step, histogram);
            }
        });
    }
}

void Block::drop_histogram(size_t r, size_t step) {
    if (histograms_.empty()) {
        return;
    }
    HistogramPtr& histogram = histograms_[r * steps_ + step];
    if (histogram != nullptr) {
        histogram_bytes_ -= cost_at(r, step, histogram);
        histogram.reset();
    }
}

void Block::erase_histograms() {
    if (histograms_.empty()) {
        return;
    }
    for (size_t r = 0; r < rows(); ++r) {
        const Bits bits = present(r);
        bits.for_each([&](size_t step) {
            if (histograms_[r * steps_ + step]) {
                Bits(bits).clear(step);
            }
        });
    }
    histograms_.clear();
    histogram_bytes_ = 0;
}

size_t Block::samples() const {
    size_t sum = 0;
    for (size_t r = 0; r < rows(); ++r) {
        sum += present(r).count();
    }
    for (const HistogramPtr& histogram : histograms_) {
        if (histogram) {
            sum += sample_weight(*histogram) - 1;
        }
    }
    return sum;
}

size_t rows_per_block(size_t steps) {
    return std::clamp<size_t>(kBlockValues / std::max<size_t>(steps, 1), 1, kBlockRowsMax);
}

int64_t bytes_of(const model::FloatHistogram& histogram) {
    constexpr size_t kShared = 16;  // the counts of owners
    const size_t bytes =
        kShared + sizeof(model::FloatHistogram) +
        (histogram.positive_spans.capacity() + histogram.negative_spans.capacity()) *
            sizeof(model::Span) +
        (histogram.positive_buckets.capacity() + histogram.negative_buckets.capacity() +
         histogram.custom_values.capacity()) *
            sizeof(double);
    return static_cast<int64_t>(bytes);
}

size_t sample_weight(const model::FloatHistogram& histogram) {
    const size_t bytes =
        sizeof(model::FloatHistogram) +
        (histogram.positive_spans.size() + histogram.negative_spans.size()) * sizeof(model::Span) +
        (histogram.positive_buckets.size() + histogram.negative_buckets.size() +
         histogram.custom_values.size()) *
            sizeof(double);
    return std::max<size_t>(1, (bytes + 8) / kHistogramUnitBytes);
}

}  // namespace query::exec
