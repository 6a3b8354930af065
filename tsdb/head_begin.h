// Where the head begins when the blocks do not say it any more, because the newest of them went:
// else a start would show again what was deleted with it, from the write-ahead log.
#pragma once

#include <cstdint>

#include "base/file.h"
#include "base/result.h"

namespace tsdb {

// The file `<data>/skein/head-begin`: a time in milliseconds, as text.
//   threads  one at a time
class HeadBegin {
  public:
    HeadBegin(base::Files& files, const base::Path& data_folder);

    // INT64_MIN when nothing is noted, or what is cannot be read.
    [[nodiscard]] int64_t read() const;
    // On the disk when it returns.
    [[nodiscard]] base::Status note(int64_t t);

  private:
    base::Files& files_;
    const base::Path path_;
};

}  // namespace tsdb
