// What a storage should hold, kept the plain way, and what a database answers, in the same words.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/budget.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/random.h"
#include "model/chunk_codec.h"
#include "model/labels.h"
#include "model/storage.h"
#include "tsdb/db.h"

namespace tsdb_test {

// One series' samples: a text that tells everything of the value, by time.
using Line = std::map<int64_t, std::string>;
// By the series' text.
using Answers = std::map<std::string, Line>;

// A float by its bits, a histogram by its buckets that are not empty, a stale marker as "stale"
// whatever its kind.
[[nodiscard]] std::string value_text(const model::TypedSample& sample);

// Everything the database answers for [min_t, max_t].
//   errors  those of the query; kInternal: the answer itself is wrong (order, times, doubles)
[[nodiscard]] base::Result<Answers> ask(model::Querier& querier, int64_t min_t, int64_t max_t);
[[nodiscard]] base::Result<Answers> ask(tsdb::Db& db, int64_t min_t, int64_t max_t);
[[nodiscard]] base::Result<Answers> ask(tsdb::Db& db);

// The samples within [min_t, max_t]; series without any are left out.
[[nodiscard]] Answers between(const Answers& all, int64_t min_t, int64_t max_t);

// The first few differences, for people; empty when there is none.
[[nodiscard]] std::string differences(const Answers& got, const Answers& want);
// The first sample that `got` has and `want` has not, or has otherwise.
[[nodiscard]] std::string surplus(const Answers& got, const Answers& want);

// A database with its surroundings, as one process has them.
class Process {
  public:
    Process(base::Files& files, const tsdb::TsdbOptions& options);

    // errors  of opening
    [[nodiscard]] base::Status start();

    [[nodiscard]] tsdb::Db& db() { return *db_; }

    [[nodiscard]] bool running() const { return db_ != nullptr; }

    // Closes and destroys it.  returns  bytes that nobody gave back
    int64_t end();

  private:
    base::Files& files_;
    const tsdb::TsdbOptions options_;
    base::SystemClock clock_;
    base::Budget budget_{"process"};
    base::Registry registry_;
    std::unique_ptr<tsdb::Db> db_;
};

// Samples on their way, and what becomes of them.
struct Staged {
    model::Labels labels;
    model::TypedSample sample;
};

// Commits the samples together; what was accepted is put into `into`, what the storage could not
// tell into `maybe`.
//   returns  whether everything was accepted
//   errors   of the commit
[[nodiscard]] base::Result<bool> commit(tsdb::Db& db,
                                        const std::vector<Staged>& samples,
                                        Answers& into,
                                        Answers& maybe);

}  // namespace tsdb_test
