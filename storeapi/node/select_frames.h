// SelectFrame messages: series on their way from one node to another.
// source: docs/protocol.md, storeapi/proto/node.proto
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/result.h"
#include "model/storage.h"
#include "storeapi/node/protocol.h"
#include "storeapi/node/symbol_numbers.h"
#include "storeapi/wire.h"

namespace storeapi {

// What later frames need to know of earlier ones, on either side.
struct SelectProgress {
    int64_t first_t = 0;  // first time of the series before
    int64_t last_t = 0;   // last time of the chunk before, of the same series
};

// One message, written straight into the bytes that go out. Chunk bytes are copied once, into it.
class SelectFrameWriter {
  public:
    // out       empty; borrowed until finish(), as the others
    // symbols   uses the table of the series to come
    SelectFrameWriter(std::string& out,
                      SymbolNumbers& symbols,
                      SelectProgress& progress,
                      const FrameSizes& sizes)
        : out_(out), symbols_(symbols), progress_(progress), sizes_(sizes) {}

    // Whether a chunk of this size may follow; the first one of a frame always may.
    [[nodiscard]] bool fits(const model::ChunkView& chunk) const;
    // Chunks follow, then end_series().
    void begin_series(std::span<const model::LabelSymbols> labels);
    // Chunks of the series that the frame before has cut.
    void continue_series();
    // first  of the series
    void add_chunk(const model::ChunkView& chunk, bool first);
    // cut  the next frame goes on with it
    void end_series(bool cut);

    void add_warning(std::string_view text);

    // Whether no other series should follow.
    [[nodiscard]] bool full() const { return out_.size() >= sizes_.target; }

    // Completes the message.
    void finish() { out_.finish(); }

  private:
    WireWriter out_;
    SymbolNumbers& symbols_;
    SelectProgress& progress_;
    const FrameSizes& sizes_;
    std::vector<uint32_t> numbers_;  // of the present series' labels
    size_t chunks_ = 0;
    size_t series_at_ = 0;  // where the present series' length is to stand
};

// A message that was received, accounted for as long as it is there.
struct SelectFrame {
    std::string bytes;
    base::Reservation reservation;
};

// Frames of one stream, read in turn. Nothing is believed: numbers, lengths, the order of labels,
// chunks and series are checked; bytes of chunks are not looked into.
//   threads  one; what it has handed out may be read by others
class SelectFrameReader {
  public:
    // without  names that the order of series passes over
    // sorted   series come in the order of their labels
    SelectFrameReader(bool sorted, std::vector<std::string> without);

    // Takes the series that are complete with this frame into `batch` (cleared before), which pins
    // the frames that their chunks lie in.
    //   errors  kCorrupt
    [[nodiscard]] base::Status read(std::shared_ptr<const SelectFrame> frame,
                                    model::SeriesBatch& batch);
    // The stream has ended.
    //   errors  kCorrupt: in the middle of a series
    [[nodiscard]] base::Status finish() const;

    [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

    // What it holds beside the frames.
    [[nodiscard]] size_t bytes() const;

  private:
    // A series whose chunks are being read.
    struct Open {
        std::vector<model::LabelSymbols> labels;
        std::vector<model::ChunkView> chunks;
        std::vector<std::shared_ptr<const void>> frames;  // before the present one

        void clear() {
            labels.clear();
            chunks.clear();
            frames.clear();
        }
    };

    [[nodiscard]] base::Status take_symbol(std::string_view text);
    [[nodiscard]] base::Status read_series(std::string_view message);
    [[nodiscard]] base::Status begin_series();
    [[nodiscard]] base::Status read_labels(std::string_view numbers);
    [[nodiscard]] base::Status check_labels();
    [[nodiscard]] base::Status check_order() const;
    [[nodiscard]] base::Status read_chunk(std::string_view message);
    void give(model::SeriesBatch& batch);

    const bool sorted_;
    const std::vector<std::string> without_names_;
    std::vector<uint32_t> without_;  // their symbols, as they come
    NumberedSymbols symbols_;
    SelectProgress progress_;
    Open open_;
    bool cut_ = false;                       // open_ goes on in the next frame
    std::vector<model::LabelSymbols> last_;  // labels of the series before
    bool has_last_ = false;
    uint64_t series_ = 0;
    std::vector<std::string> warnings_;
};

}  // namespace storeapi
