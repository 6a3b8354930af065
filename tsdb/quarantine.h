// Where bad files go: `<data folder>/quarantine/<name>.<reason>`, out of the way of everything that
// reads the data folder, for a person to look at. Nothing in there is ever deleted or read again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace tsdb {

inline constexpr std::string_view kQuarantineFolder = "quarantine";
// Characters of a reason within a file's name.
inline constexpr size_t kQuarantineReasonMax = 80;
// Things of one name and one reason.
inline constexpr unsigned kQuarantineSameNameMax = 1000;

// Moves `<data folder>/<name>`, a file or a folder, into quarantine, and sees to it that a power
// cut does not bring it back.
//   name     relative; of "wal/00000007" the last part is kept
//   reason   any text; in the new name only a-z, 0-9 and single dashes are left of it, without the
//            folder in front of files that it names. What is there already is never replaced: a
//            number follows then ("….corrupt-2").
//   returns  where it lies now
//   errors   kNotFound, kPermission, kNoSpace, kIo: it is still where it was. (A crash or an error
//            at the very end may leave the move to the file system's own care.)
[[nodiscard]] base::Result<base::Path> quarantine(base::Files& files,
                                                  const base::Path& data_folder,
                                                  std::string_view name,
                                                  std::string_view reason);

struct Quarantined {
    std::string name;    // what it was called
    std::string reason;  // as in the file's name
    base::Path path;

    bool operator==(const Quarantined&) const = default;
};

// What lies in quarantine, by name; nothing when there is no such folder.
[[nodiscard]] base::Result<std::vector<Quarantined>> list_quarantine(base::Files& files,
                                                                     const base::Path& data_folder);

}  // namespace tsdb
