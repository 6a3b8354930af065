#include "tsdb/block/chunk_cutting.h"

#include "model/chunk_codec.h"

namespace tsdb::block {

base::Status cut_chunk(const model::ChunkView& chunk,
                       std::span<const Interval> deleted,
                       base::Arena& arena,
                       std::vector<model::ChunkView>& out) {
    std::vector<model::TypedSample> samples;
    TRY(model::decode_samples(chunk, samples));
    std::erase_if(samples,
                  [&](const model::TypedSample& sample) { return contains(deleted, sample.t); });
    for (size_t i = 1; i < samples.size(); ++i) {
        if (samples[i].t <= samples[i - 1].t) {
            return base::fail(base::Code::kCorrupt, "the samples of a chunk are out of order");
        }
    }
    std::vector<model::EncodedChunk> chunks;
    model::encode_samples(samples, kCutChunkSamplesMax, chunks);
    for (const model::EncodedChunk& encoded : chunks) {
        const std::string_view bytes = arena.copy(std::string_view(encoded.bytes));
        out.push_back({.encoding = encoded.encoding,
                       .source = chunk.source,
                       .bytes = base::ByteView(bytes).span(),
                       .min_t = encoded.min_t,
                       .max_t = encoded.max_t});
    }
    return base::success();
}

}  // namespace tsdb::block
