// A file that is there while the storage runs, so that the next start knows how the last run ended.
// source: docs/durability.md
#pragma once

#include <cstdint>

#include "base/file.h"
#include "base/result.h"

namespace tsdb {

//   threads  one at a time
class RunMarker {
  public:
    // So many starts in a row after runs that did not end cleanly make the next one careful.
    static constexpr uint32_t kUncleanStartsMax = 3;

    RunMarker(base::Files& files, const base::Path& data_folder);

    // Looks for the last run's marker and puts this one's in its place.
    //   errors  kIo, kNoSpace, kPermission: how the last run ended is known, how this one will is
    //   not
    [[nodiscard]] base::Status begin();

    // Starts in a row after runs without end(): killed, crashed or cut off from their power. This
    // one is among them. 0 once it runs well.
    [[nodiscard]] uint32_t unclean_starts() const { return unclean_starts_; }

    // It runs well: whatever ends it begins a new row.
    [[nodiscard]] base::Status settle();

    // The run ended cleanly. Again, or without begin(): nothing.
    [[nodiscard]] base::Status end();

  private:
    [[nodiscard]] base::Status write(uint32_t unclean_starts);

    base::Files& files_;
    const base::Path path_;
    uint32_t unclean_starts_ = 0;
    bool there_ = false;
};

}  // namespace tsdb
