#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mapped_guard.h"

namespace base {

namespace {

constexpr mode_t kFileMode = 0666;             // the umask takes away what the user does not want
constexpr mode_t kFolderMode = 0777;           // the same
constexpr size_t kWriteMax = size_t{1} << 30;  // Linux writes no more than 2 GiB at once

Code code_of(int number) {
    switch (number) {
        case ENOENT:
        case ENOTDIR:
            return Code::kNotFound;
        case EACCES:
        case EPERM:
        case EROFS:
            return Code::kPermission;
        case ENOSPC:
        case EDQUOT:
            return Code::kNoSpace;
        case EEXIST:
        case EINVAL:
        case ENAMETOOLONG:
        case ELOOP:
        case EISDIR:
            return Code::kInvalid;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
            return Code::kUnavailable;
        default:
            return Code::kIo;
    }
}

// "open wal/00000001: No space left on device"
auto fail_errno(std::string_view what, const Path& path, int number = errno) {
    std::array<char, 128> buffer{};
    const char* const reason = ::strerror_r(number, buffer.data(), buffer.size());
    return fail(code_of(number), std::string(what) + " " + path + ": " + reason);
}

// Calls again while a signal interrupts.
template <class Call>
auto retry(Call&& call) {
    auto outcome = call();
    while (outcome < 0 && errno == EINTR) {
        outcome = call();
    }
    return outcome;
}

// Owns a file descriptor.
class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}

    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }

    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}

    Descriptor& operator=(Descriptor&&) = delete;

    [[nodiscard]] int number() const { return number_; }

    // Not repeated after EINTR: Linux has closed it then all the same.
    int close() { return ::close(std::exchange(number_, -1)); }

  private:
    int number_;
};

Result<Descriptor> open_file(const Path& path, int flags) {
    const int number = retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, kFileMode); });
    if (number < 0) {
        return fail_errno("open", path);
    }
    return Descriptor(number);
}

Result<uint64_t> size_of(const Descriptor& descriptor, const Path& path) {
    struct stat info{};
    if (::fstat(descriptor.number(), &info) != 0) {
        return fail_errno("stat", path);
    }
    return static_cast<uint64_t>(info.st_size);
}

class PosixWriteFile final : public WriteFile {
  public:
    PosixWriteFile(Path path, Descriptor descriptor, uint64_t size)
        : path_(std::move(path)), descriptor_(std::move(descriptor)), size_(size) {}

    Status append(ByteView bytes) override { return write_at(size_, bytes); }

    Status write_at(uint64_t offset, ByteView bytes) override {
        while (!bytes.empty()) {
            const ByteView piece = bytes.part(0, kWriteMax);
            const ssize_t written = retry([&] {
                return ::pwrite(
                    descriptor_.number(), piece.data(), piece.size(), static_cast<off_t>(offset));
            });
            if (written <= 0) {
                return fail_errno("write", path_, written < 0 ? errno : EIO);
            }
            offset += static_cast<uint64_t>(written);
            size_ = std::max(size_, offset);
            bytes = bytes.part(static_cast<size_t>(written));
        }
        return success();
    }

    Status truncate(uint64_t size) override {
        const auto length = static_cast<off_t>(size);
        if (retry([&] { return ::ftruncate(descriptor_.number(), length); }) != 0) {
            return fail_errno("truncate", path_);
        }
        size_ = size;
        return success();
    }

    Status sync_data() override {
        if (retry([&] { return ::fdatasync(descriptor_.number()); }) != 0) {
            return fail_errno("sync", path_);
        }
        return success();
    }

    Status sync() override {
        if (retry([&] { return ::fsync(descriptor_.number()); }) != 0) {
            return fail_errno("sync", path_);
        }
        return success();
    }

    Status close() override {
        if (descriptor_.close() != 0 && errno != EINTR) {
            return fail_errno("close", path_);
        }
        return success();
    }

    [[nodiscard]] uint64_t size() const override { return size_; }

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const Path path_;
    Descriptor descriptor_;
    uint64_t size_;
};

class PosixReadFile final : public ReadFile {
  public:
    PosixReadFile(Path path, Descriptor descriptor)
        : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

    [[nodiscard]] Result<size_t> read_at(uint64_t offset, std::span<uint8_t> to) const override {
        size_t done = 0;
        while (done < to.size()) {
            const ssize_t got = retry([&] {
                return ::pread(descriptor_.number(),
                               to.data() + done,
                               to.size() - done,
                               static_cast<off_t>(offset + done));
            });
            if (got < 0) {
                return fail_errno("read", path_);
            }
            if (got == 0) {
                break;
            }
            done += static_cast<size_t>(got);
        }
        return done;
    }

    [[nodiscard]] Result<uint64_t> size() const override { return size_of(descriptor_, path_); }

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const Path path_;
    const Descriptor descriptor_;
};

class PosixMappedFile final : public MappedFile {
  public:
    PosixMappedFile(Path path, void* data, size_t size)
        : path_(std::move(path)), data_(data), size_(size), guard_(std::in_place, data, size) {}

    ~PosixMappedFile() override {
        guard_.reset();
        if (size_ != 0) {
            ::munmap(data_, size_);
        }
    }

    PosixMappedFile(const PosixMappedFile&) = delete;
    PosixMappedFile& operator=(const PosixMappedFile&) = delete;

    [[nodiscard]] ByteView bytes() const override {
        return {static_cast<const uint8_t*>(data_), size_};
    }

    void advise(Advice advice) const override {
        constexpr std::array kAdvice{
            MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTNEED};
        if (size_ != 0) {
            ::madvise(data_, size_, kAdvice[static_cast<size_t>(advice)]);
        }
    }

    [[nodiscard]] const Path& path() const override { return path_; }

  private:
    const Path path_;
    void* const data_;
    const size_t size_;
    std::optional<GuardedRegion> guard_;
};

class PosixLock final : public FileLock {
  public:
    explicit PosixLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  private:
    const Descriptor descriptor_;  // closing it lets go
};

class PosixFiles final : public Files {
  public:
    Result<std::unique_ptr<WriteFile>> create(const Path& path) override {
        return open_write(path, O_RDWR | O_CREAT | O_TRUNC);
    }

    Result<std::unique_ptr<WriteFile>> open_append(const Path& path) override {
        return open_write(path, O_RDWR | O_CREAT);
    }

    Result<std::unique_ptr<ReadFile>> open_read(const Path& path) override {
        TRY(auto descriptor, open_file(path, O_RDONLY));
        return std::make_unique<PosixReadFile>(path, std::move(descriptor));
    }

    Result<std::unique_ptr<MappedFile>> map(const Path& path) override {
        TRY(const auto descriptor, open_file(path, O_RDONLY));
        TRY(const auto size, size_of(descriptor, path));
        if (size == 0) {
            return std::make_unique<PosixMappedFile>(path, nullptr, 0);
        }
        void* const data = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.number(), 0);
        if (data == MAP_FAILED) {
            return fail_errno("map", path);
        }
        return std::make_unique<PosixMappedFile>(path, data, size);
    }

    Result<FileInfo> stat(const Path& path) override {
        struct stat info{};
        if (::stat(path.c_str(), &info) != 0) {
            return fail_errno("stat", path);
        }
        FileInfo out;
        out.size = static_cast<uint64_t>(info.st_size);
        out.is_directory = S_ISDIR(info.st_mode);
        out.modified_ns = info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec;
        out.inode = info.st_ino;
        return out;
    }

    Result<std::vector<FolderEntry>> list(const Path& folder) override {
        std::error_code error;
        std::vector<FolderEntry> entries;
        auto at = std::filesystem::directory_iterator(folder, error);
        for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
            std::error_code vanished;  // a file may be removed while we list: then it is no folder
            entries.push_back({at->path().filename().string(), at->is_directory(vanished)});
        }
        if (error) {
            return fail_errno("list", folder, error.value());
        }
        std::sort(entries.begin(), entries.end(), [](const auto& left, const auto& right) {
            return left.name < right.name;
        });
        return entries;
    }

    Status make_folders(const Path& folder) override {
        if (::mkdir(folder.c_str(), kFolderMode) == 0) {
            return success();
        }
        const int reason = errno;
        if (reason == ENOENT && !folder.empty()) {
            const Path parent = parent_path(folder);
            if (parent.size() < folder.size()) {
                TRY(make_folders(parent));
                if (::mkdir(folder.c_str(), kFolderMode) == 0 || errno == EEXIST) {
                    return success();
                }
                return fail_errno("make folder", folder);
            }
        }
        if (reason == EEXIST) {
            const auto info = stat(folder);
            if (info.has_value() && info.value().is_directory) {
                return success();
            }
        }
        return fail_errno("make folder", folder, reason);
    }

    Status rename(const Path& from, const Path& to) override {
        if (::rename(from.c_str(), to.c_str()) != 0) {
            return fail_errno("rename", from + " to " + to);
        }
        return success();
    }

    Status link(const Path& existing, const Path& to) override {
        if (::link(existing.c_str(), to.c_str()) != 0) {
            return fail_errno("link", existing + " to " + to);
        }
        return success();
    }

    Status remove(const Path& path) override {
        std::error_code error;
        if (!std::filesystem::remove(path, error)) {
            return fail_errno("remove", path, error ? error.value() : ENOENT);
        }
        return success();
    }

    Status remove_tree(const Path& path) override {
        std::error_code error;
        std::filesystem::remove_all(path, error);
        if (error) {
            return fail_errno("remove", path, error.value());
        }
        return success();
    }

    Status truncate(const Path& path, uint64_t size) override {
        if (retry([&] { return ::truncate(path.c_str(), static_cast<off_t>(size)); }) != 0) {
            return fail_errno("truncate", path);
        }
        return success();
    }

    Status sync_folder(const Path& folder) override {
        TRY(const auto descriptor, open_file(folder, O_RDONLY | O_DIRECTORY));
        if (retry([&] { return ::fsync(descriptor.number()); }) != 0) {
            return fail_errno("sync", folder);
        }
        return success();
    }

    Result<std::unique_ptr<FileLock>> lock(const Path& path) override {
        TRY(auto descriptor, open_file(path, O_RDWR | O_CREAT));
        if (retry([&] { return ::flock(descriptor.number(), LOCK_EX | LOCK_NB); }) != 0) {
            if (errno == EWOULDBLOCK) {
                return fail(Code::kUnavailable,
                            "lock " + path + ": another process holds it; stop that one first");
            }
            return fail_errno("lock", path);
        }
        return std::make_unique<PosixLock>(std::move(descriptor));
    }

    Result<DiskSpace> space(const Path& path) override {
        struct statvfs info{};
        if (retry([&] { return ::statvfs(path.c_str(), &info); }) != 0) {
            return fail_errno("ask for the free space of", path);
        }
        return DiskSpace{info.f_blocks * info.f_frsize, info.f_bavail * info.f_frsize};
    }

  private:
    static Result<std::unique_ptr<WriteFile>> open_write(const Path& path, int flags) {
        TRY(auto descriptor, open_file(path, flags));
        TRY(const auto size, size_of(descriptor, path));
        return std::make_unique<PosixWriteFile>(path, std::move(descriptor), size);
    }
};

}  // namespace

std::unique_ptr<Files> make_posix_files() {
    return std::make_unique<PosixFiles>();
}

}  // namespace base
