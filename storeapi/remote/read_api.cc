#include "storeapi/remote/read_api.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/async/worker_pool.h"
#include "base/compress.h"
#include "model/chunk_codec.h"
#include "storeapi/remote/read_frames.h"
#include "storeapi/remote/read_request.h"
#include "storeapi/remote/read_samples.h"
#include "storeapi/remote/read_series.h"

namespace storeapi {
namespace {

using base::Code;
using base::Result;
using base::http::Request;
using base::http::RequestContext;
using base::http::Response;

constexpr const char* kSamplesType = "application/x-protobuf";
constexpr const char* kFramesType =
    "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse";

// ReadResponse
constexpr char kResults = bytes_field(1);
// QueryResult
constexpr char kTimeSeries = bytes_field(1);

constexpr size_t kFieldMax = 16;
constexpr int64_t kReserveStep = int64_t{256} << 10;  // bytes

model::QueryContext query_context(const ReadSources& sources, const RequestContext& context) {
    model::QueryContext out;
    out.stop = context.stop;
    out.deadline = context.deadline;
    out.clock = &sources.clock;
    out.budget = &sources.budget;
    return out;
}

// The whole answer as samples.
class SampleAnswer {
  public:
    SampleAnswer(const ReadSources& sources,
                 const model::Labels& external,
                 const model::QueryContext& context)
        : sources_(sources), external_(external), context_(context), memory_(sources.budget) {}

    Result<std::string> write(const ReadRequest& request) {
        WireWriter out(message_);
        for (const ReadQuery& query : request.queries) {
            out.need(kFieldMax);
            out.byte(kResults);
            const size_t length = out.begin_length();
            TRY(write_query(query, out));
            out.end_length(length);
        }
        out.finish();
        // The compressed answer may be as large.
        TRY(memory_.grow(static_cast<int64_t>(message_.size())));
        std::string packed;
        base::snappy_encode(base::ByteView(message_), packed);
        return packed;
    }

  private:
    base::Status write_query(const ReadQuery& query, WireWriter& out) {
        TRY(const auto series, ReadSeries::select(sources_.storage, query, external_, context_));
        while (true) {
            TRY(context_.check());
            TRY(const bool more, series->next());
            if (!more) {
                return base::success();
            }
            TRY(decode(*series, query));
            if (samples_.empty() && !query.hints.skip_chunks) {
                continue;
            }
            write_time_series(out, kTimeSeries, series->labels(), samples_);
            TRY(account());
        }
    }

    // The samples of one series within the query's times.
    base::Status decode(const ReadSeries& series, const ReadQuery& query) {
        samples_.clear();
        for (const model::ChunkView& chunk : series.chunks()) {
            const size_t before = samples_.size();
            TRY(model::decode_samples(chunk, samples_));
            const auto outside = [&](const model::TypedSample& sample) {
                return sample.t < query.start_ms || sample.t > query.end_ms;
            };
            const auto from = samples_.begin() + static_cast<ptrdiff_t>(before);
            samples_.erase(std::remove_if(from, samples_.end(), outside), samples_.end());
            TRY(count(samples_.size() - before));
            TRY(account());
        }
        return base::success();
    }

    base::Status count(size_t samples) {
        count_ += samples;
        const uint64_t most = sources_.options.samples_max;
        if (most != 0 && count_ > most) {
            return base::fail(Code::kInvalid,
                              "exceeded sample limit (" + std::to_string(most) +
                                  ", --storage.remote.read-sample-limit): ask for less, or for a "
                                  "stream of chunks");
        }
        return base::success();
    }

    // What the answer and the series in hand take.
    base::Status account() {
        const auto held = static_cast<int64_t>(message_.size() +
                                               samples_.capacity() * sizeof(model::TypedSample));
        if (held > memory_.bytes()) {
            TRY(memory_.grow(held - memory_.bytes() + kReserveStep));
        }
        return base::success();
    }

    const ReadSources& sources_;
    const model::Labels& external_;
    const model::QueryContext& context_;
    base::Reservation memory_;
    uint64_t count_ = 0;
    std::string message_;
    std::vector<model::TypedSample> samples_;
};

Response as_samples(const ReadSources& sources,
                    const ReadRequest& request,
                    const model::Labels& external,
                    const model::QueryContext& context) {
    SampleAnswer answer(sources, external, context);
    auto body = answer.write(request);
    if (!body) {
        return Response::error(body.error());
    }
    Response response;
    response.body = std::move(body).value();
    response.compress = false;
    response.headers.set("Content-Type", kSamplesType);
    response.headers.set("Content-Encoding", "snappy");
    return response;
}

Response as_frames(const ReadSources& sources,
                   ReadRequest request,
                   model::Labels external,
                   const model::QueryContext& context) {
    const auto frames =
        std::make_shared<ReadFrames>(ReadFrames::Parts{sources.storage,
                                                       std::move(request),
                                                       std::move(external),
                                                       context,
                                                       sources.options.frame_bytes_max});
    Response response;
    // The first frames at once: what is wrong with the request has a status of its own.
    const auto more = frames->next(response.body, context.stop);
    if (!more) {
        return Response::error(more.error());
    }
    response.compress = false;
    response.headers.set("Content-Type", kFramesType);
    if (more.value()) {
        response.stream = [frames](std::string& frame, std::stop_token stop) {
            return frames->next(frame, stop);
        };
    }
    return response;
}

}  // namespace

Response handle_read(const ReadSources& sources,
                     const Request& request,
                     const RequestContext& context) {
    model::Labels external = sources.external_labels();
    auto parsed = parse_read_request(request.body, external);
    if (!parsed) {
        return Response::text(400, parsed.error().message() + "\n");
    }
    const model::QueryContext query = query_context(sources, context);
    return parsed.value().streamed
               ? as_frames(sources, std::move(parsed).value(), std::move(external), query)
               : as_samples(sources, parsed.value(), external, query);
}

void register_read_route(base::http::Router& router, const ReadSources& sources) {
    base::http::RouteOptions options;
    options.pool = sources.pool;
    options.cors = true;
    options.body_limit = ReadRequest::kBytesMax;
    router.add(
        {base::http::Method::kPost},
        "/api/v1/read",
        [sources](const Request& request, const RequestContext& context) {
            return handle_read(sources, request, context);
        },
        options);
}

}  // namespace storeapi
