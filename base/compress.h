// Compression: snappy blocks (WAL, remote write), zstd, gzip (HTTP). Every decoder takes the most
// bytes it may produce, so that a small hostile input cannot become a large allocation.
//
// All decoders: errors  kLimit, naming the limit in bytes, when the output would be longer;
//                       kCorrupt when the input is damaged, cut short, or followed by other bytes.
// All encoders replace `out`, whose capacity is used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/byte_view.h"
#include "base/result.h"

namespace base {

// Snappy's block format.
void snappy_encode(ByteView input, std::string& out);
[[nodiscard]] Status snappy_decode(ByteView input, size_t limit, std::string& out);

// Compresses with zstd. Keeps its tables between calls. Not thread-safe.
class ZstdEncoder {
  public:
    static constexpr int kDefaultLevel = 1;

    explicit ZstdEncoder(int level = kDefaultLevel);
    ~ZstdEncoder();
    ZstdEncoder(ZstdEncoder&&) noexcept;
    ZstdEncoder& operator=(ZstdEncoder&&) noexcept;

    void encode(ByteView input, std::string& out);

    // A frame in pieces: add() any number of times, then finish(). Both append to `out` what is
    // ready; finish() makes the encoder ready for the next frame.
    void add(ByteView input, std::string& out);
    void finish(std::string& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Decompresses zstd: one or more frames with windows of at most kWindowMax. Keeps its tables
// between calls. Not thread-safe.
class ZstdDecoder {
  public:
    static constexpr size_t kWindowMax = size_t{8} << 20;  // bytes; RFC 8878 3.1.1.1.2

    ZstdDecoder();
    ~ZstdDecoder();
    ZstdDecoder(ZstdDecoder&&) noexcept;
    ZstdDecoder& operator=(ZstdDecoder&&) noexcept;

    [[nodiscard]] Status decode(ByteView input, size_t limit, std::string& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Compresses to gzip, or to HTTP's "deflate" (the zlib format): whole, or piece by piece. Keeps its
// tables (256 KiB) between calls. Not thread-safe.
class GzipEncoder {
  public:
    enum class Format : uint8_t { kGzip, kZlib };
    static constexpr int kDefaultLevel = 1;

    explicit GzipEncoder(Format format = Format::kGzip, int level = kDefaultLevel);
    ~GzipEncoder();
    GzipEncoder(GzipEncoder&&) noexcept;
    GzipEncoder& operator=(GzipEncoder&&) noexcept;

    // The whole of a stream at once.
    void encode(ByteView input, std::string& out);

    // A stream in pieces: add() any number of times, then finish(). Both append to `out` what is
    // ready; finish() makes the encoder ready for the next stream.
    void add(ByteView input, std::string& out);
    void finish(std::string& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// Decompresses gzip (one or more members, as RFC 1952 2.2 allows) and the zlib format. Keeps its
// window and its output buffer between calls. Not thread-safe.
class Gunzip {
  public:
    enum class Format : uint8_t { kGzip, kZlib };
    static constexpr size_t kKeepMax = size_t{4}
                                       << 20;  // bytes; a larger output buffer is given back

    explicit Gunzip(Format format = Format::kGzip);
    ~Gunzip();
    Gunzip(Gunzip&&) noexcept;
    Gunzip& operator=(Gunzip&&) noexcept;

    // Into the decoder's own buffer: the view is valid until the next call.
    [[nodiscard]] Result<std::string_view> decode(ByteView input, size_t limit);
    [[nodiscard]] Status decode(ByteView input, size_t limit, std::string& out);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace base
