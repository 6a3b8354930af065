// Small files that are read again when they change: certificates, passwords, tokens.
#pragma once

#include <string>

#include "base/result.h"

namespace base::http {

inline constexpr size_t kSmallFileMax = 1024 * 1024;

// errors  kIo: cannot be read; kLimit: larger than kSmallFileMax
[[nodiscard]] Result<std::string> read_small_file(const std::string& path);

// Changes when the file does: inode, size and modification time. "" for an empty path, "absent"
// when there is none.
[[nodiscard]] std::string file_stamp(const std::string& path);

// The text of one file without blanks around it. Not thread-safe.
class WatchedFile {
  public:
    explicit WatchedFile(std::string path) : path_(std::move(path)) {}

    // Reads the file when it changed; `changed` is set then. errors  those of read_small_file()
    [[nodiscard]] Result<std::string> text(bool& changed);

  private:
    std::string path_;
    std::string stamp_ = "never read";
    std::string text_;
};

}  // namespace base::http
