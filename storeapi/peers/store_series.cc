#include "storeapi/peers/store_series.h"

#include <utility>

namespace storeapi {

base::Error peer_error(base::Error error, const model::QueryContext* context) {
    if (context != nullptr) {
        if (base::Status status = context->check(); !status) {
            return std::move(status).error();
        }
    }
    return error.code() == base::Code::kTimeout
               ? error
               : base::Error(base::Code::kUnavailable, error.message());
}

StoreSeries::StoreSeries(std::unique_ptr<base::rpc::MessageReader> reader,
                         FrameWish wish,
                         std::span<const std::string> order_without,
                         bool keep_partial,
                         const model::QueryContext& context)
    : reader_(std::move(reader)),
      keep_partial_(keep_partial),
      context_(context),
      series_(std::make_shared<GatheredSeries>(order_without)),
      frames_(std::move(wish), *series_) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> StoreSeries::next(model::SeriesBatch& batch) {
    batch.clear();
    if (reader_ != nullptr) {
        TRY(read_all());
    }
    if (series_->give(batch)) {
        return true;
    }
    if (failed_) {
        return base::fail(*std::exchange(failed_, std::nullopt));
    }
    return false;
}

base::Status StoreSeries::read_all() {
    const auto reader = std::move(reader_);
    std::string message;
    while (true) {
        const base::Result<bool> more = reader->next(message);
        if (!more) {
            TRY(context_.check());
            failed_ = peer_error(more.error(), nullptr);
            break;
        }
        if (!more.value()) {
            break;
        }
        const base::Status read = frames_.read(std::exchange(message, {}));
        TRY(account());
        if (!read) {
            failed_ = read.error();
            break;
        }
    }
    if (failed_ && !keep_partial_) {
        return base::fail(*std::exchange(failed_, std::nullopt));
    }
    frames_.finish();
    return account();
}

base::Status StoreSeries::account() {
    if (context_.budget == nullptr) {
        return base::success();
    }
    const auto held = static_cast<int64_t>(frames_.bytes());
    return held > reservation_.bytes() ? reservation_.grow(held - reservation_.bytes())
                                       : base::success();
}

}  // namespace storeapi
