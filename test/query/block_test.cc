// Rows of values that lie in pages.
#include "query/exec/block.h"

#include <catch2/catch.hpp>

using query::exec::Block;
using query::exec::HistogramPtr;

namespace {

constexpr size_t kSteps = 100;

// Row r has the value r at step r % kSteps, and nothing else.
void add_rows(Block& block, base::Budget& budget, size_t count) {
    for (size_t r = 0; r < count; ++r) {
        REQUIRE(block.make_room(budget).has_value());
        REQUIRE(block.add_row({}) == r);
        block.set(r, r % kSteps, static_cast<double>(r));
    }
}

void check_row(const Block& block, size_t at, size_t r) {
    CHECK(block.present(at).count() == 1);
    CHECK(block.present(at).get(r % kSteps));
    CHECK(block.values(at)[r % kSteps] == static_cast<double>(r));
}

}  // namespace

TEST_CASE("a block that grows keeps its rows, and its account covers them", "[query][block]") {
    base::Budget budget("test");
    {
        Block block;
        REQUIRE(block.reset(budget, 0, kSteps).has_value());
        constexpr size_t kRows = 1000;
        add_rows(block, budget, kRows);
        REQUIRE(block.rows() == kRows);
        for (size_t r = 0; r < kRows; ++r) {
            check_row(block, r, r);
        }
        constexpr auto kBytes = static_cast<int64_t>(kRows * kSteps * sizeof(double));
        CHECK(budget.used() >= kBytes);
        CHECK(budget.used() < kBytes * 5 / 4);
    }
    CHECK(budget.used() == 0);
}

TEST_CASE("a block is given on page by page, with its memory", "[query][block]") {
    base::Budget budget("test");
    Block block;
    const size_t rows = GENERATE(0u, 1u, 163u, 164u, 1000u);
    CAPTURE(rows);
    REQUIRE(block.reset(budget, 0, kSteps).has_value());
    add_rows(block, budget, rows);
    const auto histogram = std::make_shared<model::FloatHistogram>();
    if (rows > 0) {
        block.set(rows - 1, 7, histogram);
    }
    REQUIRE(block.account(budget).has_value());
    const int64_t whole = budget.used();
    size_t seen = 0;
    for (size_t page = 0;; ++page) {
        Block part;
        const auto more = block.give_page(page, part);
        REQUIRE(more.has_value());
        if (!more.value()) {
            break;
        }
        CHECK(budget.used() <= whole);
        for (size_t r = 0; r < part.rows(); ++r, ++seen) {
            const bool last = seen + 1 == rows;
            CHECK(part.histogram(r, 7) == (last ? histogram : HistogramPtr()));
            if (!last) {
                check_row(part, r, seen);
            }
        }
    }
    CHECK(seen == rows);
}

TEST_CASE("a block that was moved from can be used again", "[query][block]") {
    base::Budget budget("test");
    Block block;
    REQUIRE(block.reset(budget, 10, kSteps).has_value());
    const Block taken = std::move(block);
    REQUIRE(block.reset(budget, 10, kSteps).has_value());
    add_rows(block, budget, 10);
    check_row(block, 9, 9);
}
