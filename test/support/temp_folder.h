// A folder of its own for a test that needs the real file system; gone with the object.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"

namespace test_support {

class TempFolder {
  public:
    TempFolder() {
        const char* const base = std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe)
        std::string name = std::string(base != nullptr ? base : "/tmp") + "/skein-test-XXXXXX";
        SKEIN_CHECK(mkdtemp(name.data()) != nullptr, "mkdtemp", name);
        path_ = name;
    }

    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

    [[nodiscard]] std::string operator/(const std::string& name) const {
        return path_ + "/" + name;
    }

  private:
    std::string path_;
};

}  // namespace test_support
