// The answer to a remote read as frames of chunks.
// source: prometheus.ChunkedReadResponse in frames: uvarint length, CRC-32C (big-endian), message
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "model/storage.h"
#include "storeapi/remote/read_request.h"
#include "storeapi/remote/read_series.h"

namespace storeapi {

// Holds one series and what is written of it. Threads: one at a time.
class ReadFrames {
  public:
    static constexpr size_t kWriteBytes = size_t{256} << 10;  // frames go out together up to this

    struct Parts {
        model::Queryable& storage;  // borrowed
        ReadRequest request;
        model::Labels external;
        model::QueryContext context;
        size_t frame_bytes_max;  // of a message, unless one chunk with its labels is larger
    };

    explicit ReadFrames(Parts parts) : parts_(std::move(parts)) {}

    // Appends the next frames; false: those were the last.
    [[nodiscard]] base::Result<bool> next(std::string& out, const std::stop_token& stop);

  private:
    [[nodiscard]] base::Result<bool> next_series();
    void write_frame(std::string& out);

    Parts parts_;
    size_t query_ = 0;
    std::unique_ptr<ReadSeries> series_;  // of the present query
    bool in_series_ = false;              // whether something of the present one is left
    std::span<const model::ChunkView> left_;
    std::string message_;
};

}  // namespace storeapi
