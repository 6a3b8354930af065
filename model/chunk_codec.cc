#include "model/chunk_codec.h"

#include <bit>

#include "base/check.h"
#include "model/histogram_chunk.h"
#include "model/histogram_cursor.h"
#include "model/sample.h"
#include "model/xor2_chunk.h"
#include "model/xor_chunk.h"

namespace model {
namespace {

using base::Code;
using base::Status;

constexpr size_t kXorSampleBitsMin = 2;

// The most that a histogram chunk may grow to when it is decoded: what all samples share stands in
// the chunk once, but in every sample taken out of it.
constexpr size_t kDecodedBytesFloor = size_t{1} << 20;
constexpr size_t kDecodedBytesPerByteMax = 4096;

Status decode_xor(std::span<const uint8_t> chunk, std::vector<TypedSample>& out) {
    const size_t count = xor_count(chunk);
    if (count > chunk.size() * 8 / kXorSampleBitsMin) {
        return base::fail(Code::kCorrupt, "XOR chunk: too short for samples:", count);
    }
    std::vector<int64_t> t(count);
    std::vector<double> v(count);
    TRY(xor_decode(chunk, t.data(), v.data()));
    out.reserve(out.size() + count);
    for (size_t i = 0; i < count; ++i) {
        out.push_back({.t = t[i], .v = v[i]});
    }
    return base::success();
}

Status decode_xor2(std::span<const uint8_t> chunk, std::vector<TypedSample>& out) {
    const size_t count = xor2_count(chunk);
    if (count > xor2_count_max(chunk.size())) {
        return base::fail(Code::kCorrupt, "XOR2 chunk: too short for samples:", count);
    }
    std::vector<int64_t> t(count);
    std::vector<int64_t> st(count);
    std::vector<double> v(count);
    TRY(xor2_decode(chunk, t.data(), st.data(), v.data()));
    out.reserve(out.size() + count);
    for (size_t i = 0; i < count; ++i) {
        out.push_back({.t = t[i], .st = st[i], .v = v[i]});
    }
    return base::success();
}

Status decode_histograms(Encoding encoding,
                         std::span<const uint8_t> chunk,
                         HistogramsAs as,
                         std::vector<TypedSample>& out) {
    TRY(HistogramCursor cursor, HistogramCursor::open(encoding, chunk));
    size_t room = kDecodedBytesFloor + chunk.size() * kDecodedBytesPerByteMax;
    while (!cursor.done()) {
        TRY(cursor.next());
        const size_t bytes = cursor.sample_bytes();
        if (bytes > room) {
            return base::fail(Code::kCorrupt, "histogram chunk: too large when decoded");
        }
        room -= bytes;
        TypedSample sample{.t = cursor.t(), .st = cursor.start_t()};
        if (cursor.is_float() || as == HistogramsAs::kFloat) {
            sample.floating = std::make_shared<const FloatHistogram>(cursor.as_float());
        } else {
            sample.integer = std::make_shared<const Histogram>(cursor.integer());
        }
        out.push_back(std::move(sample));
    }
    return base::success();
}

void copy_samples(std::span<const uint8_t> chunk, std::vector<TypedSample>& out) {
    const auto* const samples = reinterpret_cast<const ChunkSample*>(chunk.data());
    for (size_t i = 0; i < chunk.size() / sizeof(ChunkSample); ++i) {
        const ChunkSample& sample = samples[i];
        out.push_back(
            {.t = sample.t, .st = sample.st, .v = sample.v, .floating = sample.histogram});
    }
}

}  // namespace

Status decode_samples(const ChunkView& chunk, std::vector<TypedSample>& out, HistogramsAs as) {
    switch (chunk.encoding) {
        case Encoding::kXor:
            return decode_xor(chunk.bytes, out);
        case Encoding::kXor2:
            return decode_xor2(chunk.bytes, out);
        case Encoding::kHistogram:
        case Encoding::kFloatHistogram:
        case Encoding::kHistogramSt:
        case Encoding::kFloatHistogramSt:
            return decode_histograms(chunk.encoding, chunk.bytes, as, out);
        case Encoding::kSamples:
            copy_samples(chunk.bytes, out);
            return base::success();
        default:
            return base::fail(Code::kUnsupported,
                              "chunks of encoding",
                              static_cast<int>(chunk.encoding),
                              "cannot be read");
    }
}

size_t sample_count(Encoding encoding, std::span<const uint8_t> chunk) {
    switch (encoding) {
        case Encoding::kXor:
            return xor_count(chunk);
        case Encoding::kXor2:
            return xor2_count(chunk);
        case Encoding::kSamples:
            return chunk.size() / sizeof(ChunkSample);
        default:
            return is_histogram_encoding(encoding) ? histogram_header(encoding, chunk).samples : 0;
    }
}

namespace {

// Turns samples of one series into chunks, one open at a time.
class ChunkEncoder {
  public:
    ChunkEncoder(size_t samples_max, std::vector<EncodedChunk>& out)
        : samples_max_(samples_max), out_(out) {}

    void add(const TypedSample& sample) {
        if (sample.is_float()) {
            close_histograms();
            add_float(sample.t, std::bit_cast<uint64_t>(sample.v));
        } else {
            close_floats();
            if (sample.integer != nullptr) {
                add_histogram(sample.t, *sample.integer);
            } else {
                add_histogram(sample.t, *sample.floating);
            }
        }
    }

    void finish() {
        close_floats();
        close_histograms();
    }

  private:
    void add_float(int64_t t, uint64_t bits) {
        // Steps of a second or later sample are coded in 32 bits.
        const bool far =
            xor_.count > 0 && static_cast<uint64_t>(t) - static_cast<uint64_t>(xor_.t) > UINT32_MAX;
        if (xor_.count == samples_max_ || far) {
            close_floats();
        }
        if (xor_.count == 0) {
            floats_.assign(kXorFirstSampleBytesMax + samples_max_ * kXorSampleBytesMax, 0);
            min_t_ = t;
        }
        const bool fits = xor_append(xor_, floats_.data(), 0, floats_.size(), t, bits);
        SKEIN_CHECK(fits, "the room is that of the largest samples");
    }

    void close_floats() {
        if (xor_.count == 0) {
            return;
        }
        xor_finish(floats_.data(), xor_.count);
        out_.push_back({.encoding = Encoding::kXor,
                        .min_t = min_t_,
                        .max_t = xor_.t,
                        .samples = xor_.count,
                        .bytes = {floats_.begin(),
                                  floats_.begin() + static_cast<std::ptrdiff_t>(xor_.bytes())}});
        xor_ = {};
    }

    template <class AnyHistogram>
    void add_histogram(int64_t t, const AnyHistogram& histogram) {
        using Outcome = HistogramChunkWriter::Outcome;
        ChunkReset reset = ChunkReset::kUnknown;
        if (histograms_.count() == samples_max_) {
            reset = histograms_.reset_before(histogram);
        } else if (!histograms_.empty()) {
            const Outcome outcome = histograms_.append(t, histogram);
            if (outcome == Outcome::kAppended) {
                return;
            }
            reset = outcome == Outcome::kCutReset ? ChunkReset::kReset : ChunkReset::kUnknown;
        }
        close_histograms();
        histograms_.begin(t, histogram, reset);
    }

    void close_histograms() {
        if (histograms_.empty()) {
            return;
        }
        const std::span<const uint8_t> bytes = histograms_.bytes();
        out_.push_back({.encoding = histograms_.encoding(),
                        .min_t = histograms_.min_t(),
                        .max_t = histograms_.max_t(),
                        .samples = histograms_.count(),
                        .bytes = {bytes.begin(), bytes.end()}});
        histograms_ = HistogramChunkWriter();
    }

    size_t samples_max_;
    std::vector<EncodedChunk>& out_;
    XorState xor_;
    std::vector<uint8_t> floats_;
    int64_t min_t_ = 0;
    HistogramChunkWriter histograms_;
};

}  // namespace

void encode_samples(std::span<const TypedSample> samples,
                    size_t samples_max,
                    std::vector<EncodedChunk>& out) {
    SKEIN_CHECK(samples_max >= 1 && samples_max <= kEncodedSamplesMax);
    ChunkEncoder encoder(samples_max, out);
    for (size_t i = 0; i < samples.size(); ++i) {
        SKEIN_DCHECK(i == 0 || samples[i - 1].t < samples[i].t);
        encoder.add(samples[i]);
    }
    encoder.finish();
}

}  // namespace model
