// Start timestamps as encodings 4, 5 and 6 interleave them with samples: nothing until the first
// sample whose start differs, from there on one difference per sample.
// source: docs/formats/chunks.md
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/bitstream.h"
#include "model/varbit.h"

namespace model {

class StartTimes {
  public:
    // header: bit 7 says that the first sample has a start, the rest at which sample (not 0) the
    // first change stands, 0 for nowhere.
    explicit StartTimes(uint8_t header)
        : first_known_((header & 0x80) != 0), change_(header & 0x7f) {}

    // Reads what stands behind sample `i`, of time `t`, that came after one of time `before`.
    //   returns  its start timestamp, 0 for none; `ok` turns false when the bits are impossible
    [[nodiscard]] int64_t read(BitReader& in, size_t i, int64_t t, int64_t before, bool& ok) {
        if (i == 0) {
            start_ = first_known_ ? difference(t, read_varint(in, ok)) : 0;
        } else if (change_ != 0 && i >= change_) {
            const auto coded = static_cast<uint64_t>(read_varbit_int(in));
            lead_ = i == change_ ? coded : lead_ + coded;
            start_ = difference(before, static_cast<int64_t>(lead_));
        }
        return start_;
    }

  private:
    // Unsigned: corrupt input may overflow.
    static int64_t difference(int64_t a, int64_t b) {
        return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
    }

    bool first_known_;
    uint8_t change_;
    int64_t start_ = 0;
    uint64_t lead_ = 0;  // of the time before over the start
};

}  // namespace model
