#include "tsdb/disk_watch.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"

namespace tsdb {
namespace {

constexpr size_t kReservePieceBytes = size_t{64} << 10;
constexpr uint64_t kReserveSeed = 1;  // any: bytes that no file system makes smaller

}  // namespace

DiskWatch::DiskWatch(Options options,
                     base::Files& files,
                     const base::Clock& clock,
                     DiskState& disk,
                     base::Logger log)
    : options_(std::move(options)),
      reserve_path_(base::join_path(base::join_path(options_.data_folder, "skein"), "reserve")),
      files_(files),
      clock_(clock),
      disk_(disk),
      log_(std::move(log)) {}

DiskWatch::~DiskWatch() {
    stop();
}

// The space to go on with is more than the reserve that was freed and what is the least together,
// or the storage would go to and fro.
bool DiskWatch::check() {
    const auto space = files_.space(options_.data_folder);
    if (!space) {
        return true;  // whoever writes will see
    }
    const uint64_t share = space.value().capacity / kShareOfDisk;
    const uint64_t least = std::min(options_.free_bytes_min, share);
    const uint64_t reserve = std::min(options_.reserve_bytes, share);
    const uint64_t available = space.value().available;
    if (available < least) {
        free_reserve();
        disk_.enter(ReadonlyReason::kNoSpace,
                    base::Error(base::Code::kNoSpace,
                                std::to_string(available) + " bytes are free, at least " +
                                    std::to_string(least) + " should be: free some space in " +
                                    options_.data_folder));
        return false;
    }
    const bool room = available >= least + 2 * reserve;
    if (!disk_.has(ReadonlyReason::kNoSpace)) {
        if (room && !disk_.readonly()) {
            static_cast<void>(have_reserve(reserve));  // or with the next look
        }
        return true;
    }
    if (!room || clock_.steady() < probe_again_) {
        return false;
    }
    if (have_reserve(reserve)) {
        return true;
    }
    probe_again_ = clock_.steady() + kProbeInterval;
    return false;
}

bool DiskWatch::have_reserve(uint64_t bytes) {
    if (bytes == 0) {
        return true;
    }
    const auto info = files_.stat(reserve_path_);
    if (info && info.value().size == bytes) {
        return true;
    }
    const auto write = [&]() -> base::Status {
        TRY(files_.make_folders(base::parent_path(reserve_path_)));
        TRY(const auto file, files_.create(reserve_path_));
        base::SeededRandom random(kReserveSeed);
        std::string piece(kReservePieceBytes, '\0');
        for (uint64_t left = bytes; left != 0; left -= piece.size()) {
            piece.resize(static_cast<size_t>(std::min<uint64_t>(left, piece.size())));
            for (size_t at = 0; at < piece.size(); at += sizeof(uint64_t)) {
                const uint64_t bits = random.u64();
                std::memcpy(piece.data() + at, &bits, std::min(sizeof bits, piece.size() - at));
            }
            TRY(file->append(piece));
        }
        TRY(file->sync());
        return file->close();
    };
    if (const base::Status written = write(); !written) {
        free_reserve();
        return false;
    }
    return true;
}

void DiskWatch::free_reserve() {
    const base::Status removed = files_.remove(reserve_path_);
    if (!removed && removed.error().code() != base::Code::kNotFound) {
        log_.warn("space held in reserve not freed", "error", removed.error());
    }
}

void DiskWatch::start(std::function<void()> retry) {
    retry_ = std::move(retry);
    thread_ = std::thread([this] { run(); });
}

void DiskWatch::stop() {
    {
        const base::MutexLock lock(mutex_);
        stopping_ = true;
        wake_.notify_all();
    }
    if (thread_.joinable()) {
        thread_.join();
    }
}

void DiskWatch::run() {
    while (true) {
        {
            const base::MutexLock lock(mutex_);
            const auto until = std::chrono::steady_clock::now() + kInterval;
            while (!stopping_ && std::chrono::steady_clock::now() < until) {
                wake_.wait_until(mutex_, until);
            }
            if (stopping_) {
                return;
            }
        }
        if (check()) {
            retry_();
        }
    }
}

}  // namespace tsdb
