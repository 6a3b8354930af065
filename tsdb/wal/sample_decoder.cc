#include "tsdb/wal/sample_decoder.h"

namespace tsdb::wal {

ReadUvarint read_long_uvarint(const uint8_t* at) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const uint8_t byte = *at++;
        if (shift == 63 && byte > 1) {
            break;  // more than 64 bits
        }
        value |= static_cast<uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return {.next = at, .value = value};
        }
    }
    return {.next = nullptr, .value = 0};
}

base::Status samples_outcome(bool good, base::ByteView record) {
    if (good) {
        return base::success();
    }
    return base::fail(
        base::Code::kCorrupt, "malformed", record_type_name(record_type(record)), "record");
}

}  // namespace tsdb::wal
