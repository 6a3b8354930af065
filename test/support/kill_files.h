// Files of a process that can be killed: from a certain call on, nothing it does reaches the disk.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "test/support/forwarding_files.h"

namespace test_support {

// Passes calls on to another Files and counts those that change something. Threads: any.
class KillFiles final : public ForwardingFiles {
  public:
    explicit KillFiles(base::Files& below)
        : ForwardingFiles(below), state_(std::make_shared<State>()) {}

    // The next call that changes something is lost, with all that follow.
    void kill() { state_->left = 0; }

    // So many calls still get through. Half of the last one's bytes do, when it is a write.
    void kill_after(uint64_t calls) { state_->left = static_cast<int64_t>(calls); }

    [[nodiscard]] bool killed() const { return state_->left.load() <= 0; }

    // Calls that changed something so far.
    [[nodiscard]] uint64_t changes() const { return state_->changes.load(); }

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

    class File final : public ForwardingWriteFile {
      public:
        File(std::unique_ptr<base::WriteFile> below, std::shared_ptr<State> state)
            : ForwardingWriteFile(std::move(below)), state_(std::move(state)) {}

        base::Status append(base::ByteView bytes) override { return write_at(size(), bytes); }

        base::Status write_at(uint64_t offset, base::ByteView bytes) override {
            bool last = false;
            if (!state_->take(&last)) {
                return State::killed("write", path());
            }
            if (last) {
                TRY(ForwardingWriteFile::write_at(offset, bytes.part(0, bytes.size() / 2)));
                return State::killed("write", path());
            }
            return ForwardingWriteFile::write_at(offset, bytes);
        }

        base::Status truncate(uint64_t size) override {
            TRY(state_->step("truncate", path()));
            return ForwardingWriteFile::truncate(size);
        }

        base::Status sync_data() override {
            TRY(state_->step("sync", path()));
            return ForwardingWriteFile::sync_data();
        }

        base::Status sync() override {
            TRY(state_->step("sync", path()));
            return ForwardingWriteFile::sync();
        }

      private:
        const std::shared_ptr<State> state_;
    };

    base::Status before_change(const char* what, const base::Path& path) override {
        return state_->step(what, path);
    }

    std::unique_ptr<base::WriteFile> wrap(std::unique_ptr<base::WriteFile> file) override {
        return std::make_unique<File>(std::move(file), state_);
    }

    const std::shared_ptr<State> state_;
};

}  // namespace test_support
