#include "storeapi/node/symbol_numbers.h"

#include "base/bytes.h"
#include "storeapi/node/protocol.h"

namespace storeapi {

size_t packed_size(std::span<const uint32_t> symbols) {
    size_t size = 0;
    for (const uint32_t symbol : symbols) {
        size += base::uvarint_size(symbol);
    }
    return size;
}

void put_packed(WireWriter& out, char field, std::span<const uint32_t> symbols) {
    if (symbols.empty()) {
        return;
    }
    out.byte(field);
    out.varint(packed_size(symbols));
    for (const uint32_t symbol : symbols) {
        out.varint(symbol);
    }
}

bool NumberedSymbols::add(std::string_view text) {
    if (count_ == kNodeSymbolsMax || table_->intern(text) != count_) {
        return false;
    }
    ++count_;
    return true;
}

}  // namespace storeapi
