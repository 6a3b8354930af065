#include "storeapi/node/partial_frames.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "storeapi/field_reader.h"
#include "storeapi/node/fields.h"

namespace storeapi {
namespace {

using base::Code;
using base::fail;
using base::Status;

constexpr size_t kNotesMax = 1'000;    // of an answer; further ones are left out
constexpr size_t kFieldOverhead = 64;  // of a few numbers, or beside a text

template <class... Parts>
auto corrupt(const Parts&... parts) {
    return fail(Code::kCorrupt, "a frame of a partial answer is damaged:", parts...);
}

template <class Number>
Status take_packed(std::string_view list, std::vector<Number>& numbers) {
    if (!read_packed(list, numbers)) {
        return corrupt("a list of numbers has", list.size(), "bytes");
    }
    return base::success();
}

// A packed list of fixed64 or double.
template <class Number>
void put_numbers(WireWriter& out, char field, std::span<const Number> numbers) {
    if (!numbers.empty()) {
        out.need(kFieldOverhead + numbers.size_bytes());
        out.text(field, {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()});
    }
}

size_t bytes_of(const model::PartialRow& row) {
    return sizeof(row) + row.labels.packed().size() + row.present.size() * sizeof(uint64_t) +
           row.values.size() * sizeof(double);
}

size_t bytes_of(const model::Partial& partial) {
    size_t bytes = sizeof(partial) + partial.series.size() * sizeof(uint64_t);
    for (const model::PartialRow& row : partial.rows) {
        bytes += bytes_of(row);
    }
    return bytes;
}

}  // namespace

PartialStream::PartialStream(NodeCall call, model::Partial partial, const FrameSizes& sizes)
    : call_(std::move(call)),
      partial_(std::move(partial)),
      sizes_(sizes),
      reservation_(*call_.budget) {}

base::Result<bool> PartialStream::next(std::string& message) {
    TRY(call_.context->check());
    WireWriter out(message);
    if (!begun_) {
        begun_ = true;
        TRY(account());
        write_head(out);
    }
    TRY(write_rows(out));
    write_series(out);
    out.finish();
    return !message.empty();
}

void PartialStream::write_head(WireWriter& out) const {
    out.need(kFieldOverhead);
    out.number(fields::kPartialRefused, static_cast<uint64_t>(partial_.refused));
    out.number(fields::kPartialWidth, partial_.width);
    out.number(fields::kPartialRead, static_cast<uint64_t>(partial_.samples_read));
    out.number(fields::kPartialQueried, static_cast<uint64_t>(partial_.samples_queried));
    for (size_t i = 0; i < std::min(partial_.warnings.size(), kNodeWarningsMax); ++i) {
        out.need(kFieldOverhead + partial_.warnings[i].size());
        out.text(fields::kPartialWarnings, partial_.warnings[i]);
    }
    for (size_t i = 0; i < std::min(partial_.notes.size(), kNotesMax); ++i) {
        const model::PartialNote& note = partial_.notes[i];
        out.need(kFieldOverhead + note.text.size());
        out.byte(fields::kPartialNotes);
        const size_t at = out.begin_length();
        out.number(fields::kNoteWarning, static_cast<uint64_t>(note.warning));
        out.text(fields::kNoteText, note.text);
        out.number(fields::kNotePlaced, static_cast<uint64_t>(note.placed));
        // A negative int32 has ten bytes in protobuf, as an int64 does.
        out.number(fields::kNoteStart, static_cast<uint64_t>(int64_t{note.start}));
        out.number(fields::kNoteEnd, static_cast<uint64_t>(int64_t{note.end}));
        out.end_length(at);
    }
}

Status PartialStream::write_rows(WireWriter& out) {
    for (; row_ < partial_.rows.size() && out.size() < sizes_.target; ++row_) {
        const model::PartialRow& row = partial_.rows[row_];
        const size_t bytes = bytes_of(row);
        if (bytes > kNodeFrameMax / 2) {
            return fail(Code::kLimit,
                        "one group of a partial answer has",
                        bytes,
                        "bytes, the limit is",
                        kNodeFrameMax / 2,
                        "- ask for fewer steps");
        }
        if (out.size() != 0 && out.size() + bytes > sizes_.max) {
            break;
        }
        write_row(row, out);
    }
    return base::success();
}

void PartialStream::write_row(const model::PartialRow& row, WireWriter& out) {
    numbers_.clear();
    for (const model::LabelView label : row.labels) {
        numbers_.push_back(symbols_.of(label.name, fields::kPartialSymbols, out));
        numbers_.push_back(symbols_.of(label.value, fields::kPartialSymbols, out));
    }
    out.need(kFieldOverhead + packed_size(numbers_));
    out.byte(fields::kPartialRows);
    const size_t at = out.begin_length();
    put_packed(out, fields::kRowLabels, numbers_);
    put_numbers(out, fields::kRowPresent, std::span<const uint64_t>(row.present));
    put_numbers(out, fields::kRowValues, std::span<const double>(row.values));
    out.end_length(at);
}

void PartialStream::write_series(WireWriter& out) {
    if (row_ != partial_.rows.size() || out.size() >= sizes_.target) {
        return;
    }
    const size_t room = (sizes_.target - out.size()) / sizeof(uint64_t) + 1;
    const auto rest = std::span<const uint64_t>(partial_.series).subspan(series_);
    const auto given = rest.first(std::min(room, rest.size()));
    put_numbers(out, fields::kPartialSeries, given);
    series_ += given.size();
}

// The answer as a whole, and the frame on its way.
Status PartialStream::account() {
    return reservation_.grow(static_cast<int64_t>(bytes_of(partial_) + sizes_.max));
}

PartialReader::PartialReader(uint64_t steps, base::Budget* budget)
    : steps_(steps), accounted_(budget != nullptr) {
    if (accounted_) {
        reservation_ = base::Reservation(*budget);
    }
}

Status PartialReader::read(std::string_view frame) {
    if (frame.size() > kNodeFrameMax) {
        return corrupt("it has", frame.size(), "bytes, the limit is", kNodeFrameMax);
    }
    TRY(account(frame.size()));  // what it becomes, but for what is accounted below
    TRY(read_fields(frame));
    begun_ = true;
    return base::success();
}

base::Result<model::Partial> PartialReader::take() {
    if (!begun_) {
        return corrupt("there is none");
    }
    return std::move(partial_);
}

Status PartialReader::account(size_t bytes) {
    return accounted_ ? reservation_.grow(static_cast<int64_t>(bytes)) : Status(base::success());
}

Status PartialReader::read_fields(std::string_view frame) {
    FieldReader field(frame);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kPartialRefused:
                partial_.refused = field.number() != 0;
                break;
            case fields::kPartialWidth:
                if (begun_ || !partial_.rows.empty() || field.number() == 0 ||
                    field.number() > kNodeWidthMax) {
                    return corrupt("it says that groups have width", field.number());
                }
                partial_.width = static_cast<uint32_t>(field.number());
                break;
            case fields::kPartialSymbols:
                if (!symbols_.add(field.bytes())) {
                    return corrupt("a symbol comes twice after", symbols_.count());
                }
                break;
            case fields::kPartialRows: {
                TRY(read_row(field.bytes()));
                break;
            }
            case fields::kPartialSeries: {
                TRY(read_hashes(field.bytes()));
                break;
            }
            case fields::kPartialNotes: {
                TRY(read_note(field.bytes()));
                break;
            }
            case fields::kPartialWarnings:
                if (partial_.warnings.size() < kNodeWarningsMax) {
                    partial_.warnings.emplace_back(field.bytes());
                }
                break;
            case fields::kPartialRead:
                partial_.samples_read = static_cast<int64_t>(field.number());
                break;
            case fields::kPartialQueried:
                partial_.samples_queried = static_cast<int64_t>(field.number());
                break;
            default:  // of a later version
                break;
        }
    }
    return field.ok() ? Status(base::success()) : corrupt("it is no message");
}

Status PartialReader::read_row(std::string_view message) {
    model::PartialRow row;
    FieldReader field(message);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kRowLabels: {
                TRY(read_labels(field.bytes(), row.labels));
                break;
            }
            case fields::kRowPresent: {
                TRY(take_packed(field.bytes(), row.present));
                break;
            }
            case fields::kRowValues: {
                TRY(take_packed(field.bytes(), row.values));
                break;
            }
            default:
                break;
        }
    }
    if (!field.ok()) {
        return corrupt("a group is no message");
    }
    TRY(check_row(row));
    partial_.rows.push_back(std::move(row));
    return base::success();
}

Status PartialReader::read_labels(std::string_view numbers, model::Labels& labels) {
    std::vector<model::LabelView> list;
    size_t bytes = 0;
    base::ByteReader reader(numbers);
    while (reader.remaining() != 0) {
        const uint64_t name = reader.uvarint();
        const uint64_t value = reader.uvarint();
        if (!reader.ok() || !symbols_.has(name) || !symbols_.has(value)) {
            return corrupt("a label of a group has a symbol that was not sent");
        }
        list.push_back({.name = symbols_.text(static_cast<uint32_t>(name)),
                        .value = symbols_.text(static_cast<uint32_t>(value))});
        const model::LabelView& label = list.back();
        if (label.value.empty() || (list.size() > 1 && list[list.size() - 2].name >= label.name)) {
            return corrupt("labels of a group are empty, or not in the order of their names");
        }
        bytes += label.name.size() + label.value.size();
        if (bytes > kNodeTextMax) {
            return corrupt("the labels of a group have more than", kNodeTextMax, "bytes");
        }
    }
    TRY(account(bytes));
    labels = model::Labels::from_sorted(list);
    return base::success();
}

// Bits that are left out at the end are zeros.
Status PartialReader::check_row(model::PartialRow& row) {
    const size_t words = step_words(steps_);
    if (row.present.size() > words) {
        return corrupt("a group has bits for more than", steps_, "steps");
    }
    TRY(account(sizeof(row) + words * sizeof(uint64_t)));
    row.present.resize(words);
    const auto beyond = static_cast<unsigned>(steps_ % 64);
    if (beyond != 0 && row.present.back() >> beyond != 0) {
        return corrupt("a group has bits for more than", steps_, "steps");
    }
    size_t present = 0;
    for (const uint64_t word : row.present) {
        present += static_cast<size_t>(std::popcount(word));
    }
    if (row.values.size() != present * partial_.width) {
        return corrupt("a group has",
                       row.values.size(),
                       "numbers for",
                       present,
                       "steps of width",
                       partial_.width);
    }
    return base::success();
}

Status PartialReader::read_hashes(std::string_view list) {
    const size_t before = partial_.series.size();
    TRY(take_packed(list, partial_.series));
    const auto from = partial_.series.begin() + static_cast<std::ptrdiff_t>(before - (before != 0));
    if (std::adjacent_find(from, partial_.series.end(), std::greater_equal<>()) !=
        partial_.series.end()) {
        return corrupt("the hashes of series do not ascend");
    }
    return base::success();
}

Status PartialReader::read_note(std::string_view message) {
    model::PartialNote note{.placed = false};
    FieldReader field(message);
    while (field.next()) {
        switch (field.tag()) {
            case fields::kNoteWarning:
                note.warning = field.number() != 0;
                break;
            case fields::kNoteText:
                note.text = std::string(field.bytes());
                break;
            case fields::kNotePlaced:
                note.placed = field.number() != 0;
                break;
            case fields::kNoteStart:
                note.start = static_cast<int32_t>(field.number());
                break;
            case fields::kNoteEnd:
                note.end = static_cast<int32_t>(field.number());
                break;
            default:
                break;
        }
    }
    if (!field.ok()) {
        return corrupt("a note is no message");
    }
    if (partial_.notes.size() < kNotesMax) {
        partial_.notes.push_back(std::move(note));
    }
    return base::success();
}

}  // namespace storeapi
