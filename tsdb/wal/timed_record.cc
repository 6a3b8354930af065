#include "tsdb/wal/timed_record.h"

#include "model/histogram.h"

namespace tsdb::wal {
namespace {

enum class Payload : uint8_t { kValue, kHistogram, kFloatHistogram, kExemplar };

Payload payload_of(uint8_t type) {
    switch (static_cast<RecordType>(type)) {
        case RecordType::kExemplars:
            return Payload::kExemplar;
        case RecordType::kHistograms:
        case RecordType::kCustomHistograms:
        case RecordType::kHistogramsV2:
            return Payload::kHistogram;
        case RecordType::kFloatHistograms:
        case RecordType::kCustomFloatHistograms:
        case RecordType::kFloatHistogramsV2:
            return Payload::kFloatHistogram;
        default:
            return Payload::kValue;
    }
}

bool is_second_form(uint8_t type) {
    return type >= static_cast<uint8_t>(RecordType::kSamplesV2) &&
           type <= static_cast<uint8_t>(RecordType::kFloatHistogramsV2);
}

// Times and references far apart wrap, and wrap back.
int64_t difference(uint64_t a, uint64_t b) {
    return static_cast<int64_t>(a - b);
}

int64_t difference(int64_t a, int64_t b) {
    return difference(static_cast<uint64_t>(a), static_cast<uint64_t>(b));
}

int64_t wrapping_add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

void skip_doubles(base::ByteReader& in, uint64_t count) {
    if (count > in.remaining() / sizeof(double)) {
        in.fail();
        return;
    }
    in.skip(static_cast<size_t>(count) * sizeof(double));
}

void skip_varints(base::ByteReader& in, uint64_t count) {
    for (uint64_t i = 0; i < count && in.ok(); ++i) {
        in.uvarint();
    }
}

void skip_histogram(base::ByteReader& in, bool floats) {
    in.skip(1);  // counter reset hint
    const int64_t schema = in.varint();
    in.skip(sizeof(double));  // zero threshold
    if (floats) {
        skip_doubles(in, 2);  // zero count, count
    } else {
        skip_varints(in, 2);
    }
    in.skip(sizeof(double));  // sum
    for (int sign = 0; sign < 2; ++sign) {
        const uint64_t spans = in.uvarint();
        for (uint64_t i = 0; i < spans && in.ok(); ++i) {
            skip_varints(in, 2);  // offset, length
        }
    }
    for (int sign = 0; sign < 2; ++sign) {
        const uint64_t buckets = in.uvarint();
        if (floats) {
            skip_doubles(in, buckets);
        } else {
            skip_varints(in, buckets);
        }
    }
    if (schema == model::kCustomBucketsSchema) {
        skip_doubles(in, in.uvarint());
    }
}

void skip_exemplar(base::ByteReader& in) {
    in.skip(sizeof(double));
    const uint64_t labels = in.uvarint();
    for (uint64_t i = 0; i < labels && in.ok(); ++i) {
        in.str();
        in.str();
    }
}

base::ByteView read_payload(base::ByteReader& in, base::ByteView record, Payload payload) {
    const size_t from = in.position();
    switch (payload) {
        case Payload::kValue:
            in.skip(sizeof(double));
            break;
        case Payload::kHistogram:
            skip_histogram(in, false);
            break;
        case Payload::kFloatHistogram:
            skip_histogram(in, true);
            break;
        case Payload::kExemplar:
            skip_exemplar(in);
            break;
    }
    return in.ok() ? record.part(from, in.position() - from) : base::ByteView();
}

void decode_first_form(base::ByteReader& in, base::ByteView record, std::vector<TimedEntry>& out) {
    const Payload payload = payload_of(record_type(record));
    const uint64_t base_ref = in.be64();
    const int64_t base_t = in.be64i();
    while (in.remaining() != 0) {
        TimedEntry entry;
        entry.ref = base_ref + static_cast<uint64_t>(in.varint());
        entry.t = wrapping_add(base_t, in.varint());
        entry.payload = read_payload(in, record, payload);
        if (in.ok()) {
            out.push_back(entry);
        }
    }
}

int64_t read_start(base::ByteReader& in, int64_t first, int64_t before) {
    switch (in.u8()) {
        case 0:
            return 0;
        case 1:
            return before;
        case 2:
            return wrapping_add(first, in.varint());
        default:
            in.fail();
            return 0;
    }
}

void decode_second_form(base::ByteReader& in, base::ByteView record, std::vector<TimedEntry>& out) {
    const Payload payload = payload_of(record_type(record));
    TimedEntry first;
    first.ref = static_cast<uint64_t>(in.varint());
    first.t = in.varint();
    first.start_t = in.varint();
    first.payload = read_payload(in, record, payload);
    if (!in.ok()) {
        return;
    }
    out.push_back(first);
    TimedEntry before = first;
    while (in.remaining() != 0) {
        TimedEntry entry;
        entry.ref = before.ref + static_cast<uint64_t>(in.varint());
        entry.t = wrapping_add(first.t, in.varint());
        entry.start_t = read_start(in, first.start_t, before.start_t);
        entry.payload = read_payload(in, record, payload);
        if (in.ok()) {
            out.push_back(entry);
        }
        before = entry;
    }
}

}  // namespace

bool is_timed(uint8_t type) {
    return type == static_cast<uint8_t>(RecordType::kSamples) ||
           type == static_cast<uint8_t>(RecordType::kExemplars) ||
           (type >= static_cast<uint8_t>(RecordType::kHistograms) &&
            type <= static_cast<uint8_t>(RecordType::kFloatHistogramsV2));
}

base::Status decode_timed(base::ByteView record, std::vector<TimedEntry>& out) {
    const uint8_t type = record_type(record);
    base::ByteReader in(record);
    in.skip(1);
    if (in.remaining() != 0 && is_second_form(type)) {
        decode_second_form(in, record, out);
    } else if (in.remaining() != 0) {
        decode_first_form(in, record, out);
    }
    if (!in.ok()) {
        return base::fail(base::Code::kCorrupt, "malformed", record_type_name(type), "record");
    }
    return base::success();
}

TimedEncoder::TimedEncoder(uint8_t type, base::ByteWriter& out)
    : out_(out), second_form_(is_second_form(type)) {
    out_.u8(type);
}

void TimedEncoder::add(const TimedEntry& entry) {
    if (second_form_) {
        add_second_form(entry);
    } else {
        add_first_form(entry);
    }
    out_.bytes(entry.payload);
    if (!begun_) {
        begun_ = true;
        first_ = entry;
    }
    before_ = entry;
}

void TimedEncoder::add_first_form(const TimedEntry& entry) {
    if (!begun_) {
        out_.be64(entry.ref);
        out_.be64i(entry.t);
    }
    const TimedEntry& base = begun_ ? first_ : entry;
    out_.varint(difference(entry.ref, base.ref));
    out_.varint(difference(entry.t, base.t));
}

void TimedEncoder::add_second_form(const TimedEntry& entry) {
    if (!begun_) {
        out_.varint(static_cast<int64_t>(entry.ref));
        out_.varint(entry.t);
        out_.varint(entry.start_t);
        return;
    }
    out_.varint(difference(entry.ref, before_.ref));
    out_.varint(difference(entry.t, first_.t));
    if (entry.start_t == 0) {
        out_.u8(0);
    } else if (entry.start_t == before_.start_t) {
        out_.u8(1);
    } else {
        out_.u8(2);
        out_.varint(difference(entry.start_t, first_.start_t));
    }
}

}  // namespace tsdb::wal
