// Any bytes as what a log or a leader holds of the table: the first byte says what they are.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/check.h"
#include "base/checksum.h"
#include "shard/assignment/edits.h"
#include "shard/assignment/table.h"

namespace {

// What can be read can be written, and read again as the same.
void read_edit(std::string_view bytes) {
    const auto edit = shard::decode_edit(bytes);
    if (edit.has_value()) {
        const std::string written = shard::encode(edit.value());
        const auto again = shard::decode_edit(written);
        SKEIN_CHECK(again.has_value());
        SKEIN_CHECK(shard::encode(again.value()) == written);
    }
    base::ignore(shard::decode_answer(bytes), "any outcome will do");
}

void read_snapshot(std::string bytes, bool sealed) {
    if (sealed) {
        const uint32_t checksum = base::crc32c(base::ByteView(bytes));
        base::ByteWriter(bytes).be32(checksum);
    }
    shard::Table table;
    if (!table.restore(bytes).has_value()) {
        SKEIN_CHECK(table.snapshot() == shard::Table().snapshot());
        return;
    }
    shard::Table again;
    SKEIN_CHECK(again.restore(table.snapshot()).has_value());
    SKEIN_CHECK(again.fingerprint() == table.fingerprint());
}

// Edits, each with its length in two bytes. A plan is for the epoch that the table has.
void apply_edits(std::string_view bytes) {
    base::ByteReader reader{base::ByteView(bytes)};
    shard::Table table;
    while (reader.remaining() != 0) {
        const size_t length = reader.be16();
        const std::string_view text =
            reader.bytes(length < reader.remaining() ? length : reader.remaining()).text();
        auto edit = shard::decode_edit(text);
        if (!edit.has_value()) {
            continue;
        }
        if (auto* const plan = std::get_if<shard::EditPlan>(&edit.value())) {
            plan->expected = table.epoch();
        }
        const uint64_t before = table.fingerprint();
        const shard::EditAnswer answer = table.apply(shard::encode(edit.value()));
        SKEIN_CHECK(answer.applied || table.fingerprint() == before);
    }
    shard::Table again;
    SKEIN_CHECK(again.restore(table.snapshot()).has_value());
    SKEIN_CHECK(again.fingerprint() == table.fingerprint());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    switch (data[0] % 4) {
        case 0:
            read_edit(bytes);
            break;
        case 1:
            read_snapshot(std::string(bytes), false);
            break;
        case 2:
            read_snapshot(std::string(bytes), true);
            break;
        default:
            apply_edits(bytes);
    }
    return 0;
}
