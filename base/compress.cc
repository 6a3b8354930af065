#include "base/compress.h"

#include <algorithm>

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

namespace base {

namespace {

// No snappy element makes more than 64 bytes of 3, so a header that says more lies.
constexpr size_t kSnappyRatioMax = 32;
// Growth of an output whose length is not known beforehand.
constexpr size_t kGuessRatio = 4;
constexpr size_t kGuessMin = 4096;
constexpr size_t kDeflatePiece = size_t{64} << 10;
constexpr int kDeflateMemory = 8;  // zlib's default
constexpr int kZstdWindowLogMax = 23;
static_assert(size_t{1} << kZstdWindowLogMax == ZstdDecoder::kWindowMax);

auto over_limit(std::string_view format, size_t limit) {
    return fail(Code::kLimit, format, "data decompress to more than the limit of", limit, "bytes");
}

// The next size of an output that is full: double, and one byte past the limit at most, so that
// too much is noticed.
size_t grown(size_t size, size_t limit) {
    const size_t most = limit == SIZE_MAX ? SIZE_MAX : limit + 1;
    return std::min(std::max(size * 2, kGuessMin), most);
}

}  // namespace

void snappy_encode(ByteView input, std::string& out) {
    out.resize(snappy::MaxCompressedLength(input.size()));
    size_t length = 0;
    snappy::RawCompress(input.text().data(), input.size(), out.data(), &length);
    out.resize(length);
}

Status snappy_decode(ByteView input, size_t limit, std::string& out) {
    size_t length = 0;
    if (!snappy::GetUncompressedLength(input.text().data(), input.size(), &length) ||
        length / kSnappyRatioMax > input.size()) {
        return fail(Code::kCorrupt, "snappy header is damaged");
    }
    if (length > limit) {
        return over_limit("snappy", limit);
    }
    out.resize(length);
    if (!snappy::RawUncompress(input.text().data(), input.size(), out.data())) {
        return fail(Code::kCorrupt, "snappy data are damaged or cut short");
    }
    return success();
}

// ---------------------------------------------------------------------------------------------
// zstd

struct ZstdEncoder::State {
    ZSTD_CCtx* context = ZSTD_createCCtx();

    explicit State(int level) {
        SKEIN_CHECK(context != nullptr, "out of memory");
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
    }

    ~State() { ZSTD_freeCCtx(context); }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // Until the piece is taken, or with ZSTD_e_end until the frame is whole.
    void run(ByteView piece, ZSTD_EndDirective end, std::string& out) {
        const size_t step = ZSTD_CStreamOutSize();
        ZSTD_inBuffer from{piece.data(), piece.size(), 0};
        size_t left = 1;
        while (end == ZSTD_e_end ? left != 0 : from.pos != from.size) {
            const size_t used = out.size();
            out.resize(used + step);
            ZSTD_outBuffer to{out.data() + used, step, 0};
            left = ZSTD_compressStream2(context, &to, &from, end);
            SKEIN_CHECK(ZSTD_isError(left) == 0, "zstd", ZSTD_getErrorName(left));
            out.resize(used + to.pos);
        }
    }
};

ZstdEncoder::ZstdEncoder(int level) : state_(std::make_unique<State>(level)) {}

ZstdEncoder::~ZstdEncoder() = default;
ZstdEncoder::ZstdEncoder(ZstdEncoder&&) noexcept = default;
ZstdEncoder& ZstdEncoder::operator=(ZstdEncoder&&) noexcept = default;

void ZstdEncoder::encode(ByteView input, std::string& out) {
    out.resize(ZSTD_compressBound(input.size()));
    const size_t length =
        ZSTD_compress2(state_->context, out.data(), out.size(), input.data(), input.size());
    SKEIN_CHECK(ZSTD_isError(length) == 0, "zstd", ZSTD_getErrorName(length));
    out.resize(length);
}

void ZstdEncoder::add(ByteView input, std::string& out) {
    state_->run(input, ZSTD_e_continue, out);
}

void ZstdEncoder::finish(std::string& out) {
    state_->run({}, ZSTD_e_end, out);
}

struct ZstdDecoder::State {
    ZSTD_DCtx* context = ZSTD_createDCtx();

    State() {
        SKEIN_CHECK(context != nullptr, "out of memory");
        ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, kZstdWindowLogMax);
    }

    ~State() { ZSTD_freeDCtx(context); }

    State(const State&) = delete;
    State& operator=(const State&) = delete;
};

ZstdDecoder::ZstdDecoder() : state_(std::make_unique<State>()) {}

ZstdDecoder::~ZstdDecoder() = default;
ZstdDecoder::ZstdDecoder(ZstdDecoder&&) noexcept = default;
ZstdDecoder& ZstdDecoder::operator=(ZstdDecoder&&) noexcept = default;

Status ZstdDecoder::decode(ByteView input, size_t limit, std::string& out) {
    ZSTD_DCtx_reset(state_->context, ZSTD_reset_session_only);
    const unsigned long long said = ZSTD_getFrameContentSize(input.data(), input.size());
    if (said == ZSTD_CONTENTSIZE_ERROR) {
        return fail(Code::kCorrupt, "not zstd data");
    }
    if (said != ZSTD_CONTENTSIZE_UNKNOWN && said > limit) {
        return over_limit("zstd", limit);
    }
    const size_t guess =
        said != ZSTD_CONTENTSIZE_UNKNOWN ? static_cast<size_t>(said) : input.size() * kGuessRatio;
    out.resize(std::min(guess, limit));
    ZSTD_inBuffer from{input.data(), input.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (true) {
        const size_t before = from.pos + to.pos;
        const size_t left = ZSTD_decompressStream(state_->context, &to, &from);
        if (ZSTD_isError(left) != 0) {
            return fail(Code::kCorrupt, "zstd data:", ZSTD_getErrorName(left));
        }
        if (left == 0 && from.pos == from.size) {
            break;
        }
        if (to.pos == to.size) {
            if (to.pos > limit) {
                return over_limit("zstd", limit);
            }
            out.resize(grown(out.size(), limit));
            to.dst = out.data();
            to.size = out.size();
        } else if (from.pos + to.pos == before) {
            return fail(Code::kCorrupt, "zstd data are cut short");
        }
    }
    if (to.pos > limit) {
        return over_limit("zstd", limit);
    }
    out.resize(to.pos);
    return success();
}

// ---------------------------------------------------------------------------------------------
// gzip, the writing side

struct GzipEncoder::State {
    z_stream stream{};

    State(Format format, int level) {
        const int window = MAX_WBITS + (format == Format::kGzip ? 16 : 0);
        const int good =
            deflateInit2(&stream, level, Z_DEFLATED, window, kDeflateMemory, Z_DEFAULT_STRATEGY);
        SKEIN_CHECK(good == Z_OK, "deflateInit2", good);
    }

    ~State() { deflateEnd(&stream); }

    State(const State&) = delete;
    State& operator=(const State&) = delete;

    // Deflates one piece whose length fits zlib's counter.
    void run(ByteView piece, int flush, std::string& out) {
        stream.next_in = const_cast<Bytef*>(piece.data());
        stream.avail_in = static_cast<uInt>(piece.size());
        while (true) {
            const size_t used = out.size();
            out.resize(used + kDeflatePiece);
            stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
            stream.avail_out = kDeflatePiece;
            const int state = deflate(&stream, flush);
            SKEIN_CHECK(state != Z_STREAM_ERROR, "deflate");
            out.resize(used + kDeflatePiece - stream.avail_out);
            if (flush == Z_FINISH ? state == Z_STREAM_END : stream.avail_out != 0) {
                return;
            }
        }
    }
};

GzipEncoder::GzipEncoder(Format format, int level)
    : state_(std::make_unique<State>(format, level)) {}

GzipEncoder::~GzipEncoder() = default;
GzipEncoder::GzipEncoder(GzipEncoder&&) noexcept = default;
GzipEncoder& GzipEncoder::operator=(GzipEncoder&&) noexcept = default;

void GzipEncoder::encode(ByteView input, std::string& out) {
    out.clear();
    add(input, out);
    finish(out);
}

void GzipEncoder::add(ByteView input, std::string& out) {
    constexpr size_t kPieceMax = size_t{1} << 30;
    while (!input.empty()) {
        const ByteView piece = input.part(0, kPieceMax);
        state_->run(piece, Z_NO_FLUSH, out);
        input = input.part(piece.size());
    }
}

void GzipEncoder::finish(std::string& out) {
    state_->run({}, Z_FINISH, out);
    deflateReset(&state_->stream);
}

}  // namespace base
