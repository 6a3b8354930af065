// The storage before it is there: HTTP is served from the first moment, while the log is still
// being replayed.
#pragma once

#include <atomic>

#include "model/storage.h"

namespace engine {

// Hands everything to the storage once it is set; says kUnavailable before. Threads: any.
class LateStorage final : public model::Appendable, public model::Queryable {
  public:
    // Both borrowed; set once, and gone only after everybody who uses this.
    void set(model::Appendable& appendable, model::Queryable& queryable) {
        appendable_.store(&appendable);
        queryable_.store(&queryable);
    }

    // CHECKed: the storage is there. Scraping starts after the replay.
    [[nodiscard]] std::unique_ptr<model::Appender> appender(model::Origin origin) override;
    [[nodiscard]] base::Result<std::unique_ptr<model::Querier>> querier(int64_t min_t,
                                                                        int64_t max_t) override;
    [[nodiscard]] std::optional<std::pair<int64_t, int64_t>> time_range() const override;

  private:
    std::atomic<model::Appendable*> appendable_{nullptr};
    std::atomic<model::Queryable*> queryable_{nullptr};
};

}  // namespace engine
