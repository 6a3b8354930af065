// The answer to Series, one message at a time.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/budget.h"
#include "base/rpc/server.h"
#include "model/storage.h"
#include "storeapi/final_labels.h"
#include "storeapi/frame_writer.h"
#include "storeapi/options.h"
#include "storeapi/ordered_series.h"
#include "storeapi/series_chunks.h"
#include "storeapi/shard.h"

namespace storeapi {

// What a Series request asks for beside its matchers and times.
struct SeriesWish {
    bool skip_chunks = false;
    bool batch = false;
    uint64_t limit = 0;  // series; 0: none
    Shard shard;
};

// Pulls the storage as messages are asked for: between two of them it holds the batches of the
// storage that it stands in, and no lock.
class SeriesStream final : public base::rpc::MessageStream {
  public:
    // What it holds while it is read.
    struct Source {
        std::unique_ptr<base::Budget> budget;
        std::unique_ptr<model::QueryContext> context;
        std::unique_ptr<model::Querier> querier;
        std::unique_ptr<FinalLabels> labels;
    };

    // set  of the source's querier, as OrderedSeries wants it
    SeriesStream(Source source,
                 std::unique_ptr<model::SeriesSet> set,
                 SeriesWish wish,
                 const Options& options);

    // errors  kLimit naming --store.limits.request-series or -samples; those of the storage
    [[nodiscard]] base::Result<bool> next(std::string& message) override;

  private:
    // The series being written.
    struct Current {
        SeriesGroup group;
        std::string_view labels;                   // encoded
        std::span<const model::ChunkView> chunks;  // not yet written
    };

    // Goes on to the next series that is wanted; false: there are none.
    [[nodiscard]] base::Result<bool> advance();
    [[nodiscard]] base::Result<bool> take_wanted();
    [[nodiscard]] base::Status count();
    // Writes as much of the current series as fits; whether that was all.
    [[nodiscard]] bool write(FrameWriter& frame);
    [[nodiscard]] bool next_warning(std::string& message);

    const Source source_;
    SeriesWish wish_;
    const Options options_;
    OrderedSeries series_;
    SeriesChunks chunks_;
    Current current_;
    bool has_current_ = false;
    bool ended_ = false;
    uint64_t given_ = 0;
    uint64_t samples_ = 0;
    std::vector<std::string> warnings_;  // still to be sent, the first one last
};

}  // namespace storeapi
