// Mapped files that lose bytes while they are mapped: reading beyond the end of a file that was cut
// short, or a page the disk cannot give, raises SIGBUS, which would end the process. Instead the
// page reads as zeros, and the region is marked as damaged: checksums find the rest.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace base {

// A region of memory that is mapped from a file, known to the guard while this lives.
//   threads   any. The handler takes no lock and no memory.
//   lifetime  destroyed before the region is unmapped
class GuardedRegion {
  public:
    // Regions at once; more are mapped without a guard.
    static constexpr size_t kRegionsMax = size_t{1} << 16;

    // The first one installs the handler, for the whole process: a SIGBUS elsewhere goes to
    // whatever handled it before.
    GuardedRegion(const void* data, size_t size);
    ~GuardedRegion();
    GuardedRegion(const GuardedRegion&) = delete;
    GuardedRegion& operator=(const GuardedRegion&) = delete;

    // Pages of it were lost since it was mapped, and read as zeros now.
    [[nodiscard]] bool damaged() const;

  private:
    size_t place_;
};

// Pages that were replaced by zeros since the process began.
[[nodiscard]] uint64_t mapped_pages_lost();

}  // namespace base
