#include "engine/late_storage.h"

#include "base/check.h"

namespace engine {

std::unique_ptr<model::Appender> LateStorage::appender(model::Origin origin) {
    model::Appendable* const storage = appendable_.load();
    SKEIN_CHECK(storage != nullptr, "appender asked for before the storage is open");
    return storage->appender(origin);
}

base::Result<std::unique_ptr<model::Querier>> LateStorage::querier(int64_t min_t, int64_t max_t) {
    model::Queryable* const storage = queryable_.load();
    if (storage == nullptr) {
        return base::fail(base::Code::kUnavailable, "TSDB not ready");
    }
    return storage->querier(min_t, max_t);
}

std::optional<std::pair<int64_t, int64_t>> LateStorage::time_range() const {
    const model::Queryable* const storage = queryable_.load();
    return storage == nullptr ? std::nullopt : storage->time_range();
}

}  // namespace engine
