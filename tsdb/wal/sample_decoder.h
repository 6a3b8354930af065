// Taking records of float samples apart: the innermost loop of a replay, so that it looks at the
// record's end once per sample and keeps everything in registers.
// source: docs/formats/wal.md
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include "base/byte_view.h"
#include "base/bytes.h"
#include "base/result.h"
#include "tsdb/wal/record.h"

namespace tsdb::wal {

// A varint and where what follows it begins; nowhere when it has more than 64 bits.
struct ReadUvarint {
    const uint8_t* next;
    uint64_t value;
};

// Reads up to base::kUvarintMax bytes, which must be there.
[[nodiscard]] ReadUvarint read_long_uvarint(const uint8_t* at);

[[nodiscard, gnu::always_inline]] inline ReadUvarint read_uvarint(const uint8_t* at) {
    if (at[0] < 0x80) [[likely]] {
        return {.next = at + 1, .value = at[0]};
    }
    if (at[1] < 0x80) [[likely]] {
        return {.next = at + 2, .value = uint64_t{at[1]} << 7 | (at[0] & 0x7fU)};
    }
    return read_long_uvarint(at);
}

// A record's samples in the first form: references and times relative to the first ones.
class FirstFormSamples {
  public:
    static constexpr size_t kHeaderBytesMax = 16;

    // Reads what stands in front of the samples; null: nothing does.
    [[nodiscard]] const uint8_t* begin(const uint8_t* at, const uint8_t* end) {
        if (end - at < static_cast<ptrdiff_t>(kHeaderBytesMax)) {
            return nullptr;
        }
        ref_ = base::load_be<uint64_t>(at);
        t_ = base::load_be<uint64_t>(at + 8);
        return at + kHeaderBytesMax;
    }

    // Reads the next sample, of kSampleBytesMax at most. returns  where it ends; null: malformed
    [[nodiscard, gnu::always_inline]] const uint8_t* next(const uint8_t* at, SampleEntry& out) {
        const ReadUvarint ref = read_uvarint(at);
        if (ref.next == nullptr) [[unlikely]] {
            return nullptr;
        }
        const ReadUvarint t = read_uvarint(ref.next);
        if (t.next == nullptr) [[unlikely]] {
            return nullptr;
        }
        out.ref = ref_ + static_cast<uint64_t>(base::unzigzag(ref.value));
        out.t = static_cast<int64_t>(t_ + static_cast<uint64_t>(base::unzigzag(t.value)));
        out.bits = base::load_be<uint64_t>(t.next);
        return t.next + sizeof(uint64_t);
    }

  private:
    uint64_t ref_ = 0;  // unsigned, as are the times: what is far apart wraps
    uint64_t t_ = 0;
};

// In the second form: references relative to the one before, with start timestamps.
class SecondFormSamples {
  public:
    [[nodiscard]] const uint8_t* begin(const uint8_t* at, const uint8_t* /*end*/) { return at; }

    [[nodiscard, gnu::always_inline]] const uint8_t* next(const uint8_t* at, SampleEntry& out) {
        const ReadUvarint ref = read_uvarint(at);
        if (ref.next == nullptr) [[unlikely]] {
            return nullptr;
        }
        const ReadUvarint t = read_uvarint(ref.next);
        if (t.next == nullptr) [[unlikely]] {
            return nullptr;
        }
        at = begun_ ? next_start(t.next) : first_start(t);
        if (at == nullptr) [[unlikely]] {
            return nullptr;
        }
        begun_ = true;
        ref_ += static_cast<uint64_t>(base::unzigzag(ref.value));
        out.ref = ref_;
        out.t = static_cast<int64_t>(t_ + static_cast<uint64_t>(base::unzigzag(t.value)));
        out.start_t = static_cast<int64_t>(start_);
        out.bits = base::load_be<uint64_t>(at);
        return at + sizeof(uint64_t);
    }

  private:
    // Of the first sample, which the times of the others are relative to.
    const uint8_t* first_start(const ReadUvarint& t) {
        const ReadUvarint start = read_uvarint(t.next);
        t_first_ = static_cast<uint64_t>(base::unzigzag(t.value));
        start_first_ = static_cast<uint64_t>(base::unzigzag(start.value));
        start_ = start_first_;
        return start.next;
    }

    // None, that of the sample before, or relative to the first sample's.
    const uint8_t* next_start(const uint8_t* at) {
        t_ = t_first_;
        switch (*at) {
            case 0:
                start_ = 0;
                return at + 1;
            case 1:
                return at + 1;
            case 2: {
                const ReadUvarint start = read_uvarint(at + 1);
                start_ = start_first_ + static_cast<uint64_t>(base::unzigzag(start.value));
                return start.next;
            }
            default:
                return nullptr;
        }
    }

    bool begun_ = false;
    uint64_t ref_ = 0;
    uint64_t t_ = 0;  // what the next sample's time is relative to
    uint64_t t_first_ = 0;
    uint64_t start_ = 0;
    uint64_t start_first_ = 0;
};

// No sample of either form is longer than a reference, a time, a start and a value.
inline constexpr size_t kSampleBytesMax = 3 * base::kUvarintMax + 1 + sizeof(uint64_t);

// returns  false: malformed from some byte on
template <class Samples, class Take>
[[nodiscard]] bool each_sample_of(base::ByteView bytes, const Take& take) {
    Samples samples;
    const uint8_t* at = bytes.begin();
    const uint8_t* end = bytes.end();
    if (at == end) {
        return true;
    }
    at = samples.begin(at, end);
    if (at == nullptr) {
        return false;
    }
    SampleEntry entry;
    while (static_cast<size_t>(end - at) >= kSampleBytesMax) {
        at = samples.next(at, entry);
        if (at == nullptr) [[unlikely]] {
            return false;
        }
        take(std::as_const(entry));
    }
    // The last ones are read where zeros follow them.
    std::array<uint8_t, 2 * kSampleBytesMax> tail{};
    const auto rest = static_cast<size_t>(end - at);
    std::memcpy(tail.data(), at, rest);
    at = tail.data();
    end = at + rest;
    while (at != end) {
        at = samples.next(at, entry);
        if (at == nullptr || at > end) {
            return false;
        }
        take(std::as_const(entry));
    }
    return true;
}

// good     as each_sample_of() says
[[nodiscard]] base::Status samples_outcome(bool good, base::ByteView record);

// Hands over the record's samples in their order, as const SampleEntry&.
//   record   kSamples or kSamplesV2
//   errors   kCorrupt: it makes no sense from some byte on; what stands before was handed over
template <class Take>
[[nodiscard]] base::Status each_sample(base::ByteView record, const Take& take) {
    const base::ByteView samples = record.part(1);
    const bool second_form = record_type(record) == static_cast<uint8_t>(RecordType::kSamplesV2);
    return samples_outcome(second_form ? each_sample_of<SecondFormSamples>(samples, take)
                                       : each_sample_of<FirstFormSamples>(samples, take),
                           record);
}

}  // namespace tsdb::wal
