// What flows between operators: some series, each with a value or nothing at every step.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/budget.h"
#include "base/result.h"
#include "model/histogram.h"
#include "query/exec/label_set.h"
#include "query/grid.h"

namespace query::exec {

using HistogramPtr = std::shared_ptr<const model::FloatHistogram>;

// One row's bits: which steps have a value. NaN is a value like any other, so presence is apart.
class Bits {
  public:
    Bits() = default;

    Bits(uint64_t* words, size_t count) : words_(words), count_(count) {}

    [[nodiscard]] bool get(size_t i) const { return (words_[i >> 6] >> (i & 63) & 1) != 0; }

    void set(size_t i) { words_[i >> 6] |= uint64_t{1} << (i & 63); }

    void clear(size_t i) { words_[i >> 6] &= ~(uint64_t{1} << (i & 63)); }

    [[nodiscard]] std::span<uint64_t> words() const { return {words_, (count_ + 63) / 64}; }

    [[nodiscard]] bool any() const;
    [[nodiscard]] size_t count() const;
    void fill();
    void reset();

    // visit(step) for every step that is set, in order.
    template <class Visit>
    void for_each(Visit&& visit) const {
        const size_t words = (count_ + 63) / 64;
        for (size_t w = 0; w < words; ++w) {
            for (uint64_t bits = words_[w]; bits != 0; bits &= bits - 1) {
                visit(w * 64 + static_cast<size_t>(std::countr_zero(bits)));
            }
        }
    }

  private:
    uint64_t* words_ = nullptr;
    size_t count_ = 0;
};

// The identity of a row.
struct RowLabels {
    LabelSet labels;
    bool drop_name = false;  // delayed name removal: the metadata labels go at the end of the query
};

// Rows × steps, row after row. Either a float or a histogram is at a place that is present.
class Block {
  public:
    Block() = default;
    Block(Block&&) = default;
    Block& operator=(Block&&) = default;

    // Empties it and makes room for at most `rows` rows of `steps` values.
    //   errors   kLimit naming the budget that is full
    [[nodiscard]] base::Status reset(base::Budget& budget, size_t rows, size_t steps);

    // Another row, with nothing present. Beyond what reset() made room for it grows, charged when
    // account() is called.
    size_t add_row(RowLabels labels);
    // Makes room for another row, for some more when there is none left: rows that are there stay
    // where they are, but for those of a first small page. What growing takes is charged before,
    // copies included.
    //   errors   kLimit
    [[nodiscard]] base::Status make_room(base::Budget& budget);
    // Takes the row added last away again.
    void drop_last_row();
    // Charges what growing added, and what the histograms set since are in memory.
    [[nodiscard]] base::Status account(base::Budget& budget);

    // Keeps the memory, forgets the rows.
    void clear();

    // Moves the rows of page `page` to `out`, with the memory they take: how a large block is
    // handed on in parts. A page that is given is not there any more.
    //   returns  false when there is no such page
    //   errors   kLimit, when others took the memory meanwhile
    [[nodiscard]] base::Result<bool> give_page(size_t page, Block& out);

    [[nodiscard]] size_t rows() const { return rows_.size(); }

    [[nodiscard]] size_t steps() const { return steps_; }

    [[nodiscard]] bool empty() const { return rows_.empty(); }

    [[nodiscard]] RowLabels& row(size_t r) { return rows_[r]; }

    [[nodiscard]] const RowLabels& row(size_t r) const { return rows_[r]; }

    [[nodiscard]] double* values(size_t r) {
        return pages_[r >> page_shift_].values.get() + in_page(r) * steps_;
    }

    [[nodiscard]] const double* values(size_t r) const {
        return pages_[r >> page_shift_].values.get() + in_page(r) * steps_;
    }

    [[nodiscard]] Bits present(size_t r) const {
        return {pages_[r >> page_shift_].present.get() + in_page(r) * words_, steps_};
    }

    // Whether any row may hold a histogram; the fast paths are for blocks that do not.
    [[nodiscard]] bool has_histograms() const { return !histograms_.empty(); }

    // Null where there is a float or nothing.
    [[nodiscard]] const HistogramPtr& histogram(size_t r, size_t step) const {
        return histograms_.empty() ? kNoHistogram : histograms_[r * steps_ + step];
    }

    void set(size_t r, size_t step, double value) {
        values(r)[step] = value;
        present(r).set(step);
    }

    void set(size_t r, size_t step, HistogramPtr histogram);
    // Whatever `from` has there.
    void copy(size_t r, size_t step, const Block& from, size_t from_row, size_t from_step);
    // The whole row, values, presence and histograms; steps must agree.
    void copy_row(size_t r, const Block& from, size_t from_row);
    // Forgets the histogram there; the place itself stays present.
    void drop_histogram(size_t r, size_t step);
    // Clears presence where there are histograms.
    void erase_histograms();

    // Places that are present; a histogram counts its size in units of 16 bytes.
    [[nodiscard]] size_t samples() const;

  private:
    // Where the values of some rows lie. All pages but the last have room for page_rows() rows.
    struct Page {
        std::unique_ptr<double[]> values;
        std::unique_ptr<uint64_t[]> present;
        size_t room = 0;  // rows
    };

    static const HistogramPtr kNoHistogram;

    [[nodiscard]] size_t page_rows() const { return size_t{1} << page_shift_; }

    [[nodiscard]] size_t in_page(size_t r) const { return r & (page_rows() - 1); }

    // Rows that there is room for.
    [[nodiscard]] size_t room() const {
        return pages_.empty() ? 0 : ((pages_.size() - 1) << page_shift_) + pages_.back().room;
    }

    [[nodiscard]] int64_t page_bytes(size_t rows) const;
    // Of the rows, their places, and histograms.
    [[nodiscard]] int64_t footprint() const;
    // How many rows the page behind the last row should have room for.
    [[nodiscard]] size_t next_room() const;
    void add_page(size_t rows);
    // The page that the next row belongs to gets room for so many; rows in it are copied.
    void grow_page(size_t rows);

    [[nodiscard]] int64_t histograms_cost() const;
    // What a histogram at a place costs beside its neighbours in the row: nothing, where one of
    // them is the same.
    [[nodiscard]] int64_t cost_at(size_t r, size_t step, const HistogramPtr& histogram) const;

    size_t steps_ = 0;
    size_t words_ = 0;
    uint32_t page_shift_ = 0;
    std::vector<RowLabels> rows_;
    std::vector<Page> pages_;
    std::vector<HistogramPtr> histograms_;
    int64_t histogram_bytes_ = 0;     // what they point at; shared with other blocks, or not
    base::Budget* budget_ = nullptr;  // of reset()
    base::Reservation memory_;
};

// How many rows a block of `steps` steps should have: enough to amortise, few enough to stay in
// cache.
[[nodiscard]] size_t rows_per_block(size_t steps);

// What a histogram takes in memory.
[[nodiscard]] int64_t bytes_of(const model::FloatHistogram& histogram);

// A histogram's weight among samples.
[[nodiscard]] size_t sample_weight(const model::FloatHistogram& histogram);

}  // namespace query::exec
