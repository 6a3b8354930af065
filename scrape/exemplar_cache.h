// Which exemplar of a series was staged last: a page shows it until there is a newer one.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "model/storage.h"
#include "scrape/parse/line_hash.h"
#include "scrape/parse/parser.h"

namespace scrape {

// Keeps a hash per series that has exemplars; targets without exemplars pay nothing.
//   threads  one
class ExemplarCache {
  public:
    static constexpr size_t kSlack = 64;  // entries beyond one per line before all are forgotten

    // Takes note of the exemplar, and tells whether it is another one than before. Without a time
    // of its own an exemplar is the same for as long as labels and value are.
    [[nodiscard]] bool is_new(model::SeriesHandle series,
                              const ExemplarLine& exemplar,
                              const LineKey& key);

    // Everything is new again: what was staged may not have been stored.
    void clear() { last_.clear(); }

    // Between two scrapes.
    //   lines  of the target's page: what may be kept
    void settle(size_t lines) {
        if (last_.size() > lines + kSlack) {
            clear();
        }
    }

  private:
    std::unordered_map<uint64_t, uint64_t> last_;  // by handle
};

}  // namespace scrape
