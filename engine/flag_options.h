// What the flags say, as the options of the rooms that they are for.
#pragma once

#include "base/http/server.h"
#include "config/config.h"
#include "engine/cli.h"
#include "engine/limits.h"
#include "query/engine.h"
#include "scrape/options.h"
#include "storeapi/remote/read_api.h"

namespace engine {

[[nodiscard]] query::Options query_options(const FlagValues& flags,
                                           const ProcessLimits& limits,
                                           const config::Config& config);
[[nodiscard]] scrape::EngineOptions scrape_options(const FlagValues& flags);
// A remote read holds its thread while it works: as many as may run at once.
[[nodiscard]] size_t read_threads(const FlagValues& flags);
[[nodiscard]] storeapi::ReadOptions read_options(const FlagValues& flags);
[[nodiscard]] base::http::ServerOptions web_options(const FlagValues& flags);

}  // namespace engine
