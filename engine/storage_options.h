// What the storage is told, out of the flags and of the configuration's storage block.
// source: Prometheus 3.14: the configuration goes before the flags; 15 d when nothing is set
#pragma once

#include <string>

#include "config/config.h"
#include "engine/cli.h"
#include "tsdb/options.h"

namespace engine {

[[nodiscard]] tsdb::TsdbOptions storage_options(const FlagValues& flags,
                                                const config::StorageOptions& config);

// The retention in force: each limit by the configuration where it names it, by its flag
// otherwise; 15 d when there is no limit at all.
[[nodiscard]] tsdb::Retention storage_retention(const FlagValues& flags,
                                                const config::StorageOptions& config);

// Exemplars that are kept: storage.exemplars.max_exemplars with --enable-feature=exemplar-storage,
// none without.
[[nodiscard]] uint64_t storage_exemplars(const FlagValues& flags,
                                         const config::StorageOptions& config);

// "15d", "30d or 512GiB", "80%": as status/runtimeinfo tells it.
[[nodiscard]] std::string retention_text(const tsdb::Retention& retention);

}  // namespace engine
