#include "test/support/fault_files.h"

#include <array>
#include <optional>

namespace test_support {

using base::ByteView;
using base::fail;
using base::MutexLock;
using base::Path;
using base::Result;
using base::Status;
using base::success;

class FaultFiles::Plan {
  public:
    void fail_at(FileCall call, uint64_t nth, FileFault fault) {
        const MutexLock lock(mutex_);
        Kind& kind = of(call);
        kind.fault = fault;
        kind.fails_at = kind.calls + nth;
    }

    void heal() {
        const MutexLock lock(mutex_);
        for (Kind& kind : kinds_) {
            kind.fails_at = 0;
        }
    }

    [[nodiscard]] uint64_t calls(FileCall call) {
        const MutexLock lock(mutex_);
        return of(call).calls;
    }

    // Counts a call. returns  the fault when this one is to fail
    std::optional<FileFault> count(FileCall call) {
        const MutexLock lock(mutex_);
        Kind& kind = of(call);
        ++kind.calls;
        const bool fails =
            kind.fails_at != 0 &&
            (kind.calls == kind.fails_at || (kind.fault.forever && kind.calls > kind.fails_at));
        return fails ? std::optional(kind.fault) : std::nullopt;
    }

    Status step(FileCall call, const Path& path) {
        if (const auto fault = count(call)) {
            return fail(fault->code, "injected fault:", path);
        }
        return success();
    }

  private:
    struct Kind {
        uint64_t calls = 0;
        uint64_t fails_at = 0;
        FileFault fault;
    };

    Kind& of(FileCall call) REQUIRES_LOCK(mutex_) { return kinds_[static_cast<size_t>(call)]; }

    base::Mutex mutex_;
    std::array<Kind, kFileCalls> kinds_ GUARDED_BY(mutex_);
};

namespace {

class FaultWriteFile final : public base::WriteFile {
  public:
    FaultWriteFile(std::unique_ptr<base::WriteFile> below, std::shared_ptr<FaultFiles::Plan> plan)
        : below_(std::move(below)), plan_(std::move(plan)) {}

    Status append(ByteView bytes) override { return write_at(below_->size(), bytes); }

    Status write_at(uint64_t offset, ByteView bytes) override {
        if (const auto fault = plan_->count(FileCall::kWrite)) {
            if (fault->bytes_written != 0) {
                TRY(below_->write_at(offset, bytes.part(0, fault->bytes_written)));
            }
            return fail(fault->code, "injected fault: write", path());
        }
        return below_->write_at(offset, bytes);
    }

    Status truncate(uint64_t size) override {
        TRY(plan_->step(FileCall::kTruncate, path()));
        return below_->truncate(size);
    }

    Status sync_data() override {
        TRY(plan_->step(FileCall::kSync, path()));
        return below_->sync_data();
    }

    Status sync() override {
        TRY(plan_->step(FileCall::kSync, path()));
        return below_->sync();
    }

    Status close() override { return below_->close(); }

    [[nodiscard]] uint64_t size() const override { return below_->size(); }

    [[nodiscard]] const Path& path() const override { return below_->path(); }

  private:
    const std::unique_ptr<base::WriteFile> below_;
    const std::shared_ptr<FaultFiles::Plan> plan_;
};

class FaultReadFile final : public base::ReadFile {
  public:
    FaultReadFile(std::unique_ptr<base::ReadFile> below, std::shared_ptr<FaultFiles::Plan> plan)
        : below_(std::move(below)), plan_(std::move(plan)) {}

    [[nodiscard]] Result<size_t> read_at(uint64_t offset, std::span<uint8_t> to) const override {
        TRY(plan_->step(FileCall::kRead, path()));
        return below_->read_at(offset, to);
    }

    [[nodiscard]] Result<uint64_t> size() const override { return below_->size(); }

    [[nodiscard]] const Path& path() const override { return below_->path(); }

  private:
    const std::unique_ptr<base::ReadFile> below_;
    const std::shared_ptr<FaultFiles::Plan> plan_;
};

}  // namespace

FaultFiles::FaultFiles(base::Files& below) : below_(below), plan_(std::make_shared<Plan>()) {}

FaultFiles::~FaultFiles() = default;

void FaultFiles::fail_at(FileCall call, uint64_t nth, FileFault fault) {
    plan_->fail_at(call, nth, fault);
}

void FaultFiles::heal() {
    plan_->heal();
}

uint64_t FaultFiles::calls(FileCall call) const {
    return plan_->calls(call);
}

Result<std::unique_ptr<base::WriteFile>> FaultFiles::wrap(
    Result<std::unique_ptr<base::WriteFile>> opened) {
    TRY(auto file, std::move(opened));
    return std::make_unique<FaultWriteFile>(std::move(file), plan_);
}

Result<std::unique_ptr<base::WriteFile>> FaultFiles::create(const Path& path) {
    TRY(plan_->step(FileCall::kOpen, path));
    return wrap(below_.create(path));
}

Result<std::unique_ptr<base::WriteFile>> FaultFiles::open_append(const Path& path) {
    TRY(plan_->step(FileCall::kOpen, path));
    return wrap(below_.open_append(path));
}

Result<std::unique_ptr<base::ReadFile>> FaultFiles::open_read(const Path& path) {
    TRY(plan_->step(FileCall::kOpen, path));
    TRY(auto file, below_.open_read(path));
    return std::make_unique<FaultReadFile>(std::move(file), plan_);
}

Result<std::unique_ptr<base::MappedFile>> FaultFiles::map(const Path& path) {
    TRY(plan_->step(FileCall::kOpen, path));
    return below_.map(path);
}

Result<base::FileInfo> FaultFiles::stat(const Path& path) {
    TRY(plan_->step(FileCall::kList, path));
    return below_.stat(path);
}

Result<std::vector<base::FolderEntry>> FaultFiles::list(const Path& folder) {
    TRY(plan_->step(FileCall::kList, folder));
    return below_.list(folder);
}

Status FaultFiles::make_folders(const Path& folder) {
    TRY(plan_->step(FileCall::kMakeFolders, folder));
    return below_.make_folders(folder);
}

Status FaultFiles::rename(const Path& from, const Path& to) {
    TRY(plan_->step(FileCall::kRename, from));
    return below_.rename(from, to);
}

Status FaultFiles::link(const Path& existing, const Path& to) {
    TRY(plan_->step(FileCall::kRename, existing));
    return below_.link(existing, to);
}

Status FaultFiles::remove(const Path& path) {
    TRY(plan_->step(FileCall::kRemove, path));
    return below_.remove(path);
}

Status FaultFiles::remove_tree(const Path& path) {
    TRY(plan_->step(FileCall::kRemove, path));
    return below_.remove_tree(path);
}

Status FaultFiles::truncate(const Path& path, uint64_t size) {
    TRY(plan_->step(FileCall::kTruncate, path));
    return below_.truncate(path, size);
}

Status FaultFiles::sync_folder(const Path& folder) {
    TRY(plan_->step(FileCall::kSyncFolder, folder));
    return below_.sync_folder(folder);
}

Result<std::unique_ptr<base::FileLock>> FaultFiles::lock(const Path& path) {
    return below_.lock(path);
}

Result<base::DiskSpace> FaultFiles::space(const Path& path) {
    return below_.space(path);
}

}  // namespace test_support
