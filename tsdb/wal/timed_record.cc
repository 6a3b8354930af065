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

}  // namespace

bool is_timed(uint8_t type) {
    return type == static_cast<uint8_t>(RecordType::kSamples) ||
           type == static_cast<uint8_t>(RecordType::kExemplars) ||
           (type >= static_cast<uint8_t>(RecordType::kHistograms) &&
            type <= static_cast<uint8_t>(RecordType::kFloatHistogramsV2));
}

base::Status decode_timed(base::ByteView record, std::vector<TimedEntry>& out) {
    const uint8_t type = record_type(record);
    const Payload payload = payload_of(type);
    base::ByteReader in(record);
    in.skip(1);
    KeyReader keys(in, is_second_form(type));
    while (in.remaining() != 0) {
        TimedEntry entry;
        entry.key = keys.next();
        entry.payload = read_payload(in, record, payload);
        if (in.ok()) {
            out.push_back(entry);
        }
    }
    if (!in.ok()) {
        return base::fail(base::Code::kCorrupt, "malformed", record_type_name(type), "record");
    }
    return base::success();
}

TimedEncoder::TimedEncoder(uint8_t type, base::ByteWriter& out)
    : out_(out), second_form_(is_second_form(type)), first_form_(out) {
    out_.u8(type);
}

void TimedEncoder::add(const TimedEntry& entry) {
    if (second_form_) {
        add_second_form(entry.key);
    } else {
        first_form_.add(entry.key.ref, entry.key.t);
    }
    out_.bytes(entry.payload);
}

void TimedEncoder::add_second_form(const RecordKey& key) {
    if (!begun_) {
        begun_ = true;
        first_ = key;
        out_.varint(static_cast<int64_t>(key.ref));
        out_.varint(key.t);
        out_.varint(key.start_t);
    } else {
        out_.varint(difference(key.ref, before_.ref));
        out_.varint(difference(key.t, first_.t));
        if (key.start_t == 0) {
            out_.u8(0);
        } else if (key.start_t == before_.start_t) {
            out_.u8(1);
        } else {
            out_.u8(2);
            out_.varint(difference(key.start_t, first_.start_t));
        }
    }
    before_ = key;
}

}  // namespace tsdb::wal
