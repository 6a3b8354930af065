#include "storeapi/series_stream.h"

#include <algorithm>
#include <utility>

namespace storeapi {

SeriesStream::SeriesStream(Source source,
                           std::unique_ptr<model::SeriesSet> set,
                           SeriesWish wish,
                           const Options& options)
    : source_(std::move(source)),
      wish_(std::move(wish)),
      options_(options),
      series_(std::move(set), *source_.labels) {}

base::Result<bool> SeriesStream::next(std::string& message) {
    TRY(source_.context->check());
    if (ended_) {
        return next_warning(message);
    }
    FrameWriter frame(message, wish_.batch);
    while (!frame.full()) {
        if (!has_current_) {
            TRY(has_current_, advance());
            if (!has_current_) {
                ended_ = true;
                break;
            }
        }
        if (!write(frame)) {
            break;
        }
        has_current_ = false;
    }
    if (frame.empty()) {
        message.clear();
        return next_warning(message);
    }
    frame.finish();
    return true;
}

base::Result<bool> SeriesStream::advance() {
    if (wish_.limit != 0 && given_ == wish_.limit) {
        return false;
    }
    while (true) {
        TRY(const bool more, series_.next(current_.group));
        if (!more) {
            warnings_ = series_.warnings();
            std::ranges::reverse(warnings_);
            return false;
        }
        TRY(const bool wanted, take_wanted());
        if (wanted) {
            TRY(count());
            return true;
        }
    }
}

base::Result<bool> SeriesStream::take_wanted() {
    const StoredSeries& first = current_.group.front();
    if (!wish_.shard.has(source_.labels->of(*first.batch, *first.view))) {
        return false;
    }
    current_.labels = source_.labels->encoded();
    current_.chunks = {};
    if (wish_.skip_chunks) {
        return true;
    }
    TRY(current_.chunks, chunks_.of(current_.group));
    return !current_.chunks.empty();
}

base::Status SeriesStream::count() {
    ++given_;
    if (options_.request_series_max != 0 && given_ > options_.request_series_max) {
        return base::fail(base::Code::kLimit,
                          "exceeded series limit: the request selects more than",
                          options_.request_series_max,
                          "series (--store.limits.request-series)");
    }
    samples_ += current_.chunks.size() * SeriesChunks::kSamplesPerChunk;
    if (options_.request_samples_max != 0 && samples_ > options_.request_samples_max) {
        return base::fail(base::Code::kLimit,
                          "exceeded samples limit: the request selects more than",
                          options_.request_samples_max,
                          "samples, counted as 120 for each chunk "
                          "(--store.limits.request-samples)");
    }
    return base::success();
}

bool SeriesStream::write(FrameWriter& frame) {
    if (!current_.chunks.empty() && !frame.fits(current_.chunks.front())) {
        return false;
    }
    frame.begin_series(current_.labels);
    // The first one goes in though the labels may have taken its room: a querier refuses series
    // without chunks.
    for (bool fits = !current_.chunks.empty(); fits;) {
        frame.add_chunk(current_.chunks.front());
        current_.chunks = current_.chunks.subspan(1);
        fits = !current_.chunks.empty() && frame.fits(current_.chunks.front());
    }
    frame.end_series();
    return current_.chunks.empty();
}

bool SeriesStream::next_warning(std::string& message) {
    if (warnings_.empty()) {
        return false;
    }
    message = FrameWriter::warning(warnings_.back());
    warnings_.pop_back();
    return true;
}

}  // namespace storeapi
