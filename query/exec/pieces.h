// Work on very many things at once that nevertheless ends soon after its query does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

#include "query/exec/block.h"
#include "query/exec/context.h"

namespace query::exec {

inline constexpr size_t kPieceMax = size_t{1} << 16;  // of steps or samples, between two looks

// visit(begin, end) for consecutive pieces of [0, count), with a look whether to go on between two:
// one row may have as many steps as a query may have samples.
//   errors   those of ExecContext::check()
template <class Visit>
[[nodiscard]] base::Status in_pieces(ExecContext& context, size_t count, Visit&& visit) {
    for (size_t begin = 0; begin < count; begin += kPieceMax) {
        if (begin > 0) {
            TRY(context.check());
        }
        visit(begin, std::min(count, begin + kPieceMax));
    }
    return base::success();
}

// The same for the steps of a row that are set.
template <class Visit>
[[nodiscard]] base::Status for_each_set(ExecContext& context, const Bits& bits, Visit&& visit) {
    constexpr size_t kWord = 64;
    const auto words = bits.words();
    return in_pieces(context, words.size() * kWord, [&](size_t begin, size_t end) {
        Bits(words.data() + begin / kWord, end - begin).for_each([&](size_t step) {
            visit(begin + step);
        });
    });
}

// Stable; looks whether to go on between runs and between merges of runs. What is in order already,
// as rows of one selection are, is only looked through.
//   errors   those of ExecContext::check(); the order is unspecified then
template <class T, class Less>
[[nodiscard]] base::Status sort_in_pieces(ExecContext& context, std::vector<T>& items, Less less) {
    constexpr size_t kRun = 8192;
    const auto at = [&](size_t i) {
        return items.begin() + static_cast<ptrdiff_t>(std::min(i, items.size()));
    };
    bool in_order = true;
    for (size_t begin = 0; in_order && begin < items.size(); begin += kRun) {
        TRY(context.check());
        in_order = std::is_sorted(at(begin), at(begin + kRun + 1), less);
    }
    if (in_order) {
        return base::success();
    }
    for (size_t begin = 0; begin < items.size(); begin += kRun) {
        TRY(context.check());
        std::stable_sort(at(begin), at(begin + kRun), less);
    }
    for (size_t run = kRun; run < items.size(); run *= 2) {
        for (size_t begin = 0; begin + run < items.size(); begin += 2 * run) {
            TRY(context.check());
            std::inplace_merge(at(begin), at(begin + run), at(begin + 2 * run), less);
        }
    }
    return base::success();
}

}  // namespace query::exec
