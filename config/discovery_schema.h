// Discoveries that are accepted and checked, but not carried out: their keys as a table.
#pragma once

#include <span>
#include <string_view>

#include "config/blocks.h"

namespace config {

// `keys` is a list of words, NAME:TYPE[!][=WORD|WORD]; "!" means required; @http stands for the
// HTTP client's keys. Types: text, secret, int, bool, duration, url, texts, map, filters, tls, any.
struct DiscoverySchema {
    std::string_view mechanism;
    std::string_view keys;
    // What the table cannot say; may be null.
    void (*check)(MapReader& map);
};

[[nodiscard]] std::span<const DiscoverySchema> unbuilt_discoveries();
// Reads one entry by its schema and reports what is wrong with it.
void check_discovery(const DiscoverySchema& schema, const Node& node, Scope& scope);

}  // namespace config
