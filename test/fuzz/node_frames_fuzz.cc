// Any bytes as what another node answers: the first byte says what they are, and how; then come
// frames, each with its length in two bytes.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/budget.h"
#include "base/bytes.h"
#include "storeapi/node/partial_frames.h"
#include "storeapi/node/select_frames.h"

namespace {

constexpr int64_t kMemory = 256 << 20;

void touch(const model::SeriesBatch& batch) {
    size_t bytes = 0;
    for (const model::SeriesView& series : batch.series) {
        for (const model::LabelSymbols& label : series.labels) {
            bytes += batch.text(label.name).size() + batch.text(label.value).size();
        }
        for (const model::ChunkView& chunk : series.chunks) {
            bytes += chunk.bytes.empty() ? 0 : chunk.bytes.back();
        }
    }
    volatile size_t seen = bytes;
    static_cast<void>(seen);
}

// The next frame; what is left when its length is nonsense.
std::string_view next_frame(base::ByteReader& reader) {
    const size_t length = reader.be16();
    return reader.bytes(length < reader.remaining() ? length : reader.remaining()).text();
}

void read_series(base::ByteReader& reader, bool sorted, bool without) {
    storeapi::SelectFrameReader frames(
        sorted, without ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{});
    model::SeriesBatch batch;
    while (reader.remaining() != 0) {
        auto frame = std::make_shared<storeapi::SelectFrame>();
        frame->bytes = std::string(next_frame(reader));
        batch.clear();
        if (!frames.read(std::move(frame), batch)) {
            return;
        }
        touch(batch);
    }
    base::ignore(frames.finish(), "any outcome will do");
}

void read_partial(base::ByteReader& reader, uint64_t steps) {
    base::Budget budget("fuzz", kMemory);
    storeapi::PartialReader frames(steps, &budget);
    while (reader.remaining() != 0) {
        if (!frames.read(next_frame(reader))) {
            return;
        }
    }
    base::ignore(frames.take(), "any outcome will do");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    base::ByteReader reader(base::ByteView(data, size));
    const uint8_t kind = reader.u8();
    if ((kind & 1) == 0) {
        read_series(reader, (kind & 2) != 0, (kind & 4) != 0);
    } else {
        read_partial(reader, uint64_t{1} + kind / 2);
    }
    return 0;
}
