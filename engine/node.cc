#include "engine/node.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <latch>

#include "base/async/runtime.h"
#include "base/async/signals.h"
#include "base/async/worker_pool.h"
#include "base/kv_store.h"
#include "base/log.h"
#include "engine/flags.h"
#include "engine/http_metrics.h"
#include "engine/late_storage.h"
#include "engine/limits.h"
#include "engine/maintenance.h"
#include "engine/metadata_store.h"
#include "engine/process_metrics.h"
#include "engine/routes.h"
#include "engine/status_api.h"
#include "engine/version.h"
#include "engine/web_config_file.h"
#include "query/engine.h"
#include "scrape/manager.h"
#include "tsdb/db.h"

namespace engine {
namespace {

constexpr std::chrono::milliseconds kScrapeTick{10};
constexpr std::chrono::seconds kRequestGrace{5};  // for running requests at a stop
constexpr std::chrono::seconds kMetadataFlush{5};
constexpr size_t kPageThreads = 2;

}  // namespace
}  // namespace engine
