#include "storeapi/node/node_series.h"

#include <utility>

namespace storeapi {

base::Error told_by_node(base::Error error, const model::QueryContext& context) {
    if (base::Status own = context.check(); !own) {
        return std::move(own).error();
    }
    return error.code() == base::Code::kLimit || error.code() == base::Code::kCanceled
               ? base::Error(base::Code::kUnavailable, error.message())
               : error;
}

NodeSeries::NodeSeries(std::unique_ptr<base::rpc::MessageReader> messages,
                       SelectFrameReader frames,
                       const model::QueryContext& context)
    : context_(context), messages_(std::move(messages)), frames_(std::move(frames)) {
    if (context_.budget != nullptr) {
        reservation_ = base::Reservation(*context_.budget);
    }
}

base::Result<bool> NodeSeries::next(model::SeriesBatch& batch) {
    batch.clear();
    while (messages_ != nullptr && batch.series.empty()) {
        TRY(context_.check());
        base::Result<bool> more = read(batch);
        if (!more || !more.value()) {
            messages_.reset();
        }
        TRY(std::move(more));
    }
    return !batch.series.empty();
}

// Whether there was a frame.
base::Result<bool> NodeSeries::read(model::SeriesBatch& batch) {
    auto frame = std::make_shared<SelectFrame>();
    base::Result<bool> more = messages_->next(frame->bytes);
    if (!more) {
        return base::fail(told_by_node(std::move(more).error(), context_));
    }
    if (!more.value()) {
        TRY(frames_.finish());
        return false;
    }
    if (context_.budget != nullptr) {
        frame->reservation = base::Reservation(*context_.budget);
        TRY(frame->reservation.grow(static_cast<int64_t>(frame->bytes.capacity())));
    }
    TRY(frames_.read(std::move(frame), batch));
    TRY(account(batch));
    return true;
}

base::Status NodeSeries::account(const model::SeriesBatch& batch) {
    if (context_.budget == nullptr) {
        return base::success();
    }
    const auto held = static_cast<int64_t>(frames_.bytes() + batch.arena.capacity_bytes() +
                                           batch.series.capacity() * sizeof(model::SeriesView));
    if (held < reservation_.bytes()) {
        reservation_.shrink(reservation_.bytes() - held);
        return base::success();
    }
    return reservation_.grow(held - reservation_.bytes());
}

}  // namespace storeapi
