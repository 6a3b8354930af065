// Files that pass every call on to others: for doubles that change some calls.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "base/file.h"

namespace test_support {

// A file that passes every call on.
class ForwardingWriteFile : public base::WriteFile {
  public:
    explicit ForwardingWriteFile(std::unique_ptr<base::WriteFile> below)
        : below_(std::move(below)) {}

    base::Status append(base::ByteView bytes) override { return below_->append(bytes); }

    base::Status write_at(uint64_t offset, base::ByteView bytes) override {
        return below_->write_at(offset, bytes);
    }

    base::Status truncate(uint64_t size) override { return below_->truncate(size); }

    base::Status sync_data() override { return below_->sync_data(); }

    base::Status sync() override { return below_->sync(); }

    base::Status close() override { return below_->close(); }

    [[nodiscard]] uint64_t size() const override { return below_->size(); }

    [[nodiscard]] const base::Path& path() const override { return below_->path(); }

  private:
    const std::unique_ptr<base::WriteFile> below_;
};

// Threads: any, as far as what derives from it allows.
class ForwardingFiles : public base::Files {
  public:
    explicit ForwardingFiles(base::Files& below) : below_(below) {}

    base::Result<std::unique_ptr<base::WriteFile>> create(const base::Path& path) override {
        TRY(before_change("create", path));
        TRY(auto file, below_.create(path));
        return wrap(std::move(file));
    }

    base::Result<std::unique_ptr<base::WriteFile>> open_append(const base::Path& path) override {
        TRY(before_change("open", path));
        TRY(auto file, below_.open_append(path));
        return wrap(std::move(file));
    }

    base::Result<std::unique_ptr<base::ReadFile>> open_read(const base::Path& path) override {
        return below_.open_read(path);
    }

    base::Result<std::unique_ptr<base::MappedFile>> map(const base::Path& path) override {
        return below_.map(path);
    }

    base::Result<base::FileInfo> stat(const base::Path& path) override { return below_.stat(path); }

    base::Result<std::vector<base::FolderEntry>> list(const base::Path& folder) override {
        return below_.list(folder);
    }

    base::Status make_folders(const base::Path& folder) override {
        TRY(before_change("make folder", folder));
        return below_.make_folders(folder);
    }

    base::Status rename(const base::Path& from, const base::Path& to) override {
        TRY(before_change("rename", from));
        return below_.rename(from, to);
    }

    base::Status link(const base::Path& existing, const base::Path& to) override {
        TRY(before_change("link", existing));
        return below_.link(existing, to);
    }

    base::Status remove(const base::Path& path) override {
        TRY(before_change("remove", path));
        return below_.remove(path);
    }

    base::Status remove_tree(const base::Path& path) override {
        TRY(before_change("remove", path));
        return below_.remove_tree(path);
    }

    base::Status truncate(const base::Path& path, uint64_t size) override {
        TRY(before_change("truncate", path));
        return below_.truncate(path, size);
    }

    base::Status sync_folder(const base::Path& folder) override {
        TRY(before_change("sync", folder));
        return below_.sync_folder(folder);
    }

    base::Result<std::unique_ptr<base::FileLock>> lock(const base::Path& path) override {
        return below_.lock(path);
    }

    base::Result<base::DiskSpace> space(const base::Path& path) override {
        return below_.space(path);
    }

  protected:
    // Asked before a call changes names, folders or lengths; an error keeps it from happening.
    virtual base::Status before_change(const char* /*what*/, const base::Path& /*path*/) {
        return base::success();
    }

    // What is given out for a file that was opened for writing.
    virtual std::unique_ptr<base::WriteFile> wrap(std::unique_ptr<base::WriteFile> file) = 0;

  private:
    base::Files& below_;
};

}  // namespace test_support
