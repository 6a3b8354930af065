#include "query/exec/block.h"

#include <algorithm>

namespace query::exec {
namespace {

constexpr size_t kBlockValues = 64 * 1024;  // values of one block, 512 KiB
constexpr size_t kBlockRowsMax = 1024;
constexpr size_t kHistogramUnitBytes = 16;  // the size of a float sample

// Of a page that is not the only one: a block grows by so much, and is handed on in such parts.
constexpr size_t kPageValues = 16 * 1024;  // 128 KiB

// The binary logarithm of the rows of a page, in a block that is to have so many.
uint32_t page_shift_for(size_t rows, size_t steps) {
    const size_t values = std::max<size_t>(steps, 1);
    const size_t fit = std::bit_floor(std::max<size_t>(kPageValues / values, 1));
    const bool one_page = rows > fit && rows * values <= 2 * kPageValues;
    return static_cast<uint32_t>(std::countr_zero(one_page ? std::bit_ceil(rows) : fit));
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

int64_t Block::page_bytes(size_t rows) const {
    return static_cast<int64_t>(rows * (steps_ * sizeof(double) + words_ * sizeof(uint64_t)));
}

int64_t Block::footprint() const {
    const size_t fixed = rows_.capacity() * sizeof(RowLabels) + pages_.capacity() * sizeof(Page) +
                         histograms_.capacity() * sizeof(HistogramPtr);
    return static_cast<int64_t>(fixed) + page_bytes(room()) + histogram_bytes_;
}

void Block::add_page(size_t rows) {
    pages_.push_back({std::make_unique_for_overwrite<double[]>(rows * steps_),
                      std::make_unique_for_overwrite<uint64_t[]>(rows * words_),
                      rows});
}

void Block::grow_page(size_t rows) {
    if (room() >> page_shift_ == pages_.size()) {  // none is there that is not full
        add_page(rows);
        return;
    }
    const Page before = std::move(pages_.back());
    pages_.pop_back();
    add_page(rows);
    const size_t used = in_page(rows_.size());
    std::copy_n(before.values.get(), used * steps_, pages_.back().values.get());
    std::copy_n(before.present.get(), used * words_, pages_.back().present.get());
}

size_t Block::next_room() const {
    if (pages_.empty()) {
        return 1;
    }
    const size_t last = pages_.back().room;
    return last == page_rows() ? last : std::min(2 * last, page_rows());
}

base::Status Block::reset(base::Budget& budget, size_t rows, size_t steps) {
    clear();
    const uint32_t shift = page_shift_for(rows, steps);
    if (steps != steps_ || shift != page_shift_ || room() < rows) {
        pages_.clear();
    }
    steps_ = steps;
    words_ = (steps + 63) / 64;
    page_shift_ = shift;
    budget_ = &budget;
    const int64_t wanted = page_bytes(rows) + static_cast<int64_t>(rows * sizeof(RowLabels));
    if (memory_.bytes() < wanted) {
        base::Reservation memory(budget);
        TRY(memory.grow(wanted));
        memory_ = std::move(memory);
    }
    rows_.reserve(rows);
    while (room() < rows) {
        add_page(std::min(rows - room(), page_rows()));
    }
    return base::success();
}

size_t Block::add_row(RowLabels labels) {
    const size_t row = rows_.size();
    if (row == room()) {
        grow_page(next_room());
    }
    rows_.push_back(labels);
    std::fill_n(values(row), steps_, 0);
    std::ranges::fill(present(row).words(), 0);
    if (!histograms_.empty()) {
        histograms_.resize(rows_.size() * steps_);
    }
    return row;
}

base::Status Block::make_room(base::Budget& budget) {
    const bool page = rows_.size() == room();
    const bool list = rows_.size() == rows_.capacity();
    if (!page && !list) {
        return base::success();
    }
    if (memory_.bytes() == 0) {
        memory_ = base::Reservation(budget);
    }
    const size_t rows = list ? 2 * rows_.size() + 1 : 0;
    const size_t places = page ? next_room() : 0;
    TRY(memory_.grow(page_bytes(places) + static_cast<int64_t>(rows * sizeof(RowLabels))));
    if (list) {
        rows_.reserve(rows);
    }
    if (page) {
        grow_page(places);
    }
    TRY(account(budget));
    memory_.shrink(memory_.bytes() - footprint());
    return base::success();
}

void Block::drop_last_row() {
    rows_.pop_back();
    if (!histograms_.empty()) {
        for (size_t step = 0; step < steps_; ++step) {
            drop_histogram(rows_.size(), step);
        }
        histograms_.resize(rows_.size() * steps_);
    }
}

base::Status Block::account(base::Budget& budget) {
    const int64_t bytes = footprint();
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
    histograms_.clear();
    histogram_bytes_ = 0;
}

base::Result<bool> Block::give_page(size_t page, Block& out) {
    const size_t first = page << page_shift_;
    if (first >= rows_.size()) {
        return false;
    }
    const size_t rows = std::min(page_rows(), rows_.size() - first);
    out = Block();
    out.steps_ = steps_;
    out.words_ = words_;
    out.page_shift_ = page_shift_;
    out.budget_ = budget_;
    out.rows_.assign(rows_.begin() + static_cast<ptrdiff_t>(first),
                     rows_.begin() + static_cast<ptrdiff_t>(first + rows));
    out.pages_.push_back(std::move(pages_[page]));
    pages_[page] = Page();
    if (!histograms_.empty()) {
        const auto from = histograms_.begin() + static_cast<ptrdiff_t>(first * steps_);
        out.histograms_.assign(std::move_iterator(from),
                               std::move_iterator(from + static_cast<ptrdiff_t>(rows * steps_)));
        out.histogram_bytes_ = out.histograms_cost();
        histogram_bytes_ -= out.histogram_bytes_;
    }
    const int64_t bytes = out.footprint();
    memory_.shrink(std::min(bytes, memory_.bytes()));
    TRY(out.account(*budget_));
    return true;
}

int64_t Block::histograms_cost() const {
    int64_t bytes = 0;
    for (size_t i = 0; i < histograms_.size(); ++i) {
        const bool shared = i % steps_ != 0 && histograms_[i - 1] == histograms_[i];
        bytes += histograms_[i] == nullptr || shared ? 0 : bytes_of(*histograms_[i]);
    }
    return bytes;
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
