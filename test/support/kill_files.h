// Files of a process that can be killed: from a certain call on, nothing it does reaches the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "base/file.h"

namespace test_support {

// Passes calls on to another Files and counts those that change something. Threads: any.
class KillFiles final : public base::Files {
  public:
    explicit KillFiles(base::Files& below) : below_(below), state_(std::make_shared<State>()) {}

    // The next call that changes something is lost, with all that follow.
    void kill() { state_->left = 0; }

    // So many calls still get through. Half of the last one's bytes do, when it is a write.
    void kill_after(uint64_t calls) { state_->left = static_cast<int64_t>(calls); }

    [[nodiscard]] bool killed() const { return state_->left.load() <= 0; }

    // Calls that changed something so far.
    [[nodiscard]] uint64_t changes() const { return state_->changes.load(); }

    base::Result<std::unique_ptr<base::WriteFile>> create(const base::Path& path) override {
        TRY(state_->step("create", path));
        return wrap(below_.create(path));
    }

    base::Result<std::unique_ptr<base::WriteFile>> open_append(const base::Path& path) override {
        TRY(state_->step("open", path));
        return wrap(below_.open_append(path));
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
        TRY(state_->step("make folder", folder));
        return below_.make_folders(folder);
    }

    base::Status rename(const base::Path& from, const base::Path& to) override {
        TRY(state_->step("rename", from));
        return below_.rename(from, to);
    }

    base::Status link(const base::Path& existing, const base::Path& to) override {
        TRY(state_->step("link", existing));
        return below_.link(existing, to);
    }

    base::Status remove(const base::Path& path) override {
        TRY(state_->step("remove", path));
        return below_.remove(path);
    }

    base::Status remove_tree(const base::Path& path) override {
        TRY(state_->step("remove", path));
        return below_.remove_tree(path);
    }

    base::Status truncate(const base::Path& path, uint64_t size) override {
        TRY(state_->step("truncate", path));
        return below_.truncate(path, size);
    }

    base::Status sync_folder(const base::Path& folder) override {
        TRY(state_->step("sync", folder));
        return below_.sync_folder(folder);
    }

    base::Result<std::unique_ptr<base::FileLock>> lock(const base::Path& path) override {
        return below_.lock(path);
    }

    base::Result<base::DiskSpace> space(const base::Path& path) override {
        return below_.space(path);
    }

  private:
    struct State {
        std::atomic<int64_t> left{INT64_MAX};
        std::atomic<uint64_t> changes{0};

        // Whether the call gets through; `last`: whether it is the last one.
        bool take(bool* last = nullptr) {
            changes.fetch_add(1);
            const int64_t before = left.fetch_sub(1);
            if (last != nullptr) {
                *last = before == 1;
            }
            if (before <= 0) {
                left.store(0);
                return false;
            }
            return true;
        }

        base::Status step(const char* what, const base::Path& path) {
            return take() ? base::success() : killed(what, path);
        }

        static base::Status killed(const char* what, const base::Path& path) {
            return base::fail(base::Code::kIo, what, path, ": killed");
        }
    };

    class File final : public base::WriteFile {
      public:
        File(std::unique_ptr<base::WriteFile> below, std::shared_ptr<State> state)
            : below_(std::move(below)), state_(std::move(state)) {}

        base::Status append(base::ByteView bytes) override {
            return write_at(below_->size(), bytes);
        }

        base::Status write_at(uint64_t offset, base::ByteView bytes) override {
            bool last = false;
            if (!state_->take(&last)) {
                return State::killed("write", path());
            }
            if (last) {
                TRY(below_->write_at(offset, bytes.part(0, bytes.size() / 2)));
                return State::killed("write", path());
            }
            return below_->write_at(offset, bytes);
        }

        base::Status truncate(uint64_t size) override {
            TRY(state_->step("truncate", path()));
            return below_->truncate(size);
        }

        base::Status sync_data() override {
            TRY(state_->step("sync", path()));
            return below_->sync_data();
        }

        base::Status sync() override {
            TRY(state_->step("sync", path()));
            return below_->sync();
        }

        base::Status close() override { return below_->close(); }

        [[nodiscard]] uint64_t size() const override { return below_->size(); }

        [[nodiscard]] const base::Path& path() const override { return below_->path(); }

      private:
        const std::unique_ptr<base::WriteFile> below_;
        const std::shared_ptr<State> state_;
    };

    base::Result<std::unique_ptr<base::WriteFile>> wrap(
        base::Result<std::unique_ptr<base::WriteFile>> opened) {
        TRY(auto file, std::move(opened));
        return std::make_unique<File>(std::move(file), state_);
    }

    base::Files& below_;
    std::shared_ptr<State> state_;
};

}  // namespace test_support
