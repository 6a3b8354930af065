#include "base/kv_record.h"

#include "base/bytes.h"
#include "base/checksum.h"

namespace base {
namespace {

constexpr size_t kChecksumBytes = sizeof(uint32_t);

uint32_t checksum(std::string_view key, std::string_view payload) {
    return crc32c(payload, crc32c(key));
}

}  // namespace

std::string kv_record(std::string_view key, std::string_view payload) {
    std::string value;
    value.reserve(kChecksumBytes + payload.size());
    value.resize(kChecksumBytes);
    store_be(reinterpret_cast<uint8_t*>(value.data()), checksum(key, payload));
    value.append(payload);
    return value;
}

Result<std::string_view> kv_payload(std::string_view key, std::string_view value) {
    ByteReader reader(value);
    const uint32_t sum = reader.be32();
    const std::string_view payload = reader.rest().text();
    if (!reader.ok()) {
        return fail(Code::kCorrupt, "a record of", value.size(), "bytes, without its checksum");
    }
    if (sum != checksum(key, payload)) {
        return fail(Code::kCorrupt, "a record whose checksum does not match");
    }
    return payload;
}

}  // namespace base
