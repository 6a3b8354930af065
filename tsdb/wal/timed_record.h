// Records of samples, histograms and exemplars, taken apart only as far as one must to leave some
// entries out: whose it is, when it is, and its bytes. source: docs/formats/wal.md
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/wal/record.h"
#include "tsdb/wal/record_key.h"

namespace tsdb::wal {

struct TimedEntry {
    RecordKey key;
    base::ByteView payload;  // a value, a histogram, or a value with its labels
};

// Samples, histograms and exemplars, in either form.
[[nodiscard]] bool is_timed(uint8_t type);

// Appends the entries of a record that is_timed() to `out`; they point into the record.
//   errors  kCorrupt: the bytes are no such record; what stood before the fault is in `out`
[[nodiscard]] base::Status decode_timed(base::ByteView record, std::vector<TimedEntry>& out);

// Builds a record of the type from such entries.
class TimedEncoder {
  public:
    // type  one that is_timed()
    TimedEncoder(uint8_t type, base::ByteWriter& out);

    void add(const TimedEntry& entry);

  private:
    void add_second_form(const RecordKey& key);

    base::ByteWriter& out_;
    const bool second_form_;
    KeyWriter first_form_;
    bool begun_ = false;  // of the second form, as are these
    RecordKey first_;
    RecordKey before_;
};

}  // namespace tsdb::wal
