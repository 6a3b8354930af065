#include "query/exec/operator.h"

namespace query::exec {

base::Status Table::drain(Operator& from, ExecContext& context) {
    while (true) {
        TRY(context.check());
        Block block;
        TRY(const bool more, from.next(block));
        if (!more) {
            return base::success();
        }
        TRY(block.account(context.budget));
        TRY(held_.add(static_cast<int64_t>(block.samples())));
        has_histograms_ |= block.has_histograms();
        const auto index = static_cast<uint32_t>(blocks_.size());
        for (size_t r = 0; r < block.rows(); ++r) {
            places_.push_back({index, static_cast<uint32_t>(r)});
        }
        rows_left_.push_back(static_cast<uint32_t>(block.rows()));
        blocks_.push_back(std::move(block));
    }
}

void Table::clear() {
    blocks_ = std::vector<Block>();
    rows_left_ = std::vector<uint32_t>();
    places_ = std::vector<Place>();
    has_histograms_ = false;
    base::ignore(held_.replace(0), "to hold nothing is always allowed");
}

base::Result<std::vector<double>> read_scalar(Operator& from, ExecContext&, size_t steps) {
    Block block;
    TRY(const bool more, from.next(block));
    SKEIN_CHECK(more && block.rows() == 1 && block.steps() == steps, "a scalar is one full row");
    return std::vector<double>(block.values(0), block.values(0) + steps);
}

}  // namespace query::exec
