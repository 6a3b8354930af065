// What stands in front of every sample in a record: its series and times, relative to those before.
// source: docs/formats/wal.md
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace tsdb::wal {

struct RecordKey {
    uint64_t ref = 0;
    int64_t t = 0;        // ms
    int64_t start_t = 0;  // ms; 0: none
};

// Reads the keys of one record, in order; faults make the reader fail.
class KeyReader {
  public:
    // in           behind the type byte; outlives the reader
    // second_form  as kSamplesV2 and its kin, with start timestamps
    KeyReader(base::ByteReader& in, bool second_form) : in_(in), second_form_(second_form) {
        if (!second_form_ && in_.remaining() != 0) {
            first_.ref = in_.be64();
            first_.t = in_.be64i();
        }
    }

    [[nodiscard]] RecordKey next() {
        if (!second_form_) {
            before_.ref = first_.ref + static_cast<uint64_t>(in_.varint());
            before_.t = add(first_.t, in_.varint());
        } else if (!begun_) {
            first_.ref = static_cast<uint64_t>(in_.varint());
            first_.t = in_.varint();
            first_.start_t = in_.varint();
            before_ = first_;
        } else {
            before_.ref += static_cast<uint64_t>(in_.varint());
            before_.t = add(first_.t, in_.varint());
            before_.start_t = next_start();
        }
        begun_ = true;
        return before_;
    }

  private:
    // None, that of the sample before, or relative to the first sample's.
    int64_t next_start() {
        switch (in_.u8()) {
            case 0:
                return 0;
            case 1:
                return before_.start_t;
            case 2:
                return add(first_.start_t, in_.varint());
            default:
                in_.fail();
                return 0;
        }
    }

    // Unsigned: far apart times wrap.
    static int64_t add(int64_t a, int64_t b) {
        return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
    }

    base::ByteReader& in_;
    bool second_form_;
    bool begun_ = false;
    RecordKey first_;
    RecordKey before_;
};

// Writes keys of the first form.
class KeyWriter {
  public:
    explicit KeyWriter(base::ByteWriter& out) : out_(out) {}

    void add(uint64_t ref, int64_t t) {
        if (!begun_) [[unlikely]] {
            begun_ = true;
            first_ref_ = ref;
            first_t_ = t;
            out_.be64(ref);
            out_.be64i(t);
        }
        out_.varint(static_cast<int64_t>(ref - first_ref_));
        // Unsigned: far apart times wrap, and the reader wraps them back.
        out_.varint(
            static_cast<int64_t>(static_cast<uint64_t>(t) - static_cast<uint64_t>(first_t_)));
    }

  private:
    base::ByteWriter& out_;
    uint64_t first_ref_ = 0;
    int64_t first_t_ = 0;
    bool begun_ = false;
};

}  // namespace tsdb::wal
