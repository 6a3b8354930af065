#include "base/mapped_guard.h"

#include <algorithm>
#include <string>

#include <catch2/catch.hpp>

#include "base/file.h"
#include "test/support/temp_folder.h"

TEST_CASE("a file cut short under its mapping reads as zeros and ends nobody", "[base][mapped]") {
    const test_support::TempFolder folder;
    const auto files = base::make_posix_files();
    const base::Path path = base::join_path(folder.path(), "mapped");
    constexpr size_t kBytes = 64 << 10;
    {
        const auto file = files->create(path);
        REQUIRE(file);
        REQUIRE(file.value()->append(std::string(kBytes, 'x')));
    }
    const auto mapped = files->map(path);
    REQUIRE(mapped);
    const auto other = files->map(path);
    REQUIRE(other);
    const uint64_t before = base::mapped_pages_lost();
    const base::ByteView bytes = mapped.value()->bytes();
    CHECK(bytes[kBytes - 1] == 'x');
    REQUIRE(files->truncate(path, 4096));
    CHECK(std::count(bytes.data(), bytes.data() + kBytes, 'x') == 4096);
    CHECK(std::count(bytes.data(), bytes.data() + kBytes, '\0') == kBytes - 4096);
    CHECK(base::mapped_pages_lost() > before);
    const uint64_t first = base::mapped_pages_lost();
    CHECK(other.value()->bytes()[kBytes - 1] == 0);
    CHECK(base::mapped_pages_lost() == first + 1);
}
