#include "base/mapped_guard.h"

#include <cerrno>
#include <csignal>
#include <memory>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sync.h"

namespace base {
namespace {

constexpr size_t kNoPlace = SIZE_MAX;

// Read by the handler, so everything is atomic. `begin` is written last and cleared first.
struct Region {
    std::atomic<uintptr_t> begin{0};  // 0: free
    std::atomic<uintptr_t> end{0};
    std::atomic<bool> damaged{false};
};

static_assert(std::atomic<uintptr_t>::is_always_lock_free);

std::atomic<uint64_t> pages_lost{0};

class Guard {
  public:
    // Never destroyed: the handler stays.
    static Guard& the() {
        static Guard* const guard = new Guard;
        return *guard;
    }

    size_t add(uintptr_t begin, size_t size) {
        const MutexLock lock(mutex_);
        size_t place = kNoPlace;
        if (!free_.empty()) {
            place = free_.back();
            free_.pop_back();
        } else if (used_.load(std::memory_order_relaxed) < GuardedRegion::kRegionsMax) {
            place = used_.fetch_add(1, std::memory_order_release);
        } else {
            return kNoPlace;
        }
        Region& region = regions_[place];
        region.damaged.store(false, std::memory_order_relaxed);
        region.end.store(begin + size, std::memory_order_relaxed);
        region.begin.store(begin, std::memory_order_release);
        return place;
    }

    void remove(size_t place) {
        const MutexLock lock(mutex_);
        regions_[place].begin.store(0, std::memory_order_release);
        free_.push_back(place);
    }

    [[nodiscard]] bool damaged(size_t place) const {
        return regions_[place].damaged.load(std::memory_order_acquire);
    }

  private:
    Guard()
        : page_bytes_(static_cast<size_t>(::sysconf(_SC_PAGESIZE))),
          regions_(std::make_unique<Region[]>(GuardedRegion::kRegionsMax)) {
        instance = this;
        struct sigaction action{};
        action.sa_sigaction = &Guard::handle;
        action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
        ::sigemptyset(&action.sa_mask);
        SKEIN_CHECK(::sigaction(SIGBUS, &action, &before_) == 0, "install the handler of SIGBUS");
    }

    static void handle(int signal, siginfo_t* info, void* context) {
        const int saved = errno;
        if (!instance->patch(reinterpret_cast<uintptr_t>(info->si_addr))) {
            instance->pass_on(signal, info, context);
        }
        errno = saved;
    }

    // Only what a handler may call.
    bool patch(uintptr_t address) {
        if (address == 0) {
            return false;
        }
        const size_t used = used_.load(std::memory_order_acquire);
        for (size_t i = 0; i < used; ++i) {
            Region& region = regions_[i];
            const uintptr_t begin = region.begin.load(std::memory_order_acquire);
            if (begin == 0 || address < begin ||
                address >= region.end.load(std::memory_order_relaxed)) {
                continue;
            }
            void* const page = reinterpret_cast<void*>(address - address % page_bytes_);
            const void* const mapped = ::mmap(
                page, page_bytes_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
            if (mapped == MAP_FAILED) {
                return false;
            }
            region.damaged.store(true, std::memory_order_release);
            pages_lost.fetch_add(1, std::memory_order_relaxed);
            return true;
        }
        return false;
    }

    void pass_on(int signal, siginfo_t* info, void* context) const {
        if ((before_.sa_flags & SA_SIGINFO) != 0 && before_.sa_sigaction != nullptr) {
            before_.sa_sigaction(signal, info, context);
        } else if (before_.sa_handler != SIG_DFL && before_.sa_handler != SIG_IGN) {
            before_.sa_handler(signal);
        } else {
            // The instruction is run again, and ends the process as it would have.
            struct sigaction action{};
            action.sa_handler = SIG_DFL;
            ::sigaction(signal, &action, nullptr);
        }
    }

    static inline Guard* instance = nullptr;  // for the handler

    const size_t page_bytes_;
    const std::unique_ptr<Region[]> regions_;
    std::atomic<size_t> used_{0};  // places that were ever given
    struct sigaction before_{};
    Mutex mutex_;
    std::vector<size_t> free_ GUARDED_BY(mutex_);
};

}  // namespace

GuardedRegion::GuardedRegion(const void* data, size_t size)
    : place_(size == 0 ? kNoPlace : Guard::the().add(reinterpret_cast<uintptr_t>(data), size)) {}

GuardedRegion::~GuardedRegion() {
    if (place_ != kNoPlace) {
        Guard::the().remove(place_);
    }
}

bool GuardedRegion::damaged() const {
    return place_ != kNoPlace && Guard::the().damaged(place_);
}

uint64_t mapped_pages_lost() {
    return pages_lost.load(std::memory_order_relaxed);
}

}  // namespace base
