// PartialFrame messages: partial answers on their way from one node to another.
// source: docs/protocol.md, storeapi/proto/node.proto
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/result.h"
#include "base/rpc/server.h"
#include "model/push_down.h"
#include "storeapi/node/node_call.h"
#include "storeapi/node/protocol.h"
#include "storeapi/node/symbol_numbers.h"
#include "storeapi/wire.h"

namespace storeapi {

// A partial answer that is there, as messages.
class PartialStream final : public base::rpc::MessageStream {
  public:
    PartialStream(NodeCall call, model::Partial partial, const FrameSizes& sizes);

    // errors  kLimit: the call's budget; a row that is larger than a message may be
    [[nodiscard]] base::Result<bool> next(std::string& message) override;

  private:
    void write_head(WireWriter& out) const;
    [[nodiscard]] base::Status write_rows(WireWriter& out);
    void write_row(const model::PartialRow& row, WireWriter& out);
    void write_series(WireWriter& out);
    [[nodiscard]] base::Status account();

    const NodeCall call_;
    const model::Partial partial_;
    const FrameSizes sizes_;
    base::Reservation reservation_;
    SymbolNumbers symbols_;
    std::vector<uint32_t> numbers_;  // of one row's labels
    bool begun_ = false;
    size_t row_ = 0;     // the next one
    size_t series_ = 0;  // the next hash
};

// Frames of one partial answer, read in turn and put together. Nothing is believed: numbers,
// lengths, bits, the order of labels and of hashes are checked.
class PartialReader {
  public:
    // steps   of the fragment
    // budget  what the answer is accounted against, as long as this is there; null: none
    PartialReader(uint64_t steps, base::Budget* budget);

    // errors  kCorrupt; kLimit
    [[nodiscard]] base::Status read(std::string_view frame);
    // The answer, once the stream has ended.
    //   errors  kCorrupt: there was none
    [[nodiscard]] base::Result<model::Partial> take();

  private:
    [[nodiscard]] base::Status read_fields(std::string_view frame);
    [[nodiscard]] base::Status read_row(std::string_view message);
    [[nodiscard]] base::Status read_labels(std::string_view numbers, model::Labels& labels);
    [[nodiscard]] base::Status check_row(model::PartialRow& row);
    [[nodiscard]] base::Status read_hashes(std::string_view list);
    [[nodiscard]] base::Status read_note(std::string_view message);
    [[nodiscard]] base::Status account(size_t bytes);

    const uint64_t steps_;
    base::Reservation reservation_;
    bool accounted_;
    NumberedSymbols symbols_;
    model::Partial partial_;
    bool begun_ = false;
};

}  // namespace storeapi
